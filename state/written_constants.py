"""Frozen objects that stand under a name in this package, such as contracts of families: the version says what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .classes.class_bodies import are_identical

_CONSTANTS: dict[int, tuple[object, str, list[Any]]] = {}


def note_constant(value: object, name: str) -> None:
    """Note a frozen object of this package as what stands under a name in it: the version says what it is."""
    _CONSTANTS[id(value)] = value, name, _entries(value)


def constant_name(value: object) -> str | None:
    """Return the name of a constant of this package; None for other objects, and where somebody has edited a dict in it."""
    noted = _CONSTANTS.get(id(value))
    if noted is None or not are_identical(noted[2], _entries(value)):
        return None
    return noted[1]


def _entries(value: object) -> list[Any]:
    """Return what the dicts hold that lie on an object, which its being frozen does not keep from edits."""
    held = [getattr(value, each.name) for each in getattr(type(value), "__attrs_attrs__", ())]
    return [part for each in held if isinstance(each, Mapping) for pair in each.items() for part in pair]
