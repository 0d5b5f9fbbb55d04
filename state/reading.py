"""The one place that reads bytes of files: ordinary files only, and never more than is expected."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .errors import BrickworkError, RepoError

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A named pipe would let the process wait for ever; with these it is opened at once, looked at, and refused."""


def read_bytes(path: Path, largest: int, error: type[BrickworkError] = RepoError) -> bytes:
    """Read a file.

    Raises:
        RepoError: (or what `error` is) it is not there, no ordinary file, cannot be read, or is larger than `largest`.
    """
    fault, size, data = _read(path, largest, largest)
    if fault is None and size > largest:
        fault = f"{path} has {size:,} bytes; at most {largest:,} are read."
    if fault is not None:
        raise error(fault)
    return data


def read_start(path: Path, length: int, error: type[BrickworkError] = RepoError) -> tuple[bytes, int]:
    """Read the beginning of a file, and say how many bytes the whole has.

    Raises:
        RepoError: (or what `error` is) as `read_bytes`; a file may be of any size.
    """
    fault, size, data = _read(path, length, None)
    if fault is not None:
        raise error(fault)
    return data[:length], size


def _read(path: Path, length: int, largest: int | None) -> tuple[str | None, int, bytes]:
    """What is wrong with a file, its size, and its first bytes, with one more where there are any."""
    try:
        handle = os.open(path, _FLAGS)
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                return f"{path} is no ordinary file.", 0, b""
            with os.fdopen(handle, "rb", closefd=False) as file:
                data = b"" if largest is not None and found.st_size > largest else file.read(length + 1)
        finally:
            os.close(handle)
    except FileNotFoundError:
        return f"There is no file {path}.", 0, b""
    except (OSError, ValueError) as fault:  # ValueError: a zero byte in the name
        return f"{path} cannot be read: {fault}", 0, b""
    return None, max(found.st_size, len(data)), data
