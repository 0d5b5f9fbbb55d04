"""What callers give in the place of a path or of names, looked at before it is used: else it ends in an error of Python's own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .errors import InputError, named_thing


def given_path(value: object, what: str) -> Path:
    """Return a path that somebody gave; `what` is what it is called.

    Raises:
        InputError: it is neither text nor a path, or empty.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise InputError(f"{what} is {named_thing(value)}; it is a path, as text or a Path.")
    if not os.fspath(value):
        raise InputError(f"{what} is empty; it is a path, as text or a Path.")
    return Path(value)


def given_name(value: object, what: str) -> str:
    """Return a name that somebody gave; `what` is what it is called.

    Raises:
        InputError: it is no text.
    """
    if not isinstance(value, str):
        raise InputError(f"{what} is {named_thing(value)}; it is a name, as text.")
    return value


def given_names(value: object, what: str) -> list[str]:
    """Return names of which somebody gave one, or several; `what` is what they are called.

    Raises:
        InputError: one of them is no text.
    """
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Iterable) or isinstance(value, (bytes, Mapping)):
        raise InputError(f"{what} is {named_thing(value)}; it is a name, or a list of names.")
    names = list(value)
    odd = [name for name in names if not isinstance(name, str)]
    if odd:
        raise InputError(f"{what} holds {named_thing(odd[0])}; each is a name, as text.")
    return names


def refuse_positions(method: str, example: str, given: Sequence[object]) -> None:
    """Refuse what was given by position to a method that takes everything by name.

    Raises:
        InputError: something was.
    """
    if given:
        raise InputError(
            f"{method} takes everything by name, as in {method}({example}), and got {named_thing(given[0])} without one."
        )
