"""JSON that begins with a byte order mark, as editors on Windows write it, for loaders of libraries that do not know it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ...state import RepoError
from ...state.atomic import writing
from ...state.reading import opened

_MARK = b"\xef\xbb\xbf"


@contextlib.contextmanager
def without_marks(root: Path, subfolder: str = "") -> Iterator[Path]:
    """Yield a folder to load a component from, in which no JSON begins with a mark: the same one where none does.

    Else it is a folder for the time of loading, with links to the files and marked ones without their mark. The user's folder is not
    written to.
    """
    marked = _marked(root / subfolder)
    if not marked:
        yield root
        return
    with tempfile.TemporaryDirectory(prefix="brickwork-json-") as place:
        folder = Path(place) / subfolder
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for path in (root / subfolder).iterdir():
                (_unmarked if path in marked else _linked)(path, folder / path.name)
        yield Path(place)


def _marked(folder: Path) -> list[Path]:
    found = []
    for path in folder.glob("*.json"):
        with contextlib.suppress(RepoError), opened(path) as (file, _):  # what cannot be read is the loader's to say
            if file.read(len(_MARK)) == _MARK:
                found.append(path)
    return found


def _unmarked(path: Path, target: Path) -> None:
    with opened(path) as (source, _), target.open("wb") as file:
        source.seek(len(_MARK))
        shutil.copyfileobj(source, file)


def _linked(path: Path, target: Path) -> None:
    try:
        target.symlink_to(path.resolve())
    except OSError:  # not every system lets everybody make links
        (shutil.copytree if path.is_dir() else _linked_hard)(path, target)


def _linked_hard(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except OSError:
        shutil.copy(path, target)


def named_after(component: object, place: Path, root: Path) -> None:
    """Let a component that was loaded from the folder of `without_marks` say that it is from the user's."""
    if place == root:
        return
    config = getattr(component, "config", None)
    if hasattr(component, "register_to_config") and config is not None and config.get("_name_or_path") == str(place):
        component.register_to_config(_name_or_path=str(root))
    for holder in (component, config):
        held = getattr(holder, "__dict__", {})
        for name in ("name_or_path", "_name_or_path"):
            if held.get(name) == str(place):
                setattr(holder, name, str(root))
    kwargs = getattr(component, "init_kwargs", None)
    if isinstance(kwargs, dict) and kwargs.get("name_or_path") == str(place):
        kwargs["name_or_path"] = str(root)
