"""What can be told of weights without reading them: safetensors files begin with a list of their tensors."""

from __future__ import annotations

import json
from pathlib import Path

_LARGEST_HEADER = 100_000_000
"""Bytes, as in safetensors itself."""


def stored_bytes(folder: Path, variant: str | None = None) -> int | None:
    """Bytes of all tensors in a folder's safetensors files; 0 where there are none, None where it cannot be told.

    Args:
        variant: counts the files of a variant ("fp16" in "model.fp16.safetensors"), else those of none.
    """
    if not folder.is_dir():
        return None
    files = [path for path in sorted(folder.glob("*.safetensors")) if _variant_of(path) == variant]
    sizes = [tensor_bytes(path) for path in files]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _variant_of(path: Path) -> str | None:
    """The part between the name and the ending; "00001-of-00002" of a shard belongs to the name."""
    _, dot, variant = path.stem.rpartition(".")
    return variant.partition("-")[0] if dot else None


def tensor_bytes(path: Path) -> int | None:
    """Bytes of the tensors that a safetensors file lists; None for a file that is no such file."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length <= _LARGEST_HEADER:
                return None
            header = json.loads(file.read(length))
        spans = [entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"]
        return sum(int(end) - int(start) for start, end in spans)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
