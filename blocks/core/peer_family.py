"""What diffusers' own pipeline classes compute of a model family, for blocks that were written for them (`vae_scale_factor`)."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any

from .flattening import walk

_MODULE = "diffusers.modular_pipelines.modular_pipeline"
MISSING = object()


def peer_pipeline_class(model_name: str | None, configs: Mapping[str, Any] | None = None) -> Any:
    """Return the pipeline class that diffusers keeps for a family of blocks; None where it has none.

    Args:
        configs: settings of the pipeline, by which diffusers tells editions of a family apart.
    """
    if model_name is None:
        return None
    import diffusers
    from diffusers.modular_pipelines.modular_pipeline import MODULAR_PIPELINE_MAPPING

    classes: Mapping[str, Callable[..., str]] = MODULAR_PIPELINE_MAPPING
    return getattr(diffusers, classes[model_name](configs), None) if model_name in classes else None


def peer_property(blocks: object, owner: object, name: str) -> Any:
    """Return what diffusers' pipeline class for the family of blocks computes under a name; `MISSING` where there is nothing.

    Args:
        owner: holds the components that it is computed of.
    """
    if name.startswith("_"):
        return MISSING
    model_name = next((block.model_name for _, block in walk(blocks) if block.model_name), None)
    # Most compositions name no family, and need not wait until diffusers is imported.
    cls = None if model_name is None else peer_pipeline_class(model_name)
    bases = (
        []
        if cls is None
        else [base for base in cls.__mro__ if base.__module__.startswith("diffusers.modular_pipelines.")]
    )
    # Of the family alone: what all pipelines have is ours.
    found = next((vars(base)[name] for base in bases if base.__module__ != _MODULE and name in vars(base)), MISSING)
    if isinstance(found, property) and found.fget is not None:
        return found.fget(owner)
    return types.MethodType(found, owner) if isinstance(found, types.FunctionType) else MISSING
