"""Defaults that code may edit: every use gets one of its own, so that no run sees what the run before it did."""

from __future__ import annotations

import copy
from typing import Any

_EDITABLE = (list, dict, set, bytearray)


def is_editable(default: object) -> bool:
    """Return whether a default can be edited in place: a container, an array, a tensor, an image."""
    return (
        isinstance(default, _EDITABLE)
        or hasattr(type(default), "untyped_storage")
        # Arrays and images; a memoryview cannot be copied, and who gives one wants to share.
        or (hasattr(default, "tobytes") and not isinstance(default, memoryview))
    )


def own_default(default: object) -> Any:
    """Return a default of one's own; what cannot be edited is handed out as it is."""
    return copy.deepcopy(default) if is_editable(default) else default


def are_same(one: object, other: object) -> bool:
    """Return whether two defaults are one: arrays and tensors of the same numbers, NaN and NaN, a list and a tuple of the same."""
    if one is other:
        return True
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(are_same, one, other))
    if hasattr(one, "shape") and hasattr(other, "shape"):
        alike: Any = type(one) is type(other) and one.shape == other.shape and one == other
        return bool(alike is not False and alike.all())
    try:
        return bool(one == other) or bool(one != one and other != other)  # noqa: PLR0124 - NaN is no other NaN
    except (ValueError, RuntimeError):  # what has no single answer
        return False
