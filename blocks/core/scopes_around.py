"""The scopes around each block of a composition: by which names it knows what a caller gives, and the components."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .flattening import joined
from .scope_names import ScopeNames

Around = tuple[ScopeNames, ...]
"""The scopes around a block, from the outermost to the innermost."""


def walk_scopes(block: Any, path: str = "", around: Around = ()) -> Iterator[tuple[str, Any, Around]]:
    """Yield every block of a composition with its path and the scopes around it, as `walk` does."""
    yield path, block, around
    names_at = getattr(block, "names_at", None)
    inner = around if names_at is None else (*around, names_at(path))
    for name, part in getattr(block, "sub_blocks", {}).items():
        yield from walk_scopes(part, joined(path, name), inner)


def given_at(around: Around, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a caller gives, as a block within scopes knows it."""
    for names in around:
        given = names.given_inside(given)
    return given


def components_at(around: Around, components: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return components by the names that a block within scopes knows them by."""
    for names in around:
        components = names.components_inside(components)
    return components


def component_outside(around: Around, name: str) -> str:
    """Return what is outside of all scopes the name of a component that a block calls `name`."""
    for names in reversed(around):
        name = names.component(name)
    return name


def value_outside(around: Around, name: str) -> str | None:
    """Return what is outside of all scopes the name of a value that a block calls `name`; None if it does not come from there."""
    for names in reversed(around):
        outside = names.outside(name)
        if outside is None:
            return None
        name = outside
    return name


def explained_at(around: Around, text: str) -> str:
    """Add to a text of a block within scopes what the names in it are outside."""
    for names in reversed(around):
        text = names.explained(text)
    return text
