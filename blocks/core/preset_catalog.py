"""Ready compositions by name: of this package, and of installed ones that register theirs."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

from ...registry import catalog
from ...state import CompositionError
from ...state.errors import did_you_mean
from ...state.given import given_name
from ...state.packages.block_packages import PRESETS, load_point, long_name, names_of_point, points_of
from .base import ModularPipelineBlocks
from .sequential import SequentialPipelineBlocks


def preset_names() -> list[str]:
    """Return the names of all presets: "sdxl.text2image" of this package, "my-package/soft" of others."""
    return sorted({*catalog, *(long_name(point) for point in points_of(PRESETS))})


def find_preset(name: str) -> ModularPipelineBlocks:
    """Make the composition of a preset.

    Raises:
        CompositionError: there is no such preset.
    """
    given_name(name, "A preset's name")
    if name in catalog:  # ours come first: no package takes a name from them
        return made_of(catalog.get(name))
    points = points_of_preset(name)
    if not points:
        raise CompositionError(f"No preset is named {name!r}. {did_you_mean(name, preset_names())}")
    if len({point.value for point in points}) > 1:
        raise CompositionError(
            f"{name!r} is a preset of several packages: {', '.join(map(long_name, points))}. Say which."
        )
    return made_of(load_point(points[0]))


def points_of_preset(name: str) -> list[EntryPoint]:
    """Return the entry points of packages for a preset's name; none where it is one of ours, which come first."""
    if name in catalog:
        return []
    return [point for point in points_of(PRESETS) if name in names_of_point(point)]


def made_of(found: Any) -> ModularPipelineBlocks:
    """Return the composition of a catalog's entry: a class, or a dict of blocks that run in a row."""
    made: ModularPipelineBlocks = (
        found() if isinstance(found, type) else SequentialPipelineBlocks.from_blocks_dict(found)
    )
    return made


def presets() -> Iterator[tuple[str, ModularPipelineBlocks]]:
    """Yield all presets of this package by their short names."""
    for name in catalog:
        if "." in name:
            yield name, find_preset(name)
