"""Finds who changes a value in place, which others hold too: blocks, as a setting for debugging, and listeners, always."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...state import RunError
from ...state.pipeline_state import describe_value
from ..nodes import Call, Values

Mark = tuple[str, Any, Any]
"""Name, the object, and what would differ if it had been edited."""


def watched(call: Call, path: str) -> Call:
    """Wrap a step's call: it may write new values, and must leave those that are there as they are.

    Tensors are seen by their version counters, which know nothing of edits through `.data` or NumPy, and which
    inference tensors lack; lists and dicts by the objects in them.
    """

    def call_watched(values: Values) -> None:
        before = marks_of(values)
        call(values)
        named = edited_since(before)
        if named:
            raise RunError(
                f"{path} changed in place: {named}. Others hold the same object: the caller, earlier states, a cache. "
                "Make a new one and write that, as in `latents = latents + noise` for `latents += noise`."
            )

    return call_watched


def marks_of(values: Values) -> list[Mark]:
    """Note what values are now, for `edited_since`."""
    return [mark for name, value in values.items() for mark in _marks(name, value)]


def edited_since(marks: Iterable[Mark]) -> str:
    """Return what was changed in place since then, in words; empty for nothing."""
    edited = {name: thing for name, thing, mark in marks if _mark(thing) != mark}
    return ", ".join(f"{name} ({describe_value(thing)})" for name, thing in edited.items())


def _marks(name: str, value: object) -> Iterator[Mark]:
    mark = _mark(value)
    if mark is not None:
        yield name, value, mark
    parts = (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    )
    for key, part in parts:
        yield from _marks(f"{name}[{key!r}]", part)


def _mark(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        held = value.values() if isinstance(value, dict) else value
        # Identities and not equality: comparing tensors with `==` gives tensors, and an equal object is another
        # object all the same.
        return [*map(id, held)], [*value] if isinstance(value, dict) else None
    if hasattr(type(value), "is_inference"):
        # To ask a tensor of inference mode for its version is an error of torch.
        return None if value.is_inference() else value._version
    return None
