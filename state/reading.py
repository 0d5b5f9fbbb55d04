"""The one place that reads bytes of files: ordinary files only, and never more than is expected."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import BrickworkError, RepoError

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A named pipe would let the process wait for ever; with these it is opened at once, looked at, and refused."""


def read_bytes(path: Path, largest: int, error: type[BrickworkError] = RepoError) -> bytes:
    """Read a file.

    Raises:
        RepoError: (or what `error` is) it is not there, no ordinary file, cannot be read, or is larger than `largest`.
    """
    with opened(path, error) as (file, size):
        data = file.read(largest + 1) if size <= largest else b""
    size = max(size, len(data))
    if size > largest:
        raise error(f"{path} has {size:,} bytes; at most {largest:,} are read.")
    return data


def read_start(path: Path, length: int, error: type[BrickworkError] = RepoError) -> tuple[bytes, int]:
    """Read the beginning of a file, and say how many bytes the whole has.

    Raises:
        RepoError: (or what `error` is) as `read_bytes`; a file may be of any size.
    """
    with opened(path, error) as (file, size):
        return file.read(length), size


@contextlib.contextmanager
def opened(path: Path, error: type[BrickworkError] = RepoError) -> Iterator[tuple[BinaryIO, int]]:
    """Open an ordinary file, and say how many bytes it has.

    Raises:
        RepoError: (or what `error` is) it is not there, or is no such file; what fails while it is read.
    """
    try:
        handle = os.open(path, _FLAGS)
    except FileNotFoundError:
        raise error(f"There is no file {path}.") from None
    except (OSError, ValueError) as fault:  # ValueError: a zero byte, or half a character, in the name
        raise error(f"{path} cannot be read: {fault}") from fault
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise error(f"{path} is no ordinary file.")
        with os.fdopen(handle, "rb", closefd=False) as file:
            yield file, found.st_size
    except OSError as fault:
        raise error(f"{path} cannot be read: {fault}") from fault
    finally:
        os.close(handle)
