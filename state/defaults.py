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
    """Return whether two defaults are one; arrays and tensors only where they are the same object."""
    try:
        return one is other or bool(one == other)
    except (ValueError, RuntimeError):  # arrays and tensors have no single answer
        return False
