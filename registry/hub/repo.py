"""A repository, on this machine or on the Hub, at one commit: every file that is asked for is of that commit."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ...state import RepoError
from ...state.atomic import write_text
from ...state.reading import read_bytes
from .downloads import bar_of, expect_download
from .folder_update import interruption
from .hub_client import CALLER, cause_of, hub_api, hub_calls, without_secrets
from .hub_listing import HubListing
from .missing_file import WEIGHTS, missing_file, missing_place
from .repo_paths import check_inside, checked_name, file_in, relative_name
from .verified import fault_of

HUB_OPTIONS = ("cache_dir", "token", "local_files_only")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_NAME = re.compile(r"[\w][\w.-]{0,95}/[\w][\w.-]{0,95}", re.ASCII)


@frozen
class Repo:
    """Where files come from.

    Attributes:
        name: as it was given. folder: on this machine. commit: on the Hub.
        listing: names of its files; None if only the Hub could tell and it cannot be asked. digests: of its files, as far as the Hub has
            told them, now or when it was last asked. sizes: bytes of its files, as far as the Hub has told them now.
        options: `cache_dir`, `token`, `local_files_only`.
    """

    name: str
    folder: Path | None = None
    commit: str | None = None
    listing: tuple[str, ...] | None = None
    digests: Mapping[str, str | None] = field(factory=dict, repr=False)
    options: Mapping[str, Any] = field(factory=dict, repr=False)
    sizes: Mapping[str, int] = field(factory=dict, repr=False)

    @property
    def key(self) -> str:
        """What locks know it by: the Hub's name, or the folder's whole path."""
        return self.name if self.folder is None else str(self.folder.resolve())

    @property
    def own_name(self) -> str:
        """What its components say that they are from: its name, of a folder as no repository on the Hub can be called."""
        return self.name if self.folder is None else local_name(self.name)

    def file(self, name: str) -> Path | None:
        """Return a file by its name; None if there is none. From the Hub it is downloaded, and compared with its digest.

        Raises:
            TrustError: the name or a link leads out of the repository. RepoError: it could not be downloaded.
        """
        if self.folder is not None:
            return file_in(self.folder, name)
        if self.listing is not None and name not in self.listing:
            checked_name(name)
            return None
        return self._downloaded(checked_name(name))

    def fetch(self, names: Iterable[str]) -> Path:
        """Make files be on this machine, and return the folder that they are in."""
        if self.folder is not None:
            return self.folder
        wanted = list(names)
        expect_download(self, wanted)
        found = [(name, path) for name in wanted if (path := self.file(name)) is not None]
        if not found:
            raise RepoError(f"{self.name} at {self.commit} has none of: {', '.join(wanted)}.")
        name, path = found[0]
        return _folder_of(path, name)

    def names(self) -> tuple[str, ...]:
        """Names of all files, as far as that is known here: offline those that are in the cache.

        Raises:
            TrustError: a link leads out of the repository.
        """
        if self.listing is not None:
            return self.listing
        folder = self.folder or self._snapshot()
        return tuple(sorted(_names_in(folder))) if folder is not None else ()

    def is_here(self, name: str) -> bool:
        """Whether a file need not be downloaded."""
        if self.folder is not None:
            return True
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.name, name, self.options.get("cache_dir"), self.commit)
        return isinstance(found, str)

    def has_folder(self, name: str) -> bool:
        """Whether there are files in a folder of it."""
        if self.folder is not None:
            return (self.folder / checked_name(name)).is_dir()
        return any(each.startswith(f"{name}/") for each in self.names())

    def _snapshot(self) -> Path | None:
        folder = _cache_of(self.name, self.options) / "snapshots" / str(self.commit)
        return folder if folder.is_dir() else None

    def _downloaded(self, name: str) -> Path | None:
        blobs = _cache_of(self.name, self.options) / "blobs"
        faults: list[str] = []
        for again in (False, True):
            try:
                path = self._from_cache_or_hub(name, again)
            except RepoError as error:
                if faults:  # and the Hub cannot be asked for another
                    raise RepoError(f"{name} of {self.name} at {self.commit} is not loaded: {faults[0]}.") from error
                raise
            if path is None:
                return None
            check_inside(_folder_of(path, name), path)
            fault = fault_of(path, blobs, self.digests.get(name))
            if fault is None:
                return path
            faults.append(f"{fault}: {path}")
        raise RepoError(
            f"{name} of {self.name} at {self.commit} is not loaded, after a second download, too: {faults[-1]}. The connection, a mirror "
            "or the disk changes files."
        )

    def _from_cache_or_hub(self, name: str, again: bool) -> Path | None:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

        try:
            # Pinned to a commit: what is in the cache is not asked for again.
            with hub_calls(), bar_of(self.name, name) as bar:
                options = {**CALLER, **self.options, **bar}
                return Path(hf_hub_download(self.name, name, revision=self.commit, force_download=again, **options))
        except LocalEntryNotFoundError as error:
            if self.listing is None and name not in self.digests:
                return None
            said = without_secrets(error)
            raise RepoError(
                f"{name} of {self.name} is not in the cache, and cannot be downloaded: {said}"
            ) from cause_of(error)
        except EntryNotFoundError:
            return None
        except Exception as error:
            if not isinstance(error, (HfHubHTTPError, OSError, ValueError)) and "httpx" not in type(error).__module__:
                raise
            said = without_secrets(error)
            raise RepoError(f"{name} of {self.name} could not be downloaded: {said}") from cause_of(error)


def _folder_of(path: Path, name: str) -> Path:
    for _ in name.split("/"):
        path = path.parent
    return path


def _names_in(folder: Path) -> Iterable[str]:
    for path in folder.rglob("*"):
        if path.is_file() and ".git" not in path.relative_to(folder).parts:
            check_inside(folder, path)
            yield relative_name(folder, path)


def is_hub_name(name: str) -> bool:
    """Whether a text can be the name of a repository on the Hub (owner/name)."""
    return bool(_HUB_NAME.fullmatch(name)) and "--" not in name and ".." not in name


def local_name(folder: str) -> str:
    """A folder by a name that stays one where the folder is not there: "models/mine" could be on the Hub, "./models/mine" cannot."""
    return f"./{folder}" if is_hub_name(folder) else folder


def is_share(name: object) -> bool:
    """Whether a text names a place on another machine, to which Windows connects as soon as it is looked at."""
    return isinstance(name, str) and name.startswith(("\\\\", "//", "\\/", "/\\"))


def hub_key(name: str) -> str:
    """A repository's name as the Hub compares names, which is without regard to case; folders as they are."""
    return name.lower() if is_hub_name(name) else name


def same_repo(one: object, other: object) -> bool:
    """Whether two names are of one repository; what is no text names none."""
    return one == other or (isinstance(one, str) and isinstance(other, str) and hub_key(one) == hub_key(other))


def open_repo(name: str | Path, revision: str | None = None, **options: object) -> Repo:
    """Find a repository, and on the Hub which commit a branch or tag is at: once, for all that is read from it.

    Args:
        name: a folder, or owner/name on the Hub. revision: a branch, tag or commit; the main branch by default.
        options: `cache_dir`, `token`, `local_files_only`.

    Raises:
        RepoError: there is no such repository or revision, it cannot be reached and is not in the cache, or a save to the folder
            was interrupted.
    """
    unknown = sorted(options.keys() - set(HUB_OPTIONS))
    if unknown:
        raise RepoError(
            f"{', '.join(unknown)} is no option for repositories; there are: {', '.join(HUB_OPTIONS)}. "
            "What says how weights are loaded goes to load_components(...); a component is put in afterwards: pipe.scheduler = ..."
        )
    given = {key: value for key, value in options.items() if value is not None}
    folder = Path(name)
    if os.path.isdir(folder):  # noqa: PTH112 - any text, also longer than names may be
        unfinished = interruption(folder)
        if unfinished is not None:
            raise RepoError(unfinished)
        return Repo(str(name), folder, options=given)
    missing = missing_file(name)
    # Beside a folder that is there a file is meant; else the Hub is asked, whose names may end as files do.
    if missing is not None and (os.path.isdir(folder.parent) or not is_hub_name(str(name))):  # noqa: PTH112 - as above
        raise RepoError(missing)
    if os.path.isfile(folder) and (folder.suffix in WEIGHTS or not is_hub_name(str(name))):  # noqa: PTH113 - as above
        raise RepoError(
            f"{name} is a file, and a folder or a name on the Hub (owner/name) is expected: give {folder.parent}, of an adapter with "
            f"weight_name={folder.name!r}."
        )
    if folder.is_absolute() or not is_hub_name(str(name)):
        raise RepoError(missing_place(name))
    try:
        commit, listing = _resolved(str(name), revision, given)
    except RepoError as error:
        if missing is None:
            raise
        raise RepoError(f"{missing} Nor is it found as a repository: {error}") from error
    if listing is not None:
        return Repo(str(name), None, commit, listing.names, listing.digests, given, listing.sizes)
    kept = HubListing.kept(str(name), commit)
    return Repo(str(name), None, commit, None, kept.digests if kept is not None else {}, given)


_listings: dict[tuple[str, str], HubListing] = {}
"""Files by repository and commit, which never change: they are asked for once in a process."""


def _resolved(name: str, revision: str | None, options: Mapping[str, Any]) -> tuple[str, HubListing | None]:
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    refusal: Exception | None = None
    if (name, revision) in _listings:
        return str(revision), _listings[name, str(revision)]
    if not options.get("local_files_only"):
        try:
            with hub_calls():
                info = hub_api(options.get("token")).model_info(name, revision=revision, files_metadata=True)
        except RevisionNotFoundError as error:
            raise RepoError(f"{name} has no revision {revision!r}.") from error
        except (GatedRepoError, RepositoryNotFoundError) as error:
            raise RepoError(
                f"There is no repository {name!r} on the Hub, or it is private and needs token=... (or `hf auth login`)."
            ) from error
        except HFValidationError as error:
            raise RepoError(f"{name!r} is no name of a Hub repository: {error}") from error
        except (OfflineModeIsEnabled, HfHubHTTPError, OSError, UnicodeEncodeError) as error:
            refusal = error
        except Exception as error:
            if "httpx" not in type(error).__module__:
                raise
            refusal = error
        else:
            commit = str(info.sha)
            if not _COMMIT.fullmatch(commit):
                raise RepoError(f"The Hub says that {name} is at {commit[:80]!r}, which is no commit.")
            _note_commit(name, revision, commit, options)
            listing = _listings.setdefault((name, commit), HubListing.of(info.siblings or ()))
            listing.keep(name, commit)
            return commit, listing
    cached = _cached_commit(name, revision, options)
    if cached is None:
        why = (
            f"the Hub cannot be reached ({without_secrets(refusal)})"
            if refusal
            else "local_files_only forbids asking the Hub"
        )
        raise RepoError(f"{name} is no folder here, {revision or 'main'} of it is not in the cache, and {why}.")
    return cached, None


def _cache_of(name: str, options: Mapping[str, Any]) -> Path:
    """Where the Hub's client keeps a repository: `blobs`, `refs` and `snapshots`."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(options.get("cache_dir") or HF_HUB_CACHE).expanduser() / f"models--{name.replace('/', '--')}"


def _cached_commit(name: str, revision: str | None, options: Mapping[str, Any]) -> str | None:
    """The commit that a revision was at when it was last asked for."""
    cache = _cache_of(name, options)
    if _COMMIT.fullmatch(revision or "") and (cache / "snapshots" / str(revision)).is_dir():
        return revision
    try:
        commit = read_bytes(cache / "refs" / checked_name(revision or "main"), 1000).decode("ascii", "replace").strip()
    except RepoError:
        return None
    return commit if _COMMIT.fullmatch(commit) else None


def _note_commit(name: str, revision: str | None, commit: str, options: Mapping[str, Any]) -> None:
    """Write down where a revision is, as the client does where it is given a branch, so that it is found offline."""
    if revision == commit:
        return
    path = _cache_of(name, options) / "refs" / checked_name(revision or "main")
    with contextlib.suppress(OSError, RepoError):  # a cache that cannot be written serves all the same
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, commit)
