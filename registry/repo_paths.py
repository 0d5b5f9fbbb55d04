"""Names of files in repositories: what may be a name, and that it stays within the repository."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from ..state import TrustError

_LONGEST, _LONGEST_PART = 1000, 200
_ODD = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


def checked_name(name: str) -> str:
    """Return a file's name within a repository, with slashes, as it is.

    Raises:
        TrustError: it would lie elsewhere, or cannot be a file's name on every system.
    """
    fault = name_fault(name)
    if fault:
        raise TrustError(f"{name[:80]!r} is no name of a file in a repository: {fault}.")
    return name


def name_fault(name: str) -> str | None:
    """Say what is wrong with a file's name; None if nothing is."""
    parts = name.split("/")
    if not name or name.startswith("/"):
        return "names are relative to the repository"
    if _ODD.search(name):
        return "it has characters that lead elsewhere, or that some systems do not allow"
    if any(part in ("", ".", "..") for part in parts):
        return "it leads out of its folder"
    if len(name) > _LONGEST or any(len(part.encode()) > _LONGEST_PART for part in parts):
        return "it is too long"
    if any(part != part.strip() or part.endswith(".") for part in parts):
        return "a part begins or ends with a space, or ends with a dot"
    return None


def file_in(folder: Path, name: str) -> Path | None:
    """Return a file of a repository by its name; None if it is not there.

    Links are followed within the folder, and from a snapshot of the Hub's cache to the blobs of the same repository.

    Raises:
        TrustError: the name, or a link, leads elsewhere.
    """
    path = folder / checked_name(name)
    if not path.is_file():
        return None
    check_inside(folder, path)
    return path


def check_inside(folder: Path, path: Path) -> None:
    """Refuse a path that leads out of a repository's folder by links.

    Raises:
        TrustError: it does.
    """
    real, root = path.resolve(), folder.resolve()
    if real.is_relative_to(root):
        return
    blobs = _blobs_of(root)
    if blobs is not None and real.parent == blobs:
        return
    raise TrustError(f"{path} is a link to {real}, outside of its repository; links may lead to files within it only.")


def _blobs_of(root: Path) -> Path | None:
    """The blobs beside a snapshot of the Hub's cache (`models--owner--name/snapshots/<commit>`)."""
    for folder in (root, *root.parents):
        if folder.parent.name == "snapshots" and folder.parent.parent.name.startswith("models--"):
            return folder.parent.parent / "blobs"
    return None


def relative_name(folder: Path, path: Path) -> str:
    """The name of a file in a repository."""
    return str(PurePosixPath(path.relative_to(folder)))
