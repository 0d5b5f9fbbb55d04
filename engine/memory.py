"""Bytes of values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def tensor_bytes(values: Iterable[Any]) -> int:
    """Bytes of the tensors among values, those in lists too; what stands there twice counts once."""
    seen: dict[int, int] = {}
    pending = list(values)
    while pending:
        value = pending.pop()
        if isinstance(value, (list, tuple)):
            pending += value
        elif hasattr(value, "untyped_storage"):
            seen[value.untyped_storage().data_ptr()] = value.numel() * value.element_size()
    return sum(seen.values())
