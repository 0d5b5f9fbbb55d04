"""Techniques by the names that files, recipes and the command line have for them. Those of this package register themselves when they are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ...state import InputError
from ...state.code_home import is_own
from ...state.errors import did_you_mean
from ...state.packages.block_packages import BLOCKS, load_point, names_of_point, points_of

if TYPE_CHECKING:
    from .technique import Technique

TECHNIQUES: dict[str, type[Technique]] = {}
"""Ours by their names."""
_NONE: Mapping[str, type[Technique]] = MappingProxyType({})
NAME = "name"
"""Key of the name where a technique is written as data; all other keys are settings."""


class AnyTechnique:
    """Stands for every technique, for files that need not know more."""


def register(cls: type[Technique]) -> None:
    """Register a technique of this package; those of others come from entry points, or are given where a file names them."""
    if is_own(cls.__module__) and "<locals>" not in cls.__qualname__:
        TECHNIQUES[cls.__name__] = cls
        for name in sorted(TECHNIQUES):  # so that lists of them do not hang on who was imported first
            TECHNIQUES[name] = TECHNIQUES.pop(name)


def technique_of(given: object, known: Mapping[str, type[Technique]] = _NONE) -> Technique:
    """Make a technique of a technique, its name, or data with its name and settings.

    Args:
        known: classes of the caller's own that may be named, too.

    Raises:
        InputError: there is no such technique, or it has no such settings.
    """
    if isinstance(given, AnyTechnique):
        return given  # type: ignore[return-value]  # the one class that derives from it
    if isinstance(given, type) and issubclass(given, AnyTechnique):
        raise InputError(
            f"The class {given.__name__} was given, and a technique is an object of it: {given.__name__}()."
        )
    if isinstance(given, str):
        return _class_of(given, known)()
    if not isinstance(given, Mapping) or not isinstance(given.get(NAME), str):
        raise InputError(
            f"{given!r:.80} is no technique; give an object, a name, or a name with settings: {{'name': 'FreeU', 's1': 0.9}}. "
            f"There are: {', '.join(TECHNIQUES)}."
        )
    cls = _class_of(given[NAME], known)
    settings = {str(name): value for name, value in given.items() if name != NAME}
    # Only what is written as data has lists for tuples.
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()})


def known_techniques(given: Iterable[Any] | Any) -> dict[str, type[Technique]]:
    """Return the classes of techniques that a caller gives, by every name that a file may have for them.

    Raises:
        InputError: one is no technique.
    """
    found: dict[str, type[Technique]] = {}
    for thing in [given] if isinstance(given, (type, AnyTechnique)) else list(given):
        cls = thing if isinstance(thing, type) else type(thing)
        if not issubclass(cls, AnyTechnique):
            raise InputError(f"{thing!r} is no technique; give techniques or classes of techniques.")
        found |= {technique_name(cls): cls, cls.__name__: cls}  # type: ignore[dict-item]  # as above
    return found


def technique_name(cls: type[Any]) -> str:
    """Return the name under which files know a class: of one of somebody's own with its module."""
    return cls.__name__ if TECHNIQUES.get(cls.__name__) is cls else f"{cls.__module__}:{cls.__qualname__}"


def _class_of(name: str, known: Mapping[str, type[Technique]]) -> type[Technique]:
    found = TECHNIQUES.get(name) or known.get(name) or _installed(name)
    if found is None:
        of_own = " Give your own where the file is opened: techniques=[...]." if ":" in name else ""
        raise InputError(
            f"Nothing is named {name[:80]!r} among the techniques. {did_you_mean(name[:60], [*TECHNIQUES, *known])}{of_own}"
        )
    return found


def _installed(name: str) -> type[Technique] | None:
    """Return the technique that an installed package registers, among its blocks, under a name."""
    for point in points_of(BLOCKS):
        if name in (*names_of_point(point), point.value):
            found = load_point(point)
            if isinstance(found, type) and issubclass(found, AnyTechnique):
                return found  # type: ignore[return-value]  # as above
    return None
