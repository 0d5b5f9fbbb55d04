"""`brickwork.lock`: what was loaded, by commit and digest. It records, and grants nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from attrs import asdict, field, frozen
from filelock import FileLock, Timeout

from ...state import RepoError
from ...state.atomic import write_text
from ...state.home import home
from ...state.limits import LARGEST_CODE
from ...state.reading import read_bytes
from ...state.strict_json import read_json, written_json
from ...state.structure import Commit, Sha256, structured
from .repo import hub_key
from .verified import text_digest

NAME = "brickwork.lock"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = 1


@frozen
class LockedRepo:
    """What is known of one repository.

    Attributes:
        commit: on the Hub; None for a folder. code: name of each granted file of code to its SHA-256.
        files: name of each file of weights to its SHA-256.
    """

    commit: Commit | None = None
    code: Mapping[str, Sha256] = field(factory=dict)
    files: Mapping[str, Sha256] = field(factory=dict)


@frozen
class _Written:
    """The schema of the file."""

    brickwork_lock: Literal[1]
    repos: Mapping[str, LockedRepo]


@frozen
class Lock:
    """A lock file, which need not be there yet. Granted sources lie beside it, in `<name>.sources`.

    Attributes:
        pins: it was named by the caller, so what it says of commits holds.
    """

    path: Path
    pins: bool = False

    @classmethod
    def at(cls, path: str | Path | None) -> Lock:
        """The lock that the caller names, else the one in the user's folder."""
        return cls(home() / NAME) if path is None else cls(Path(path), pins=True)

    def of(self, repo: str) -> LockedRepo | None:
        """What is recorded of a repository.

        Raises:
            RepoError: the file is broken, or of a later version.
        """
        entry = self.entries().get(hub_key(repo))
        return None if entry is None else entry[1]

    def record(self, repo: str, entry: LockedRepo, sources: Mapping[str, bytes] | None = None) -> None:
        """Write down a repository, and keep its sources, for the difference if they change.

        Raises:
            RepoError: the file cannot be written.
        """
        if self.of(repo) == entry:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.path}.writing", timeout=30):
                for data in (sources or {}).values():
                    kept = self._source(text_digest(data))
                    if not kept.exists():
                        kept.parent.mkdir(parents=True, exist_ok=True)
                        write_text(kept, data.decode("utf-8"))
                known = self.entries()
                name = known.get(hub_key(repo), (repo,))[0]
                repos = dict({**known, hub_key(repo): (name, entry)}.values())
                written = {each: asdict(held) for each, held in sorted(repos.items())}
                whole = {"brickwork_lock": _VERSION, "repos": written}
                write_text(self.path, written_json(whole, str(self.path), indent=2) + "\n")
        except (OSError, ValueError, Timeout, RepoError) as error:
            raise RepoError(
                f"What was granted and loaded cannot be written to {self.path}: {error}. Name another place with lock=..., "
                "or set BRICKWORK_HOME to a folder that can be written."
            ) from error

    def source(self, digest: str) -> str | None:
        """A source that was granted, by its SHA-256; None if it was not kept, or was changed since."""
        if not _SHA256.fullmatch(digest):
            return None  # what a lock says is no name of a file
        try:
            data = read_bytes(self._source(digest), LARGEST_CODE)
        except RepoError:
            return None
        return data.decode("utf-8") if text_digest(data) == digest else None

    def _source(self, digest: str) -> Path:
        return self.path.with_name(f"{self.path.name}.sources") / f"{digest}.py"

    def entries(self) -> dict[str, tuple[str, LockedRepo]]:
        """Names and entries, by the name as the Hub compares names."""
        if not os.path.lexists(self.path):  # False also for what cannot be a name
            return {}
        data = read_json(self.path)
        if data.get("brickwork_lock") != _VERSION:
            raise RepoError(f"{self.path} is no lock of version {_VERSION}; move it away to begin a new one.")
        found: dict[str, tuple[str, LockedRepo]] = {}
        for name, entry in structured(_Written, data, str(self.path)).repos.items():
            if hub_key(name) in found:
                raise RepoError(
                    f"{self.path} has {found[hub_key(name)][0]!r} and {name!r}, which are one repository; delete one."
                )
            found[hub_key(name)] = (name, entry)
        return found
