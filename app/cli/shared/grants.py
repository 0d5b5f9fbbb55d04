"""What was granted to repositories with code of their own."""

from __future__ import annotations

from pathlib import Path


def lock_key(repo: str) -> str:
    """Return what locks know a repository by: a folder by its whole path."""
    return str(Path(repo).resolve()) if Path(repo).is_dir() else repo


def is_granted(repo: str) -> bool:
    """Return whether code of a repository was granted before; a load then refuses code that differs from it."""
    from ....registry.hub.lock import Lock

    known = Lock.at(None).of(lock_key(repo))
    return known is not None and bool(known.code)
