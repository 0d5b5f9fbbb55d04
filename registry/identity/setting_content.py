"""Settings of modules as content that can be compared, and in words: numbers, containers, processors, functions by name."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from functools import cache, partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import numpy as np

from ...state.digest import NoDigestError
from ...state.errors import with_article
from ...state.tensor_digest import tensor_digest

if TYPE_CHECKING:
    import torch

_PLAIN = (bool, int, float, complex, str, bytes, type(None))


def content_of(value: object, around: tuple[int, ...] = ()) -> Any:
    """Return what a setting is, as nested tuples: equal for equal content, whichever object holds it.

    A module counts by its class only, because its own settings are compared by themselves, and a device not at all. A list counts as a
    tuple, and a numbered choice as its number, because files have no other.

    Args:
        around: ids of what it lies in, for objects that refer to themselves.
    """
    # With its type and by `repr`: 1, 1.0 and True are equal for Python, and a layer does other things with each.
    if isinstance(value, _PLAIN) and not isinstance(value, enum.Enum):
        return type(value).__name__, repr(value)
    if id(value) in around:
        return "around", len(around) - around.index(id(value))
    inner = (*around, id(value))
    found = next((content for kinds, content in _kinds() if isinstance(value, kinds)), _of_object)
    return found(value, inner)


Content = Callable[[Any, tuple[int, ...]], Any]


@cache
def _kinds() -> tuple[tuple[Any, Content], ...]:
    """Return kinds of values, the first that fits counts, and what makes content of them."""
    import torch

    return (
        (enum.IntEnum, lambda value, _: ("int", repr(int(value)))),
        (enum.Enum, lambda value, _: ("enum", type(value).__qualname__, value.name)),
        ((list, tuple), lambda value, inner: ("sequence", tuple(content_of(part, inner) for part in value))),
        (
            (set, frozenset),
            lambda value, inner: ("set", tuple(sorted((content_of(part, inner) for part in value), key=repr))),
        ),
        (
            Mapping,
            lambda value, inner: (
                "mapping",
                tuple((content_of(k, inner), content_of(v, inner)) for k, v in value.items()),
            ),
        ),
        (torch.Tensor, lambda value, _: ("tensor", str(value.dtype), tuple(value.shape), _bytes_of(value))),
        (torch.nn.Module, lambda value, _: ("module", _name(type(value)))),
        # Where a model lies is a matter of the process, and no file says it.
        (torch.device, lambda *_: ("device",)),
        ((torch.dtype, torch.layout, torch.memory_format), lambda value, _: ("torch", str(value))),
        (np.ndarray, lambda value, _: ("array", value.dtype.str, value.shape, value.tobytes())),
        ((type, FunctionType, BuiltinFunctionType), lambda value, _: ("code", _name(value))),
        (MethodType, lambda value, _: ("method", _name(value.__func__))),
        (partial, lambda value, inner: ("partial", content_of([value.func, value.args, value.keywords], inner))),
    )


def _of_object(value: object, around: tuple[int, ...]) -> Any:
    return "object", _name(type(value)), content_of(_attributes(value), around)


def _attributes(value: object) -> dict[str, Any]:
    """Return what an object holds, in its own dictionary or in slots."""
    slots = [name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ()) if not name.startswith("__")]
    held = {name: getattr(value, name) for name in slots if hasattr(value, name)}
    return {**held, **getattr(value, "__dict__", {})}


def _bytes_of(tensor: torch.Tensor) -> str:
    try:
        return tensor_digest(tensor.detach().cpu())
    except NoDigestError:
        return str(tensor.layout)


def words_of(value: object) -> str:
    """Return a setting for people, in one line."""
    if isinstance(value, (*_PLAIN, list, tuple, dict)):
        text = repr(value)
        return text if len(text) <= 60 else f"{text[:57]}..."
    return str(getattr(value, "__name__", None) or type(value).__name__)


def differing_words(one: object, other: object) -> tuple[str, str]:
    """Return two settings that differ, each in a line that tells it from the other."""
    words = words_of(one), words_of(other)
    if words[0] != words[1]:
        return words
    if isinstance(one, type):
        return _name(one), _name(other)
    held = [_attributes(each) for each in (one, other)]
    for name in (
        sorted(held[0].keys() | held[1].keys())
        if type(one).__module__.partition(".")[0] not in ("torch", "numpy")
        else ()
    ):
        if content_of(held[0].get(name)) != content_of(held[1].get(name)):
            inner = differing_words(held[0].get(name), held[1].get(name))
            return f"{words[0]} with {name} {inner[0]}", f"one with {inner[1]}"
    return words[0], f"{with_article(words[1])} with other values"


def _name(thing: object) -> str:
    return f"{thing.__module__}.{getattr(thing, '__qualname__', repr(thing))}"
