"""Files that are whole or not there: written beside their place, and renamed."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Yield where to write; what is there afterwards takes the place of `path`, and nothing does if writing failed."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=f".tmp{path.suffix}", dir=path.parent)
    os.close(handle)
    written = Path(name)
    try:
        yield written
        with written.open("rb+") as file:
            os.fsync(file.fileno())
        written.chmod(new_file_mode())
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file."""
    with beside(path) as place:
        place.write_text(text, encoding="utf-8")


def new_file_mode() -> int:
    """The mode of new files; what they are denied can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask
