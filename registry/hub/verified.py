"""Files of the Hub's cache compared with the digests that the Hub names them by, once per file as long as it stays as it is."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path

from ...state.home import home

_SHA256, _GIT = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")
_CHUNK = 1 << 22


def fault_of(path: Path, blobs: Path, wanted: str | None) -> str | None:
    """Say what is wrong with a file of the Hub's cache; None if it is what the Hub has.

    Args:
        blobs: where the cache keeps the files that it links to, each under its own digest. wanted: what the Hub says the file is digested
            to ("sha256:..." or "git:..."), if that is known; without it the file must be a link to a blob, whose name says it.
    """
    real = path.resolve()
    if wanted is None and real.parent == blobs.resolve():
        kind = "sha256" if _SHA256.fullmatch(real.name) else "git" if _GIT.fullmatch(real.name) else ""
        wanted = f"{kind}:{real.name}" if kind else None
    if wanted is None:
        return "it is a copy, and no link to a file under its digest, so nothing says whether it is the Hub's: load it once online"
    kind, _, digest = wanted.partition(":")
    found = sha256_of(real) if kind == "sha256" else _git_digest(real)
    return (
        None
        if found == digest
        else f"it is not what the Hub says it is ({kind} {digest[:12]}..., and it has {found[:12]}...)"
    )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, remembered in the user's folder by path, size and times, of which one cannot be set by programs."""
    real = path.resolve()
    stat = real.stat()
    return _known_or_read(str(real), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def text_digest(data: bytes) -> str:
    """SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


@lru_cache(maxsize=4096)
def _known_or_read(path: str, size: int, changed: int, noted: int) -> str:
    kept = home() / "verified.jsonl"
    key = [path, size, changed, noted]
    known = _kept(kept).get(json.dumps(key)) if size > _CHUNK else None
    if known is not None:
        return known
    digest = hashlib.sha256()
    with open(path, "rb") as file:  # noqa: PTH123 - a text by now
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    found = digest.hexdigest()
    if size > _CHUNK:  # a small one is read again sooner than looked up
        with contextlib.suppress(OSError):  # a folder that cannot be written only costs time
            kept.parent.mkdir(parents=True, exist_ok=True)
            with kept.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps([*key, found]) + "\n")
    return found


def _kept(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(
                ValueError, TypeError, RecursionError
            ):  # a line that another process has not finished
                *key, digest = json.loads(line)
                if _SHA256.fullmatch(digest):
                    found[json.dumps(key)] = digest
    return found


def _git_digest(path: Path) -> str:
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
