"""What the Hub says the files of a commit are: their names, and what each is digested to. Kept in the user's folder for when it is away."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ...state import RepoError
from ...state.atomic import write_text
from ...state.home import home
from ...state.strict_json import read_json
from .repo_paths import name_fault

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|git:[0-9a-f]{40}")


@frozen
class HubListing:
    """The files of one commit.

    Attributes:
        digests: of files by name, "sha256:..." or, of those that git keeps itself, "git:..."; None where the Hub does not say.
        sizes: bytes of files by name, as far as the Hub says them; they are not kept.
    """

    digests: Mapping[str, str | None]
    sizes: Mapping[str, int] = field(factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Of all files."""
        return tuple(self.digests)

    @classmethod
    def of(cls, siblings: Iterable[Any]) -> HubListing:
        """What the Hub's client has been told. Files whose names not every system takes are left out."""
        found: dict[str, str | None] = {}
        sizes: dict[str, int] = {}
        for each in siblings:
            if not name_fault(each.rfilename):
                lfs, blob = getattr(each, "lfs", None), getattr(each, "blob_id", None)
                digest = f"sha256:{lfs.sha256}" if lfs is not None else f"git:{blob}"
                found[each.rfilename] = digest if _DIGEST.fullmatch(digest) else None
                size = getattr(each, "size", None)
                if isinstance(size, int) and size >= 0:
                    sizes[each.rfilename] = size
        return cls(found, sizes)

    @classmethod
    def kept(cls, repo: str, commit: str) -> HubListing | None:
        """What was kept of a commit; None if nothing was, or nothing that can be read."""
        path = _place(repo, commit)
        try:
            data = read_json(path) if path.is_file() else None
        except RepoError:
            return None
        if data is None or not all(isinstance(each, str) and _DIGEST.fullmatch(each) for each in data.values()):
            return None
        return cls(data)

    def keep(self, repo: str, commit: str) -> None:
        """Write it down."""
        path = _place(repo, commit)
        if not path.exists():
            with contextlib.suppress(
                OSError
            ):  # without it, what is no link into the cache is not loaded while the Hub is away
                path.parent.mkdir(parents=True, exist_ok=True)
                write_text(path, json.dumps({name: digest for name, digest in self.digests.items() if digest}))


def _place(repo: str, commit: str) -> Path:
    return home() / "listings" / repo.lower().replace("/", "--") / f"{commit}.json"
