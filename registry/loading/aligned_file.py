"""The order of tensors in a safetensors file that was just written, so that its pages compute what the tensors in memory did.

Matrix products of one library give other last bits for numbers that lie otherwise in a cache line. Tensors that torch has made begin a
line; those of a mapped file lie where the file has them, which is by chance where the length of its list of tensors puts them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...state.atomic import beside

if TYPE_CHECKING:
    import torch

LINE = 64
"""Bytes of a cache line."""
_CHUNK = 1 << 24


def begins_line(tensor: torch.Tensor) -> bool:
    """Return whether a tensor in memory lies as those that torch makes."""
    return bool(tensor.data_ptr() % LINE == 0)


def align(path: Path) -> None:
    """Write a file of one's own again so that tensors begin a cache line: whole lines first, then those that would shift others."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(length))
    start = 8 + length
    entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    # Most models have tensors of whole lines only, and are written once.
    if all((start + entry["data_offsets"][0]) % LINE == 0 for entry in entries.values()):
        return
    ordered = sorted(entries, key=lambda name: (_size(entries[name]) % LINE != 0, entries[name]["data_offsets"]))
    said, end = {}, 0
    for name in ordered:
        said[name] = {**entries[name], "data_offsets": [end, end + _size(entries[name])]}
        end += _size(entries[name])
    metadata = {"__metadata__": header["__metadata__"]} if "__metadata__" in header else {}
    text = json.dumps({**metadata, **said}, separators=(",", ":")).encode()
    # The format allows spaces behind the list: they push the first tensor to the beginning of a line.
    text += b" " * (-(8 + len(text)) % LINE)
    with beside(path) as place, path.open("rb") as source, place.open("wb") as target:
        target.write(len(text).to_bytes(8, "little") + text)
        for name in ordered:
            source.seek(start + entries[name]["data_offsets"][0])
            left = _size(entries[name])
            while left:
                left -= target.write(source.read(min(left, _CHUNK)))


def _size(entry: dict[str, Any]) -> int:
    first, end = entry["data_offsets"]
    return int(end) - int(first)
