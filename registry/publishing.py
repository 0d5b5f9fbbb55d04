"""Publishes folders on the Hub: in one commit, from a folder that holds what was saved and nothing else."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..state import RepoError
from ..state.errors import did_you_mean
from .hub.credentials import credential_in
from .hub.hub_client import cause_of, hub_api, hub_calls, without_secrets
from .hub.repo import is_hub_name
from .hub.repo_files import MODULAR_INDEX
from .hub.repo_paths import name_fault, relative_name, twins
from .loading.stale_files import stale_files

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_OURS = (".py", ".json", ".md", ".txt", ".yaml", ".yml", ".jinja", ".svg", ".safetensors", ".model", ".tiktoken")
_TRIES = 4
PUBLISHING = ("repo_id", "private", "token", "commit_message", "create_pr", "revision")


def publish(
    save: Callable[[Path, str], object],
    repo_id: str,
    private: bool | None = None,
    token: str | bool | None = None,
    commit_message: str | None = None,
    create_pr: bool = False,
    revision: str | None = None,
    **unknown: object,
) -> str:
    """Save to a folder of its own, and upload that in one commit.

    Args:
        save: takes the folder and the whole name of the repository. repo_id: owner/name, or the name alone.
        revision: branch that is committed to. create_pr: propose the commit instead.

    Returns:
        The address of the commit.

    Raises:
        RepoError: something cannot be saved or uploaded, holds a secret, or somebody else published meanwhile. The repository
            is as it was.
    """
    if unknown:
        raise RepoError(f"{', '.join(unknown)} is nothing that publishing knows.")
    api = hub_api(token)
    with hub_calls():
        name = _whole_name(api, repo_id)
    # A folder that somebody works in may hold notes, keys and caches, which an upload of all its files would take
    # along.
    with tempfile.TemporaryDirectory(prefix="brickwork-push-") as place:
        folder = Path(place) / name.rpartition("/")[2]
        save(folder, name)
        files = dict(publishable(folder))
        message = commit_message or f"Publish {name.rpartition('/')[2]} with brickwork"
        with hub_calls(), _in_words(f"{name} could not be published"):
            api.create_repo(name, private=private, exist_ok=True)
            options = {"commit_message": message, "create_pr": create_pr, "revision": revision}
            return _committed(api, name, files, lambda there: stale_files(folder, MODULAR_INDEX, there), options)


def refuse_unknown(options: Iterable[str], publishes: bool) -> None:
    """Refuse options of a save that would have no effect.

    Args:
        publishes: whether what is saved is published, too, which most of them are for.

    Raises:
        RepoError: some are unknown, or for publishing while nothing is published.
    """
    faults = [f"{name!r} is unknown. {did_you_mean(name, PUBLISHING)}" for name in options if name not in PUBLISHING]
    if not publishes:
        faults += [f"{name!r} is for push_to_hub=True." for name in options if name in PUBLISHING and name != "repo_id"]
    if faults:
        raise RepoError.of("Options do not fit", faults)


def publishable(folder: Path) -> list[tuple[str, Path]]:
    """Return the files of a folder that may be published, by name.

    Raises:
        RepoError: one is a link, of a kind that we do not save, or holds a secret; every fault is named.
    """
    files, faults = publishable_or_not(folder)
    if faults:
        raise RepoError.of("The folder cannot be published", faults)
    return files


def publishable_or_not(folder: Path) -> tuple[list[tuple[str, Path]], list[str]]:
    """Return the files of a folder that may be published, by name, and what is wrong with it."""
    faults: list[str] = []
    files: list[tuple[str, Path]] = []
    for path in sorted(folder.rglob("*")):
        name = relative_name(folder, path)
        if path.is_symlink():
            faults.append(f"{name} is a link.")
        # A list of what may go, and not of what may not: nobody knows all names of private files.
        elif path.is_file() and path.suffix not in _OURS:
            faults.append(f"{name} is of no kind that is published ({', '.join(_OURS)}).")
        elif path.is_file() and (fault := name_fault(name)):
            faults.append(f"{name!r}: {fault}.")
        elif path.is_file():
            found = credential_in(path)
            if found:
                faults.append(f"{name} seems to hold {found}; take it out, and treat it as known to others.")
            files.append((name, path))
    return files, faults + twins([name for name, _ in files])


def _whole_name(api: HfApi, repo_id: str) -> str:
    if "/" in repo_id:
        name = repo_id
    else:
        with _in_words("Your name on the Hub could not be found out; log in (`hf auth login`), or give owner/name"):
            name = f"{api.whoami()['name']}/{repo_id}"
    fault = repo_name_fault(name)
    if fault:
        raise RepoError(fault)
    return name


def repo_name_fault(name: str) -> str | None:
    """Say why a text cannot be the name of a repository on the Hub; None if it can."""
    if is_hub_name(name):
        return None
    return f"{name!r} is no name of a repository on the Hub: owner/name, of letters, digits, '-', '_' and '.'."


def _committed(
    api: HfApi, name: str, files: dict[str, Path], stale: Callable[[Iterable[str]], list[str]], options: dict[str, Any]
) -> str:
    """Commit on top of what is there; again if others committed meanwhile, as long as their files are none of ours.

    Args:
        stale: which of the files that there are go, because they are of an older save.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete
    from huggingface_hub.errors import HfHubHTTPError

    before = _state(api, name, options["revision"])
    head = before
    for attempt in range(_TRIES):
        operations: list[CommitOperationAdd | CommitOperationCopy | CommitOperationDelete] = [
            *(CommitOperationAdd(path_in_repo=each, path_or_fileobj=str(path)) for each, path in files.items()),
            *(CommitOperationDelete(path_in_repo=each) for each in stale(head[1])),
        ]
        try:
            # With the parent named, the Hub refuses a commit over one that came meanwhile.
            info = api.create_commit(name, operations, parent_commit=head[0], **options)
            return str(info.commit_url)
        except HfHubHTTPError as error:
            status = getattr(error.response, "status_code", None)
            # 409 is of another commit under way, 412 of a parent that is not the head any more.
            if status not in (409, 412) or attempt == _TRIES - 1:
                raise
            head = _state(api, name, options["revision"])
            changed = sorted(n for n in files if head[1].get(n) != before[1].get(n))
            if changed:
                raise RepoError(
                    f"Somebody else published {', '.join(changed)} of {name} meanwhile. Look at it, and publish again."
                ) from error
    raise AssertionError


def _state(api: HfApi, name: str, revision: str | None) -> tuple[str, dict[str, str | None]]:
    """Return the commit that a branch is at, and its files by digest."""
    info = api.model_info(name, revision=revision, files_metadata=True)
    return str(info.sha), {each.rfilename: each.blob_id for each in info.siblings or ()}


@contextlib.contextmanager
def _in_words(words: str) -> Iterator[None]:
    """Raise errors of the Hub's client as ours."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    try:
        yield
    except Exception as error:
        # By name: which of them the client uses depends on its version.
        foreign = type(error).__module__.partition(".")[0] in ("httpx", "httpx2", "requests")
        if isinstance(error, (HfHubHTTPError, LocalTokenNotFoundError, OSError, ValueError)) or foreign:
            raise RepoError(f"{words}: {without_secrets(error)}") from cause_of(error)
        raise
