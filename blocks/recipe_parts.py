"""Writes down what a run begins with, fast: this happens at every run."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from ..engine.arithmetic import arithmetic
from ..state.code_digest import is_packaged
from .base import ModularPipelineBlocks
from .composition import describe
from .flattening import walk
from .recipe import Recipe
from .recipe_values import noted_inputs

if TYPE_CHECKING:
    from .modular_pipeline import ModularPipeline

_PACKAGES = ("brickwork", "torch", "diffusers", "transformers")


def recipe_of(
    pipe: ModularPipeline,
    components: tuple[str, ...],
    values: Mapping[str, Any],
    asked: Any,
    held: Mapping[str, Any] | None = None,
) -> Recipe:
    """Write down a run before it begins.

    Args:
        components: names of those that it uses. values: what it is given. asked: as `output=` has it.
        held: the components, where they are others than the pipeline's.
    """
    notes = pipe.component_notes.of(pipe, components, pipe.components if held is None else held)
    inputs, generators = noted_inputs(values)
    settings = pipe.settings
    known = {
        "software": _software(),
        "device": str(pipe.device),
        "arithmetic": arithmetic(),
        "settings": {"grad": settings.grad, "residency": settings.residency, "load": settings.load},
        "composition": pipe.described(),
        "configs": pipe.config.written,
        "components": notes.written,
        "inputs": inputs,
        "generators": generators,
        "output": asked if asked is None or isinstance(asked, str) else list(asked),
    }
    return Recipe(known, notes.weights)


def described(blocks: ModularPipelineBlocks, known: dict[str, Any] | None) -> tuple[dict[str, Any], bool]:
    """Describe a composition, and say whether that can be kept: not for code that somebody may define anew."""
    if known is not None:
        return known, True
    return describe(blocks), all(is_packaged(block.source_class.__module__) for _, block in walk(blocks))


@cache
def _software() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a folder that was not installed
        return "unknown"
