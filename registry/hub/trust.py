"""Whose code may run: the caller says, for a repository at one commit. Nothing that is loaded can say so, and nothing asks."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from ...state import InputError, TrustError
from .lock import Lock, LockedRepo
from .repo import Repo, same_repo
from .verified import text_digest

_STATE = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@frozen
class Trust:
    """What a caller grants.

    Attributes:
        code: repository (owner/name, or a folder) to the commit, or the digest of its code, that may run.

    Example:
        >>> Trust(code={"me/soft-denoise": "3f1c2a9b8d7e6f504132a3b4c5d6e7f8091a2b3c"}).grants("you/other", "", "")
        False
    """

    code: Mapping[str, str] = field(factory=dict)

    def grants(self, repo: str, commit: str | None, digest: str) -> bool:
        """Whether the code of a repository may run, at just this commit or with just this digest."""
        granted = [state for name, state in self.code.items() if same_repo(name, repo)]
        return any(state and state in (commit, digest) for state in granted)


@frozen
class Grant:
    """What one call grants, for the repository that it names and no other.

    Attributes:
        given: `trust_remote_code=` of the call: False, True for what the repository holds now, a commit or digest, or Trust.
        lock: where it is recorded. revision: that the call asked for, which grants a changed code if it is the whole commit.
    """

    given: Any
    lock: Lock
    revision: str | None = None

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.given, (bool, str, Trust)):
            raise InputError(
                f"trust_remote_code={self.given!r}: give True for the code that the repository holds now, a commit, or "
                "brickwork.Trust(code={repository: commit})."
            )
        if isinstance(self.given, str) and self.given and not _STATE.fullmatch(self.given):
            raise InputError(
                f"trust_remote_code={self.given[:60]!r} is no commit and no hash of code (40 or 64 digits of 0-9 and a-f). Give True for the code "
                "that the repository holds now."
            )

    def check(self, repo: Repo, sources: Mapping[str, bytes]) -> str:
        """Return the digest of a repository's code if it may run, and record it.

        Raises:
            TrustError: it was not granted, or differs from what was granted before; with the difference.
        """
        files = {name: text_digest(data) for name, data in sorted(sources.items())}
        digest = code_digest(files)
        known = self.lock.of(repo.key)
        is_same_commit = known is not None and repo.commit is not None and known.commit == repo.commit
        if known is not None and is_same_commit:
            self._refuse_forged(repo, known, files)
        explicit = self._names(repo, digest)
        if not explicit and self.given is not True:
            raise TrustError(_refusal(repo, sources, digest))
        if known is not None and known.code and dict(known.code) != files and not (explicit or is_same_commit):
            raise TrustError(
                f"The code of {repo.name} changed since it was granted (commit {known.commit or 'none'}, now {repo.commit or 'none'}; "
                f"{self.lock.path}):\n{self._difference(known, sources)}\nIf you agree, name the new state: "
                f"trust_remote_code={repo.commit or digest!r}."
            )
        before = known if known is not None and known.commit == repo.commit else LockedRepo()
        code = {**before.code, **files} if is_same_commit else files
        self.lock.record(repo.key, LockedRepo(repo.commit, code, before.files), sources)
        return digest

    def _refuse_forged(self, repo: Repo, known: LockedRepo, files: Mapping[str, str]) -> None:
        """A commit is the same for ever; what differs from it was changed on the way, and no grant is meant for that."""
        forged = [name for name, digest in files.items() if known.code.get(name, digest) != digest]
        if forged:
            raise TrustError(
                f"{', '.join(forged)} of {repo.name} is not what it was when it was granted, at the very same commit {repo.commit}. A "
                "commit does not change: the cache, a mirror or the connection does. No grant is for that. Delete the repository's folder "
                f"in the cache, and load it again; if what {self.lock.path} holds is wrong, delete the entry there."
            )

    def _names(self, repo: Repo, digest: str) -> bool:
        """Whether the call names just this state of the code."""
        if isinstance(self.given, Trust):
            return self.given.grants(repo.name, repo.commit, digest) or self.given.grants(repo.key, repo.commit, digest)
        if isinstance(self.given, str):
            return self.given in (repo.commit, digest)
        return self.given and repo.commit is not None and self.revision == repo.commit

    def since_granted(self, repo: Repo, sources: Mapping[str, bytes]) -> str | None:
        """Say which files of a repository's code differ from what was granted, and how; None where nothing was granted, or nothing differs."""
        known = self.lock.of(repo.key)
        if known is None or not known.code:
            return None
        now = {name: text_digest(data) for name, data in sources.items()}
        changed = sorted(name for name, digest in now.items() if known.code.get(name, digest) != digest)
        kinds = {"changed": changed, "added": sorted(now.keys() - known.code), "gone": sorted(known.code.keys() - now)}
        said = [f"{kind}: {', '.join(names)}" for kind, names in kinds.items() if names]
        return f"{'; '.join(said)}\n{self._difference(known, sources)}" if said else None

    def _difference(self, known: LockedRepo, sources: Mapping[str, bytes]) -> str:
        lines: list[str] = []
        for name in sorted({*known.code, *sources}):
            before, now = known.code.get(name), sources.get(name)
            if now is not None and before == text_digest(now):
                continue
            old = "" if before is None else self.lock.source(before)
            if old is None:
                lines.append(f"{name}: changed; what was granted before is not kept any more")
                continue
            new = "" if now is None else now.decode("utf-8", "replace")
            lines += difflib.unified_diff(
                old.splitlines(), new.splitlines(), f"{name} (granted)", f"{name} (now)", lineterm=""
            )
        return "\n".join(line.encode("unicode_escape").decode() if not line.isprintable() else line for line in lines)


def code_digest(files: Mapping[str, str]) -> str:
    """One digest of files of code, by name and digest."""
    return text_digest("\n".join(f"{name} {digest}" for name, digest in sorted(files.items())).encode())


def _refusal(repo: Repo, sources: Mapping[str, bytes], digest: str) -> str:
    state = f"at commit {repo.commit}" if repo.commit else f"with the digest {digest}"
    return (
        f"{repo.name} brings code of its own ({', '.join(sorted(sources))}), which can do anything that you can. Read it, then grant "
        f"it {state}: trust_remote_code=True, or trust_remote_code={repo.commit or digest!r} for just this state."
    )
