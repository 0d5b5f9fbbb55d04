"""Values as plain data that JSON and YAML can hold, and back. Nothing in the data can name code."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from .errors import with_article
from .limits import DEEPEST, DEEPEST_DATA

_KEY = "$"
"""Marks a mapping that stands for something else, as in {"$": "tuple", "items": [...]}."""


def data_of(value: object, _deepest: int = DEEPEST_DATA) -> Any:
    """Write a value as data: numbers, text, lists, tuples, mappings with text keys, number formats, devices.

    Raises:
        ValueError: it is something else, or nested so deeply that it would not be read again.
    """
    # Exactly the built-in types: an enum that is also a str would come back as plain text.
    if value is None or (isinstance(value, (bool, int, str)) and type(value).__module__ == "builtins"):
        return value
    if type(value) is float:
        # JSON has no word for these; Python's own "NaN" is read by Python alone.
        return value if math.isfinite(value) else {_KEY: "float", "value": str(value)}
    if _deepest <= 0:
        raise ValueError(f"it is nested deeper than {DEEPEST_DATA} levels")
    if type(value) is list:
        return [data_of(part, _deepest - 1) for part in value]
    if type(value) is tuple:
        return {_KEY: "tuple", "items": [data_of(part, _deepest - 2) for part in value]}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        inner = {key: data_of(part, _deepest - 1 - (_KEY in value)) for key, part in value.items()}
        return {_KEY: "mapping", "items": inner} if _KEY in inner else inner
    if type(value).__module__ == "torch" and type(value).__name__ in ("dtype", "device"):
        return {_KEY: type(value).__name__, "value": str(value)}
    raise ValueError(f"{with_article(f'{type(value).__module__}.{type(value).__qualname__}')} is no plain data")


def note_of(words: str) -> dict[str, str]:
    """Return what stands for a value that is no data."""
    return {_KEY: "not written", "value": words}


def is_note(data: object) -> bool:
    """Return whether something stands there for a value that is no data."""
    return isinstance(data, dict) and data.get(_KEY) == "not written"


def data_fault(data: object, deepest: int = DEEPEST, notes: bool = False) -> tuple[tuple[str | int, ...], str] | None:
    """Say what in data is not of the form that `data_of` writes, and where; None if nothing is.

    Args:
        notes: whether `note_of` something that is no data may stand there, too.
    """
    # A list in place of recursion: the data decide how deep it goes.
    pending: list[tuple[Any, tuple[str | int, ...]]] = [(data, ())]
    while pending:
        each, place = pending.pop()
        if each is None or isinstance(each, (bool, int, float, str)):
            continue
        inner = _parts(each)
        if is_note(each) and not notes:
            inner = f"it was {str(each.get('value'))[:80]}, which was not written down; give it yourself."
        if isinstance(inner, str):
            return place, inner
        if len(place) >= deepest:
            return place, f"it is nested deeper than {DEEPEST} levels."
        pending += [(part, (*place, name)) for name, part in inner]
    return None


def _parts(data: object) -> str | list[tuple[str | int, Any]]:
    """Return what a list or mapping holds, by number or name; or what is wrong with it."""
    if isinstance(data, (list, tuple)):
        return list(enumerate(data))
    if not isinstance(data, Mapping):
        return f"expected plain data, got {type(data).__name__}."
    if not all(isinstance(name, str) for name in data):
        return "its keys must be text."
    return _special_parts(data) if _KEY in data else list(data.items())


def _special_parts(data: Mapping[str, Any]) -> str | list[tuple[str | int, Any]]:
    kind = data[_KEY]
    expected = _SPECIAL.get(kind) if isinstance(kind, str) else None
    if expected is None:
        return f"{str(kind)[:40]!r} is no kind of value; there are: {', '.join(_SPECIAL)}."
    name, cls = expected
    held: Any = data.get(name)
    if not isinstance(held, cls) or data.keys() != {_KEY, name}:
        return f"a written {kind} has the key {name!r} with {with_article(cls.__name__)}."
    if kind == "float" and held not in _NOT_FINITE:
        return f"{held[:40]!r} is none of {', '.join(_NOT_FINITE)}."
    if kind in ("dtype", "device"):
        try:
            _MAKERS[kind](data)
        except ValueError as error:
            return f"{error}."
    if kind != "mapping":
        return [(name, held)]
    # Its own keys may be "$", which is why it is written so.
    return list(held.items()) if all(isinstance(key, str) for key in held) else "its keys must be text."


_SPECIAL: Mapping[str, tuple[str, Any]] = {
    "tuple": ("items", list),
    "mapping": ("items", dict),
    "float": ("value", str),
    "dtype": ("value", str),
    "device": ("value", str),
    "not written": ("value", str),
}
"""Kinds of values that are no data of JSON, and the key and type of what they hold."""
_NOT_FINITE = ("nan", "inf", "-inf")


def value_of_data(data: object) -> Any:
    """Read a value that `data_of` has written.

    Raises:
        ValueError: it is not of that form.
    """
    fault = data_fault(data)
    if fault is not None:
        place, text = fault
        raise ValueError(f"{'.'.join(map(str, place))[:200]}: {text}" if place else text)
    return _built(data)


def _built(data: object) -> Any:
    if isinstance(data, (list, tuple)):
        return [_built(part) for part in data]
    if not isinstance(data, Mapping):
        return data
    if _KEY not in data:
        return {key: _built(part) for key, part in data.items()}
    return _MAKERS[data[_KEY]](data)


def _device(data: Mapping[str, Any]) -> Any:
    import torch

    try:
        return torch.device(data["value"])
    except RuntimeError as error:
        words = str(error).splitlines()[0][:100]
        raise ValueError(f"{data['value'][:40]!r} is no device: {words}") from None


def _dtype(data: Mapping[str, Any]) -> Any:
    import torch

    # Not by getattr: the module makes some attributes when they are asked for, and warns of others.
    found = vars(torch).get(data["value"].removeprefix("torch."))
    if not isinstance(found, torch.dtype):
        raise ValueError(f"{data['value'][:40]!r} is no number format")
    return found


_MAKERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "tuple": lambda data: tuple(_built(part) for part in data["items"]),
    "mapping": lambda data: {key: _built(part) for key, part in data["items"].items()},
    "float": lambda data: float(data["value"]),
    "dtype": _dtype,
    "device": _device,
}
