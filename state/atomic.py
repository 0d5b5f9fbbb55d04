"""Files that are whole or not there: written beside their place, and renamed. What fails is an error of ours."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import RepoError


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Turn what fails while something is written into an error that names it.

    Raises:
        RepoError: the disk is full, the place is a folder, is not there, or cannot be written to.
    """
    try:
        yield
    except OSError as error:
        raise RepoError(f"{path} cannot be written: {error}") from error
    except ValueError as error:  # a zero byte, or half a character, in the name
        if isinstance(error, UnicodeEncodeError) or "null byte" in str(error):
            raise RepoError(f"{str(path)!r} is no name of a file: {error}") from error
        raise
    except Exception as error:
        if not _is_of_a_writer(error):
            raise
        raise RepoError(f"{path} cannot be written: {error}") from error


def _is_of_a_writer(error: Exception) -> bool:
    """Return whether it is what libraries in Rust make of an error of the system: tokenizers' is of no class of its
    own.
    """
    from safetensors import SafetensorError

    return isinstance(error, SafetensorError) or type(error) is Exception


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Yield where to write; what is there afterwards takes the place of `path`, and nothing does if writing failed.

    Raises:
        RepoError: it cannot be written there.
    """
    with writing(path):
        # Of the name only a part: a longer one than the file system takes would fail here, and not there.
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=f".tmp{path.suffix[:20]}", dir=path.parent)
        os.close(handle)
        written = Path(name)
        try:
            yield written
            with written.open("rb+") as file:
                # Without it the name can reach the disk before the content does, and after a loss of power the file
                # would be empty.
                os.fsync(file.fileno())
            # `mkstemp` lets nobody else read; who shares a folder of models expects files as any program makes them.
            written.chmod(new_file_mode())
            # `replace` is atomic within a file system, which is why the temporary file lies in the same folder.
            written.replace(path)
        finally:
            written.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file.

    Raises:
        RepoError: it cannot be written.
    """
    with beside(path) as place:
        place.write_text(text, encoding="utf-8")


def new_file_mode() -> int:
    """Return the mode of new files; what they are denied can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask
