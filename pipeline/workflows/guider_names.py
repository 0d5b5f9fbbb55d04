"""Guiders of one's own by the names that recipes and workflow files have for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...guiders import GUIDERS, Guider
from ...guiders.guider_file import is_own_guider
from ...registry.loading.classes import library_of
from ...state import InputError


def known_guiders(given: Iterable[Any] | Any) -> dict[str, type[Guider]]:
    """Return the classes of guiders by every name that a file may have for them: "module:Class", "library:Class", and
    "Class" if ours has it not.

    Args:
        given: classes or objects, one or several.

    Raises:
        InputError: one is no guider.
    """
    things = [given] if isinstance(given, (type, Guider)) else list(given)
    found: dict[str, type[Guider]] = {}
    for thing in things:
        cls = thing if isinstance(thing, type) else type(thing)
        if not issubclass(cls, Guider):
            raise InputError(f"{thing!r} is no guider; give guiders or classes of guiders.")
        if is_own_guider(cls):
            found[guider_reference(cls)] = found[f"{library_of(cls)}:{cls.__name__}"] = cls
            if cls.__name__ not in GUIDERS:
                found[cls.__name__] = cls
    return found


def guider_reference(cls: type[Guider]) -> str:
    """Return the name under which a workflow file names a guider of one's own."""
    return f"{cls.__module__}:{cls.__qualname__}"
