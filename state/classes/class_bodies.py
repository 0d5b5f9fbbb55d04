"""What the body of a class holds, and whether two looks at such things found the very same."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from operator import is_
from types import FunctionType
from typing import Any


class InWords:
    """Stands in a class body for what was written there, and refuses the same in words; the class is known by what was written.

    Attributes:
        written: what it stands for.
    """

    def __init__(self, written: object) -> None:
        self.written = written


def parts_of(value: object) -> Iterable[Any]:
    """Return the functions in what a class body may hold."""
    if isinstance(value, InWords):
        return parts_of(value.written)
    if isinstance(value, (staticmethod, classmethod)):
        return [type(value).__name__, value.__func__]
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    if isinstance(value, cached_property):
        return [value.func]
    return [value, *_cached_by(value).values()]


def cached_slots(cls: type) -> Mapping[str, Callable[[Any], Any]]:
    """Return the cached properties of a class whose objects have slots, by name: attrs makes a slot of each, and works it out when it is
    asked for.
    """
    return _cached_by(vars(cls).get("__getattr__"))


def _cached_by(value: object) -> Mapping[str, Callable[[Any], Any]]:
    # The default of an argument of the method that attrs writes is the only place where it keeps them.
    if isinstance(value, FunctionType) and value.__code__.co_filename.startswith("<attrs generated getattr"):
        return dict(inspect.signature(value).parameters["cached_properties"].default)
    return {}


def functions_of(value: object) -> list[FunctionType]:
    """Return the functions in what a class body holds, without what is made of C or called otherwise."""
    return [part for part in parts_of(value) if isinstance(part, FunctionType)]


def are_identical(some: Sequence[object], others: Sequence[object]) -> bool:
    """Return whether two sequences hold the same objects: by identity, because 1 == True == 1.0."""
    return len(some) == len(others) and all(map(is_, some, others))
