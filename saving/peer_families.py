"""The blocks that diffusers has for an index of one of its families for which there is no preset."""

from __future__ import annotations

from typing import Any

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.from_diffusers import adopt
from ..blocks.core.peer_family import peer_pipeline_class
from ..registry import PipelineIndex

BASES = frozenset(
    {"SequentialPipelineBlocks", "AutoPipelineBlocks", "ConditionalPipelineBlocks", "LoopSequentialPipelineBlocks"}
)
"""Classes under which diffusers saves a composition whose parts it does not write down."""


def peer_blocks(index: PipelineIndex) -> ModularPipelineBlocks | None:
    """Adopt the blocks of diffusers for the classes that an index names; None where it has none for just these."""
    found = _blocks_class(index.blocks_class)
    # Blocks of somebody's own are no others: nothing stands in for them.
    if found is None and index.class_name is not None and index.blocks_class in (None, *BASES):
        found = _blocks_class(getattr(_pipeline_class(index), "default_blocks_name", None))
    return None if found is None else adopt(found)


def _blocks_class(name: str | None) -> Any:
    """Return the class of blocks with some in it; the base classes have none, and say nothing of what runs."""
    found = _public(name, "ModularPipelineBlocks")
    return found if getattr(found, "block_classes", None) else None


def _pipeline_class(index: PipelineIndex) -> Any:
    """Return diffusers' modular pipeline class: the one that the index names, or that of the classic pipeline which it names."""
    named = _public(index.class_name, "ModularPipeline")
    if named is not None:
        return named
    from diffusers.pipelines import auto_pipeline

    model_of = getattr(auto_pipeline, "_get_model", None)
    model_name = None if model_of is None or index.class_name is None else model_of(index.class_name)
    return None if model_name is None else peer_pipeline_class(model_name, index.configs)


def _public(name: str | None, base: str) -> Any:
    """Return a public class of diffusers by name, if it derives from one of a name."""
    if name is None or not name.isidentifier() or name.startswith("_"):
        return None
    import diffusers

    found = getattr(diffusers, name, None)
    bases = [each.__name__ for each in getattr(found, "__mro__", ())]
    return found if base in bases[1:] else None
