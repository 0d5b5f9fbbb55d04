"""Publishes to a folder of this machine: what the Hub would be sent, and nothing else."""

from __future__ import annotations

from pathlib import Path

from ....state import InputError, RepoError
from .targets import Target

_MARKS = ("./", "../", "~", ".\\", "..\\")


def folder_of(text: str) -> Path | None:
    """Return the folder that a text names; None where it is the name of a repository on the Hub."""
    path = Path(text).expanduser()
    if not (text.startswith(_MARKS) or text in (".", "..") or path.is_absolute() or path.is_dir()):
        return None
    # The folder's name is that of what is published, also where it is written as ".".
    return path if path.name not in ("", "..") else path.resolve()


def folder_fault(folder: Path, source: Target) -> str | None:
    """Say why nothing can be published to a folder; None if it can: it is new, empty, or of an earlier save."""
    from ....registry.hub.repo_files import OURS

    if folder.is_file():
        return f"{folder} is a file, and a save makes a folder of several. Give the name of a folder."

    if source.kind == "folder" and folder.is_dir() and source.path.is_dir() and folder.samefile(source.path):
        return f"{folder} is the folder that is published. Name another one; if you mean the Hub, type this where no folder is named {folder}."
    # Locks and lists of a save that was interrupted are the save's own: it finishes or refuses them.
    there = [name for name in _names_in(folder) if not name.startswith(".brickwork-")]
    if not there or OURS in there:
        return None
    more = f" and {len(there) - 3} more" if len(there) > 3 else ""
    return f"{folder} is not empty, and of no save of brickwork: {', '.join(there[:3])}{more}. Name a folder that is new or empty, or take these out."


def refuse_options(**given: object) -> None:
    """Refuse options that only a repository on the Hub has.

    Raises:
        InputError: some are given.
    """
    named = [name for name, value in given.items() if value]
    if named:
        verb = "is" if len(named) == 1 else "are"
        options = ", ".join(f"--{name.replace('_', '-')}" for name in named)
        raise InputError(f"{options} {verb} for a repository on the Hub, and this goes to a folder.")


def refuse_folder(folder: Path, source: Target) -> None:
    """Refuse a folder to which nothing can be published.

    Raises:
        RepoError: it holds something else.
    """
    fault = folder_fault(folder, source)
    if fault is not None:
        raise RepoError(fault)


def save_fault(folder: Path, made: Path) -> str | None:
    """Say why a save that was made elsewhere would not take its place in a folder; None if it would."""
    from ....registry.hub.repo_files import MODULAR_INDEX
    from ....saving.foreign_folder import refuse_foreign
    from ....state.strict_json import read_json

    try:
        refuse_foreign(folder, read_json(made / MODULAR_INDEX).get("_class_name"))
    except RepoError as error:
        return str(error)
    return None


def _names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []
