"""Runs a classic pipeline: makes its object of the run's components, calls it, and takes what it returns apart."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...engine import Run
from ...engine.nodes import Call, Values
from ...registry.devices.layer_traffic import comes_in_parts
from ...state import ComponentError, RunError
from ...state.errors import with_article
from .own_structure import KeptDtypes, with_own_structure
from .steps_of_run import StepsOfRun

if TYPE_CHECKING:
    from .classic_block import ClassicBlock

_EMBEDS = {"prompt_embeds": "prompt", "negative_prompt_embeds": "negative_prompt"}
"""Embeddings, and the texts that they stand for; a text is also what a further encoder reads, as `prompt_2`."""


def call_pipeline(block: ClassicBlock, path: str, run: Run) -> Call:
    """Return the call of a block for one run. The pipeline's object is made in it, and is gone after it."""
    cls: Any = block.pipeline_class
    names = list(inspect.signature(cls.__call__).parameters)
    configs = {str(spec.name): run.configs.get(spec.name, spec.default) for spec in block.expected_configs}

    def call(values: Values) -> None:
        held = {name: run.components[name] for name in block.component_names}
        steps, dtypes = StepsOfRun(run, path, cls, values), KeptDtypes(held)
        given = with_own_structure(held)
        pipeline = cls(**given, **configs)
        _refuse_remade(path, pipeline, given)
        steps.watch(pipeline)
        own = {**steps.arguments(), **({"return_dict": True} if "return_dict" in names else {})}
        try:
            result = pipeline(**_arguments(block, values, run.state.provenance), **own)
        finally:
            dtypes.put_back()
        values.update(_by_name(block, path, result))

    return call


def _refuse_remade(path: str, pipeline: Any, given: Mapping[str, Any]) -> None:
    """Raise ComponentError where the constructor made a network of one that comes layer by layer: it holds what was elsewhere."""
    import torch

    for name, part in given.items():
        made = getattr(pipeline, name, None)
        if made is part or not isinstance(made, torch.nn.Module) or not comes_in_parts(part):
            continue
        raise ComponentError(
            f"{path} ({type(pipeline).__name__}) makes {with_article(type(made).__name__)} of {name!r} ({type(part).__name__}) in its constructor, so "
            f"{name!r} cannot come layer by layer, as it does under this budget. Raise the budget, or have the smallest that works named "
            "before the run: enable_auto_cpu_offload(..., layers=False)."
        )


def _arguments(block: ClassicBlock, values: Values, provenance: Mapping[str, str]) -> dict[str, Any]:
    """Return what the pipeline is called with: what there is; what is not has its own default."""
    stood_for = [text for embeds, text in _EMBEDS.items() if values.get(embeds) is not None and embeds in provenance]
    found: dict[str, Any] = {}
    for param in block.inputs:
        name = str(param.name)
        # An earlier block has encoded the text, which is there for that one: classic pipelines refuse both.
        if any(name == text or (name.startswith(f"{text}_") and name[len(text) + 1 :].isdigit()) for text in stood_for):
            continue
        # Also a None: in place of a default that is another, it means something to the class.
        if name in values or param.required:
            found[name] = values.get(name)
    return found


def _by_name(block: ClassicBlock, path: str, result: Any) -> dict[str, Any]:
    """Return the outputs by name.

    Raises:
        RunError: the pipeline returned something else than its class says.
    """
    names = [output.name for output in block.intermediate_outputs]
    if isinstance(result, Mapping):
        # A field that is None stands in the class and not among the keys.
        return {name: getattr(result, name, None) for name in names}
    parts = result if isinstance(result, tuple) else (result,)
    if len(parts) != len(names):
        raise RunError(
            f"{path} ({block.pipeline_class.__name__}) returned {len(parts)} values, and its class says {', '.join(names)}."
        )
    return dict(zip(names, parts, strict=True))
