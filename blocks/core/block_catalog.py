"""Blocks and presets by name: of this package, and of installed ones that register theirs."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ...families.contract import ROLE_TYPES, UNBOUND, FamilyContract, bound_family
from ...registry import catalog
from ...saving.composition import GROUP, Finder, block_class, own_blocks
from ...state import CompositionError
from ...state.errors import did_you_mean
from ...state.types import group_marker
from .base import ModularPipelineBlocks
from .declaration import attribute_hint
from .interface import snake_case

PRESETS = "brickwork.presets"
"""Entry points of packages that bring whole compositions."""


def block_names() -> list[str]:
    """Names of all blocks: "PredictNoise" of this package, "my-package/soft_denoise" of others."""
    return sorted({*own_blocks(), *(_long_name(point) for point in entry_points(group=GROUP))})


def find_block(name: str, near: Any = ()) -> type[ModularPipelineBlocks]:
    """Return a class of blocks by its name; one that speaks of roles is bound to the family of its neighbours.

    Args:
        near: blocks beside which it is put.

    Raises:
        CompositionError: there is no such block.
    """
    found = _named(name)
    family = bound_family(near)
    return found.bind(family) if family is not UNBOUND and wants_family(found, family) else found


def _named(name: str) -> type[ModularPipelineBlocks]:
    for point in entry_points(group=GROUP):
        if point.dist is not None and name in _names(point)[1:]:
            return block_class(point.load(), name)
    own = own_blocks()
    by_snake = {snake_case(each): each for each in own}
    if name in own or name in by_snake:
        return own[by_snake.get(name, name)]
    if name in {word for point in entry_points(group=GROUP) for word in (point.name, point.value)}:
        return Finder().find(name)
    raise CompositionError(f"No block is named {name!r}. {did_you_mean(name, [*block_names(), *by_snake])}")


def wants_family(cls: type[ModularPipelineBlocks], family: FamilyContract) -> bool:
    """Whether a class of blocks means nothing until it is bound to a family."""
    if cls.family is not UNBOUND:
        return False
    declared = getattr(cls, "declaration", None)
    if declared is not None:
        if any(slot.many or attribute_hint(cls, name) in ROLE_TYPES for name, slot in declared.components.items()):
            return True
        if any(group_marker(parameter.hint) is not None for parameter in declared.parameters):
            return True
    inner = getattr(cls, "block_classes", ())
    return any(wants_family(part, family) for part in inner if isinstance(part, type))


def preset_names() -> list[str]:
    """Names of all presets: "sdxl.text2image" of this package, "my-package/soft" of others."""
    return sorted({*catalog, *(_long_name(point) for point in entry_points(group=PRESETS))})


def find_preset(name: str) -> ModularPipelineBlocks:
    """Make the composition of a preset.

    Raises:
        CompositionError: there is no such preset.
    """
    if name in catalog:  # ours come first: no package takes a name from them
        return made_of(catalog.get(name))
    points = [point for point in entry_points(group=PRESETS) if name in _names(point)]
    if not points:
        raise CompositionError(f"No preset is named {name!r}. {did_you_mean(name, preset_names())}")
    if len({point.value for point in points}) > 1:
        raise CompositionError(
            f"{name!r} is a preset of several packages: {', '.join(map(_long_name, points))}. Say which."
        )
    found = points[0].load()
    return made_of(found)


def made_of(found: Any) -> ModularPipelineBlocks:
    """The composition of a catalog's entry: a class, or a dict of blocks that run in a row."""
    from .sequential import SequentialPipelineBlocks

    made: ModularPipelineBlocks = (
        found() if isinstance(found, type) else SequentialPipelineBlocks.from_blocks_dict(found)
    )
    return made


def presets() -> Iterator[tuple[str, ModularPipelineBlocks]]:
    """All presets of this package by their short names."""
    for name in catalog:
        if "." in name:
            yield name, find_preset(name)


def _names(point: EntryPoint) -> tuple[str, ...]:
    """The name alone, and with the package before it, also as Python spells that."""
    return point.name, _long_name(point), _long_name(point).replace("-", "_")


def _long_name(point: EntryPoint) -> str:
    return f"{point.dist.name}/{point.name}" if point.dist is not None else point.name
