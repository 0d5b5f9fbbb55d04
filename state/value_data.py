"""Values as plain data that JSON and YAML can hold, and back. Nothing in the data can name code."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_KEY = "$"
"""Marks a mapping that stands for something else, as in {"$": "tuple", "items": [...]}."""


def data_of(value: Any) -> Any:
    """Write a value as data: numbers, text, lists, tuples, mappings with text keys, number formats, devices.

    Raises:
        ValueError: it is something else.
    """
    if value is None or (isinstance(value, (bool, int, str)) and type(value).__module__ == "builtins"):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {_KEY: "float", "value": str(value)}
    if type(value) is list:
        return [data_of(part) for part in value]
    if type(value) is tuple:
        return {_KEY: "tuple", "items": [data_of(part) for part in value]}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        inner = {key: data_of(part) for key, part in value.items()}
        return {_KEY: "mapping", "items": inner} if _KEY in inner else inner
    if type(value).__module__ == "torch" and type(value).__name__ in ("dtype", "device"):
        return {_KEY: type(value).__name__, "value": str(value)}
    raise ValueError(f"a {type(value).__module__}.{type(value).__qualname__} is no plain data")


def note_of(words: str) -> dict[str, str]:
    """What stands for a value that is no data."""
    return {_KEY: "not written", "value": words}


def is_note(data: Any) -> bool:
    """Whether something stands there for a value that is no data."""
    return isinstance(data, dict) and data.get(_KEY) == "not written"


def value_of_data(data: Any) -> Any:
    """Read a value that `data_of` has written.

    Raises:
        ValueError: it is not of that form.
    """
    if isinstance(data, list):
        return [value_of_data(part) for part in data]
    if not isinstance(data, dict):
        return data
    if _KEY not in data:
        return {key: value_of_data(part) for key, part in data.items()}
    return _special(data[_KEY], data)


def _special(kind: Any, data: dict[str, Any]) -> Any:
    if kind == "tuple":
        return tuple(value_of_data(part) for part in data["items"])
    if kind == "mapping":
        return {key: value_of_data(part) for key, part in data["items"].items()}
    if kind == "float" and data["value"] in ("nan", "inf", "-inf"):
        return float(data["value"])
    if kind in ("dtype", "device"):
        return _of_torch(kind, str(data["value"]))
    if kind == "not written":
        raise ValueError(f"it was {data.get('value')}, which was not written down; give it yourself")
    raise ValueError(f"{kind!r} is no kind of value")


def _of_torch(kind: str, text: str) -> Any:
    import torch

    if kind == "device":
        try:
            return torch.device(text)
        except RuntimeError as error:
            raise ValueError(str(error)) from None
    found = getattr(torch, text.removeprefix("torch."), None)
    if not isinstance(found, torch.dtype):
        raise ValueError(f"{text!r} is no number format")
    return found
