"""Digests of weight files, each file read once per process as long as it stays as it is."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import xxhash

from .weights import weights_at

_BLOB = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 22


def weights_digest(folder: Path, variant: str | None = None) -> str | None:
    """Digest the weights in a local folder, or one file; None where there are none on this machine."""
    files = weights_at(folder, variant)
    if not files:
        return None
    return xxhash.xxh3_128("\n".join(file_digest(path) for path in files).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Digest a file. One in the Hub's cache is named by its SHA-256 already."""
    real = path.resolve()
    # Only large files are named so; small ones bear the 40 digits of git.
    if real.parent.name == "blobs" and _BLOB.fullmatch(real.name):
        return f"sha256:{real.name}"
    stat = real.stat()
    # Size and time are part of the key of what is remembered: a file that was written again is read again.
    return _read(real, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1024)
def _read(path: Path, _size: int, _changed: int) -> str:
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return f"xxh3:{digest.hexdigest()}"
