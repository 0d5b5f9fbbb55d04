"""What is known of targets that were opened before, in `BRICKWORK_HOME/schemas`: so that help needs no torch."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .... import __version__
from ....state import RepoError
from ....state.atomic import write_text
from ....state.code_home import file_stamp, own_sources
from ....state.home import home
from .targets import Target, content_digest

FORMAT = 4
_METADATA = (".dist-info", ".egg-info")
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
    whole = hashlib.sha256("\0".join([digest, *software()]).encode()).hexdigest()
    return home() / "schemas" / f"{whole}.json"


_OWN = ("brickwork-", "brickwork.")


def software() -> Iterator[str]:
    """Yield what else decides which inputs there are: versions, this package's files, and installed blocks and presets."""
    yield __version__
    # By size and time of a file that says the version: to read it from metadata takes longer than all the rest.
    for name in ("diffusers", "transformers"):
        found = find_spec(name)
        yield f"{name} {file_stamp(found.origin) if found is not None and found.origin else ''}"
    yield from _installed()
    yield from own_sources()


def _installed() -> Iterator[str]:
    """Yield what is installed, by the folders that say so: whichever package comes, goes or changes may bring blocks and presets.

    What they hold is not read: `importlib.metadata` and the entry points of a hundred packages are a fifth of a help's time.
    """
    for folder in sys.path:
        with contextlib.suppress(OSError), os.scandir(folder or ".") as entries:
            # Not our own: a checkout has it in the folder where Python may have been started.
            found = [each for each in entries if each.name.endswith(_METADATA) and not each.name.startswith(_OWN)]
            yield from (f"{each.path} {file_stamp(each)}" for each in sorted(found, key=lambda each: each.name))
