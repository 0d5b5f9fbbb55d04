"""The tensors of one safetensors file of a repository, such as an adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...state import ComponentError, RepoError, TrustError
from ...state.errors import did_you_mean
from ..hub.missing_file import weights_in
from ..hub.repo import Repo
from .weights import check_file


def read_tensors(repo: Repo, name: str) -> dict[str, Any]:
    """Read a file by its name.

    Raises:
        TrustError: it is pickled, or its name leads out of the repository. RepoError: it is not there. ComponentError: it is
            damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = _checked(repo, name)
    try:
        tensors: dict[str, Any] = load_file(path)
    except (SafetensorError, OSError, KeyError) as error:  # KeyError: a number format that torch does not have
        raise ComponentError(f"{name} of {repo.name} cannot be read: {error}") from error
    return tensors


def read_metadata(repo: Repo, name: str) -> dict[str, str]:
    """Return what a file says of itself besides its tensors.

    Raises:
        as `read_tensors`.
    """
    from safetensors import safe_open

    with safe_open(_checked(repo, name), "pt") as file:
        return dict(file.metadata() or {})


def _beside(repo: Repo, name: str) -> list[str]:
    """Return files that may be meant: of a folder of this machine, which may hold anything, those of weights in the same place."""
    if repo.folder is None:
        return list(repo.names())
    folder, _, _ = name.rpartition("/")
    return ["/".join(filter(None, [folder, each])) for each in weights_in(repo.folder / folder)]


def _checked(repo: Repo, name: str) -> Path:
    is_readable = name.lower().endswith(".safetensors")
    # Of the Hub nothing is downloaded that is not read.
    path = repo.file(name) if is_readable or repo.folder is not None else None
    if path is None and (is_readable or repo.folder is not None or name not in (repo.listing or [name])):
        raise RepoError(f"{repo.name} has no file {name}. {did_you_mean(name, _beside(repo, name))}")
    if not is_readable or path is None:
        raise TrustError(
            f"{name} is no .safetensors file; pickled weights can run code while they are loaded. Convert it."
        )
    check_file(path)
    return path
