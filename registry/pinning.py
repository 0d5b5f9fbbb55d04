"""With a lock, components are of the commit and have the weights that they had when they were first loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from ..state import TrustError
from .component_spec import ComponentSpec
from .hub.lock import Lock, LockedRepo
from .hub.repo import open_repo
from .hub.verified import sha256_of
from .loading.component_files import component_files
from .loading.several import holds_several, part_folders


def pin(spec: ComponentSpec, lock: Lock, hub_options: Mapping[str, Any], safe: bool = True) -> None:
    """Hold a component to what a lock says of its repository; what it says nothing of is recorded.

    Args:
        safe: False where pickled weights were granted, which are held to it, too.

    Raises:
        TrustError: a file is another one than was recorded. RepoError: the repository cannot be reached, or the lock written.
    """
    if spec.repo is None or spec.default_creation_method == "from_config":
        return
    known = lock.of(spec.repo if not Path(spec.repo).is_dir() else str(Path(spec.repo).resolve()))
    # What the caller names counts before what the lock has.
    wanted = spec.revision or (known.commit if known is not None else None)
    repo = open_repo(spec.repo, wanted, **hub_options)
    folders = part_folders(holds_several(*spec.type_name), spec.subfolder or "", repo.has_folder)
    names = [name for folder in folders for name in component_files(repo, folder, spec.variant, safe)]
    folder = repo.fetch(names)
    # The content and not the commit alone: files on this machine can be changed after they were fetched.
    found = {name: sha256_of(folder / name) for name in names}
    if known is not None and known.commit == repo.commit:
        changed = [name for name in found if known.files.get(name, found[name]) != found[name]]
        if changed:
            raise TrustError(
                f"{', '.join(changed)} of {spec.repo} is not what {lock.path} recorded. If you changed it, delete the entry there."
            )
    # Of another commit the digests say nothing.
    entry = known if known is not None and known.commit == repo.commit else LockedRepo(repo.commit)
    lock.record(repo.key, evolve(entry, files={**entry.files, **found}))
    spec.revision = repo.commit
