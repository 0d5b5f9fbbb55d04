"""Keywords that a class does not take, refused with the nearest one that it does."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Self

from ..errors import InputError, nearest


class NamesArguments:
    """Base of classes whose misspelt keywords are answered in words, and not by Python's TypeError."""

    __slots__ = ()

    # Not in `__init__`, which attrs writes for each class; Python hands all arguments to this one before.
    def __new__(cls, *_: object, **given: object) -> Self:
        known = _names(cls)  # type: ignore[arg-type]  # classes are hashable; mypy asks for what their instances are
        if not given.keys() <= known.keys():
            faults = [unknown_argument(cls, name, known) for name in given if name not in known]
            if faults:
                raise InputError(f"{' '.join(faults)} It takes: {', '.join(known)}.")
        return super().__new__(cls)


@cache
def _names(cls: type) -> dict[str, None]:
    # A composition of many blocks makes thousands of specs, and a signature takes longer than a spec.
    return dict.fromkeys(parameters_of(cls))


def parameters_of(cls: type) -> dict[str, inspect.Parameter]:
    """Return what a class is made with, by name."""
    init: Callable[..., Any] = cls.__init__  # type: ignore[misc]  # of the class that is made
    _, *parameters = inspect.signature(init).parameters.values()
    return {each.name: each for each in parameters}


def unknown_argument(cls: type, name: str, known: Iterable[str]) -> str:
    """Say that a class has no setting of a name, and which is near."""
    # A shorter name for the same is meant more often than another spelling: "scale", "skip_layers".
    words = set(name.split("_"))
    longer = sorted((each for each in known if words <= set(each.split("_"))), key=len)
    match = longer[0] if longer else nearest(name, known)
    return f"{cls.__name__} has no {name!r}." + (f" Did you mean {match!r}?" if match else "")
