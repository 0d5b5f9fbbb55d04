"""Bytes of values."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..registry.devices.moved_tensors import inner_tensors


def held_bytes(values: Iterable[Any]) -> int:
    """Return bytes that values keep in memory: whole storages of tensors, arrays, images, text; containers are gone
    into.
    """
    seen: dict[int, int] = {}
    for value in flat(values):
        if hasattr(type(value), "untyped_storage"):
            for storage in (each.untyped_storage() for each in inner_tensors(value)):
                # By storage: a view of one row keeps the whole tensor alive.
                seen[storage.data_ptr()] = storage.nbytes()
        elif hasattr(value, "getbands"):
            width, height = value.size
            # Pillow holds modes I and F in four bytes per pixel, and says nothing of its memory itself.
            seen[id(value)] = width * height * len(value.getbands()) * (4 if value.mode in ("I", "F") else 1)
        else:
            size = getattr(value, "nbytes", None)
            seen[id(value)] = size if isinstance(size, int) else sys.getsizeof(value)
    return sum(seen.values())


def tensor_bytes(values: Iterable[Any]) -> int:
    """Return the bytes of the tensors among values, those in lists too; what stands there twice counts once."""
    seen: dict[int, int] = {}
    pending = list(values)
    while pending:
        value = pending.pop()
        if isinstance(value, (list, tuple)):
            pending += value
        elif hasattr(type(value), "untyped_storage"):
            for each in inner_tensors(value):
                # What the run computes with, and not what lies behind it: these bytes are for people to compare.
                place, size = each.untyped_storage().data_ptr(), each.numel() * each.element_size()
                seen[place] = max(size, seen.get(place, 0))
    return sum(seen.values())


def device_bytes(values: Iterable[Any]) -> int:
    """Return the bytes that values, with those in containers, keep of devices' memories: whole storages of tensors."""
    seen: dict[tuple[str, int], int] = {}
    for value in flat(values):
        if hasattr(type(value), "untyped_storage") and lies_on_device(value):
            for storage in (each.untyped_storage() for each in inner_tensors(value)):
                seen[str(value.device), storage.data_ptr()] = storage.nbytes()
    return sum(seen.values())


def lies_on_device(tensor: Any) -> bool:
    """Return whether a tensor is in another memory than the host's."""
    return bool(tensor.device.type != "cpu")


def flat(values: Iterable[Any]) -> Iterator[Any]:
    """Yield values, and in place of containers what is in them, however deep."""
    pending = list(values)
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            pending += value.values()
        elif isinstance(value, (list, tuple, set, frozenset, type({}.values()))):
            pending += value
        else:
            yield value
