"""What is known of targets that were opened before, in `BRICKWORK_HOME/schemas`: so that help needs no torch."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .... import __version__
from ....state import RepoError
from ....state.atomic import write_text
from ....state.home import home
from ....state.packages.block_packages import BLOCKS, PRESETS, long_name, points_of
from .targets import Target, content_digest

FORMAT = 2
_PACKAGE = Path(__file__).parents[3]
_ROOMS = (
    "state", "registry", "engine", "guiders", "families", "adapters", "blocks", "saving", "pipeline", "presets", "app",
)  # fmt: skip
_MOST = 200
"""Files that are kept."""


def known_target(target: Target) -> dict[str, Any] | None:
    """Return what `keep_target` kept, if nothing has changed since that it hangs on."""
    path = _place(target)
    if path is None:
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("format") == FORMAT else None


def keep_target(target: Target, described: Mapping[str, Any]) -> None:
    """Keep what is known of a target; a folder that cannot be written is no fault."""
    path = _place(target)
    if path is None:
        return
    with contextlib.suppress(OSError, RepoError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps({"format": FORMAT, **described}))
        kept = sorted(path.parent.glob("*.json"), key=lambda each: each.stat().st_mtime)
        for old in kept[:-_MOST]:
            old.unlink(missing_ok=True)


def _place(target: Target) -> Path | None:
    try:
        digest = content_digest(target)
    except OSError:
        return None
    if digest is None:
        return None
    whole = hashlib.sha256("\0".join([digest, *_software()]).encode()).hexdigest()
    return home() / "schemas" / f"{whole}.json"


def _software() -> Iterator[str]:
    """Yield what else decides which inputs there are: versions, this package's files, and installed blocks and presets."""
    yield __version__
    # By size and time of a file that says the version: to read it from metadata takes longer than all the rest.
    for name in ("diffusers", "transformers"):
        found = find_spec(name)
        yield f"{name} {_stamp(found.origin) if found is not None and found.origin else ''}"
    yield from _installed()
    # By size and time: in a checkout the code changes, and the version stays.
    for room in _ROOMS:
        yield from _sources(_PACKAGE / room)


@cache
def _installed() -> tuple[str, ...]:
    """Return the blocks and presets of installed packages; a process sees the same ones all its life."""
    return tuple(
        f"{point.group} {long_name(point)}={point.value} {point.dist.metadata['Version'] if point.dist else ''}"
        for group in (BLOCKS, PRESETS)
        for point in sorted(points_of(group), key=lambda each: (long_name(each), each.value))
    )


def _stamp(file: str | os.DirEntry[str]) -> str:
    found = os.stat(file)  # noqa: PTH116 - of an entry of a folder, too
    return f"{found.st_size} {found.st_mtime_ns}"


def _sources(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            if entry.name.endswith(".py"):
                yield f"{entry.path} {_stamp(entry)}"
            elif entry.is_dir() and "." not in entry.name and not entry.name.startswith("_"):
                yield from _sources(Path(entry.path))
