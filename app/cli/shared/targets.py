"""What a command is about: the embedded model, a preset, a workflow file, a folder, a repository, or an image's recipe."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Literal, NamedTuple

from ....state import RepoError

Kind = Literal["embedded", "preset", "workflow", "folder", "repo", "image"]
_EMBEDDED = "embedded"
_WORKFLOWS = (".yaml", ".yml")
_RECIPES = (".png", ".json")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LARGEST = 4_000_000
"""Bytes of a text file in a folder that count for what its blocks take: indices, compositions, code."""
BLOCKS = "brickwork.blocks"
"""Under which the context of a command line has the folders of `--blocks`."""
KINDS = """TARGET is one of: 'embedded', the model that ships; a preset (see: brickwork presets list); a \
workflow file (.yaml); a folder; owner/name[@revision] on the Hub; an image (.png), whose recipe is taken."""


# No class of attrs, whose import would be a tenth of what help of a target takes.
class Target(NamedTuple):
    """One thing that a command line names.

    Attributes:
        text: as it was typed. name: without the revision. blocks: folders with blocks of one's own, of `--blocks`.
    """

    text: str
    kind: Kind
    name: str
    revision: str | None = None
    blocks: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The file or folder that it is."""
        return Path(self.name)


def target_of(text: str) -> Target:
    """Say what a text names; nothing is opened.

    Raises:
        RepoError: it is the name of a file or folder that is not there.
    """
    if text == _EMBEDDED:
        return Target(text, "embedded", text)
    path = Path(text)
    if path.suffix.lower() in (*_WORKFLOWS, *_RECIPES):
        if not path.is_file():
            raise RepoError(f"There is no file {text}.")
        return Target(text, "workflow" if path.suffix.lower() in _WORKFLOWS else "image", text)
    if path.is_dir():
        return Target(text, "folder", text)
    if path.is_file():
        from .result_places import recipe_file

        if (recipe := recipe_file(path)) != path:
            return Target(text, "image", str(recipe))
        raise RepoError(f"{text} is no workflow file (.yaml), image (.png) or recipe (.json). {KINDS}")
    if text.startswith((".", "/", "~")):
        raise RepoError(f"There is no folder {text}.")
    if "/" not in text:
        return Target(text, "preset", text)
    name, _, revision = text.partition("@")
    return Target(text, "preset" if _is_of_package(name) else "repo", name, revision or None)


def _is_of_package(name: str) -> bool:
    """Return whether an installed package offers a preset of this name."""
    from ....state.packages.block_packages import PRESETS, names_of_point, points_of

    return any(name in names_of_point(point)[1:2] for point in points_of(PRESETS))


def content_digest(target: Target) -> str | None:
    """Return the SHA-256 of what decides which inputs a target takes; None where only opening it tells."""
    # What a person works at changes, and may lie beside a whole environment: it is not read through for a digest.
    if target.blocks:
        return None
    found = hashlib.sha256(f"{target.kind} {target.name} {target.revision}".encode())
    if target.kind == "repo":
        return found.hexdigest() if _COMMIT.fullmatch(target.revision or "") else None
    if target.kind in ("workflow", "image"):
        found.update(target.path.read_bytes())
    if target.kind == "folder":
        found.update(str(target.path.resolve()).encode())
        for path in sorted(target.path.rglob("*")):
            if path.suffix in (".json", ".py") and path.is_file() and path.stat().st_size < _LARGEST:
                found.update(f"\0{path.relative_to(target.path)}\0".encode() + path.read_bytes())
    return found.hexdigest()
