"""A task as a stage of another one: what is its own has the name of the stage before its name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..blocks.core.scope import Scope
from ..blocks.core.sequential import SequentialPipelineBlocks
from ..families.contract import FamilyContract


def stage(
    name: str,
    blocks: Mapping[str, Any],
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    shared: Collection[str] = (),
) -> Any:
    """Return blocks in a scope, with components of their own: "small_unet" in a stage "small".

    Args:
        inputs, outputs: what is let in and out, by the names within, with those outside. shared: components that are those outside.
    """
    components = SequentialPipelineBlocks.from_blocks_dict(dict(blocks)).component_names
    return Scope.from_blocks_dict(
        dict(blocks),
        inputs=dict(inputs),
        outputs=dict(outputs),
        components=named_by(name, (each for each in components if each not in shared)),
    )


def named_by(name: str, names: Iterable[str]) -> dict[str, str]:
    """Return names within a stage with those outside, which have its name before them."""
    return {each: f"{name}_{each}" for each in names}


def unchanged(names: Iterable[str]) -> dict[str, str]:
    """Return names that are the same within and outside."""
    return {each: each for each in names}


def embeds_of(family: FamilyContract) -> list[str]:
    """Return the names of a family's embeddings of texts, positive and negative."""
    return [name for part in family.fields("prompt_embeds") for name in (part.positive, part.negative)]
