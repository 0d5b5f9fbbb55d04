"""What is known of targets that were opened before, in `BRICKWORK_HOME/schemas`: so that help needs no torch."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any

from .... import __version__
from ....state.home import home
from .targets import Target, content_digest

FORMAT = 1
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
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps({"format": FORMAT, **described}), encoding="utf-8")
        new.replace(path)
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
    for name in ("diffusers", "transformers"):
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"no {name}"
    for group in ("brickwork.blocks", "brickwork.presets"):
        yield from sorted(
            f"{point.name}={point.value} {point.dist.version if point.dist else ''}"
            for point in entry_points(group=group)
        )
    # By size and time: in a checkout the code changes, and the version stays.
    for room in _ROOMS:
        yield from _sources(_PACKAGE / room)


def _sources(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            if entry.name.endswith(".py"):
                found = entry.stat()
                yield f"{entry.path} {found.st_size} {found.st_mtime_ns}"
            elif entry.is_dir() and "." not in entry.name and not entry.name.startswith("_"):
                yield from _sources(Path(entry.path))
