"""What a repository needs: packages that are installed, of versions that serve, and an API of Brickwork that runs its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..blocks.core.block_catalog import BlockResolver
from ..registry.hub.repo import Repo
from ..state import RepoError
from ..state.limits import MOST_REQUIREMENTS
from ..state.packages.api_version import api_fault
from ..state.packages.requirements import version_faults
from .repo_format import RepoFormat, guider_references, references


def refuse_unmet(repo: Repo, written: RepoFormat) -> None:
    """Compare what a repository of ours needs with what is installed, before its code or an installed package is imported.

    Raises:
        RepoError: something is missing or of another version; every fault is named.
    """
    guiders = guider_references(written.created)
    brings_code = bool(references(written.composition)) or any(name.startswith("./") for name in guiders)
    faults = []
    if brings_code and written.api is not None:
        unfit = api_fault([written.api], "ask its owner to save it with a newer Brickwork")
        faults += [f"The code in it does not run here: {unfit}"] if unfit else []
    # Blocks of ours open in older releases, too, as long as these have them.
    needed = {name: each for name, each in written.requirements.items() if brings_code or name != "brickwork"}
    faults += _missing(repo, needed)
    faults += BlockResolver().unfit([*_names(written.composition), *guiders])
    if faults:
        raise RepoError.of(f"{repo.name} needs packages", faults)


def refuse_missing(repo: Repo, requirements: Mapping[str, Any]) -> None:
    """Compare the packages that a repository by diffusers' rules needs with what is installed.

    Raises:
        RepoError: something is missing or of another version; every one is named, before code runs.
    """
    faults = _missing(repo, requirements)
    if faults:
        raise RepoError.of(f"{repo.name} needs packages", faults)


def _missing(repo: Repo, requirements: Mapping[str, Any]) -> list[str]:
    if len(requirements) > MOST_REQUIREMENTS:
        raise RepoError(
            f"{repo.name} needs {len(requirements):,} packages; at most {MOST_REQUIREMENTS} are looked for."
        )
    return list(version_faults(requirements))


def _names(composition: object) -> list[str]:
    """Return the names of all blocks of a composition that was not looked at yet."""
    found: list[str] = []
    pending = [composition]
    while pending:
        entry = pending.pop()
        if isinstance(entry, Mapping):
            found += [entry["block"]] if isinstance(entry.get("block"), str) else []
            inner, parts = entry.get("blocks"), entry.get("parts")
            pending += inner.values() if isinstance(inner, Mapping) else []
            pending += parts if isinstance(parts, (list, tuple)) else []
    return found
