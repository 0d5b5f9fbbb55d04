"""Updates of folders: what stands in the way is said before anything is moved, or leaves a save that can be finished."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from full_disk import on_a_full_disk

from brickwork import RepoError
from brickwork.registry import finish_save
from brickwork.registry.hub.folder_update import folder_update


def save(folder: Path, *names: str) -> None:
    with folder_update(folder) as stage:
        for name in names:
            (stage / name).parent.mkdir(parents=True, exist_ok=True)
            (stage / name).write_text("new")


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def interrupted(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A save whose list is in place, and whose disk fails at the first move; returns the new file."""
    replace = os.replace

    def failing(*args: Any, **options: Any) -> None:
        if "src_dir_fd" in options:
            raise OSError(errno.EIO, "Input/output error")
        replace(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing)
        with pytest.raises(OSError, match="Input/output error"):
            save(folder, name)
    (stage,) = folder.glob(".brickwork-new-*")
    return stage / name


def test_names_that_not_every_system_takes_are_refused_and_nothing_changes(tmp_path: Path) -> None:
    save(tmp_path, "a.txt")
    before = tree(tmp_path)
    with pytest.raises(RepoError) as caught:
        save(tmp_path, "aux.txt", "B.txt", "b.txt")
    assert str(caught.value).startswith(f"The save to {tmp_path} has names that not every system takes")
    assert caught.value.faults == (
        "'aux.txt': Windows has a device of this name.",
        "'B.txt' and 'b.txt' are one name on systems that ignore case or how letters are composed.",
    )
    assert tree(tmp_path) == before


TAKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file for a folder": (lambda place: place.write_text("old"), " is a file, and a folder of this name is needed."),
    "a folder for a file": (
        lambda place: (place / "x").mkdir(parents=True),
        "/x is a folder, and a file of this name is saved.",
    ),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_a_place_that_is_taken_by_something_else_is_named_and_nothing_changes(kind: str, tmp_path: Path) -> None:
    make, words = TAKEN[kind]
    save(tmp_path, "a.txt")
    make(tmp_path / "unet")
    before = tree(tmp_path)
    with pytest.raises(RepoError) as caught:
        save(tmp_path, "a.txt", "unet/x")
    assert str(caught.value) == f"{tmp_path / 'unet'}{words}"
    assert tree(tmp_path) == before
    save(tmp_path, "b.txt")
    assert tree(tmp_path) == {**before, "b.txt": "new"}


def test_a_new_file_that_became_something_else_is_not_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = interrupted(tmp_path, "a.txt", monkeypatch)
    new.unlink()
    new.mkdir()
    with pytest.raises(RepoError) as caught:
        finish_save(tmp_path)
    assert str(caught.value) == f"{new} is no plain file any more; it is not moved."
    assert not (tmp_path / "a.txt").exists()


def test_a_save_is_finished_when_the_file_at_its_folders_place_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path, "unet/x", monkeypatch)
    (tmp_path / "unet").rmdir()
    (tmp_path / "unet").write_text("somebody's")
    with pytest.raises(RepoError) as caught:
        finish_save(tmp_path)
    assert str(caught.value).startswith(f"unet in {tmp_path} is a link, or no folder; nothing is written there: ")
    assert (tmp_path / "unet").read_text() == "somebody's"
    (tmp_path / "unet").unlink()
    assert finish_save(tmp_path)
    assert tree(tmp_path) == {"unet/x": "new"}


def test_a_home_that_is_no_folder_is_named_with_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.write_text("a file")
    monkeypatch.setenv("BRICKWORK_HOME", str(home))
    with pytest.raises(RepoError) as caught:
        save(tmp_path / "models", "a.txt")
    assert str(caught.value).startswith(f"A save notes in {home / 'saves'} what it is about to do, and that cannot be")
    assert str(caught.value).endswith("Set BRICKWORK_HOME to a folder that can.")
    assert tree(tmp_path / "models") == {}


def test_a_home_on_a_full_disk_is_named_with_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRICKWORK_HOME", str(tmp_path / "home"))
    name, text = on_a_full_disk(0, lambda: save(tmp_path / "models", "a.txt"))
    assert name == "RepoError"
    assert text.startswith(f"A save notes in {tmp_path / 'home' / 'saves'} what it is about to do, and that cannot be")
    assert text.endswith("Set BRICKWORK_HOME to a folder that can.")
