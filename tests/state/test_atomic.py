"""Files that are whole or not there, and several of them at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from brickwork import RepoError
from brickwork.registry.hub.folder_update import folder_update
from brickwork.state.atomic import beside, write_text, writing


def test_a_text_file_is_written_with_the_rights_of_any_new_file(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "ä\n")
    (tmp_path / "plain").touch()
    assert (tmp_path / "a.txt").read_bytes() == "ä\n".encode()
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "plain").stat().st_mode
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "b.txt", "x")
        assert os.umask(0o027) == 0o027, "the mask is as it was"
    finally:
        os.umask(before)
    assert (tmp_path / "b.txt").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt", "plain"]


def test_a_failed_write_leaves_what_was_there_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail() -> None:
        with beside(path) as place:
            assert (place.parent, place.suffix, place.name[:8]) == (tmp_path, ".json", ".a.json.")
            place.write_text("new")
            raise OSError("full")

    with pytest.raises(RepoError, match="a.json cannot be written: full"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_writer_in_rust_says_of_the_system_is_an_error_with_the_name(tmp_path: Path) -> None:
    with pytest.raises(RepoError) as caught, writing(tmp_path):
        save_file({"a": torch.zeros(1)}, tmp_path)
    assert str(caught.value).startswith(
        f"{tmp_path} cannot be written: Error while serializing: I/O error: Is a directory"
    )


def test_a_value_that_the_caller_cannot_write_is_none_of_the_files_errors(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^a set is no plain data$"), writing(tmp_path / "a.json"):
        raise ValueError("a set is no plain data")


def test_what_was_written_is_on_the_disk_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[bytes] = []

    def noted(number: int) -> None:
        assert not (tmp_path / "a.txt").exists()
        written.append(os.pread(number, 100, 0))

    monkeypatch.setattr(os, "fsync", noted)
    write_text(tmp_path / "a.txt", "words")
    assert written == [b"words"]


def test_files_of_a_folder_take_their_places_together(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "deep"
    with folder_update(folder, last=("b.txt", "absent")) as stage:
        (stage / "b.txt").write_text("b")
        (stage / "inner").mkdir()
        (stage / "inner" / "a.txt").write_text("a")
        assert sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) == []
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) == ["b.txt", "inner", "inner/a.txt"]
    with folder_update(folder) as stage:
        (stage / "b.txt").write_text("B")
        (stage / "inner").mkdir()
        (stage / "inner" / "c.txt").write_text("c")
    assert {path.name: path.read_text() for path in folder.rglob("*.txt")} == {"a.txt": "a", "b.txt": "B", "c.txt": "c"}


def test_an_update_that_fails_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")

    def fail() -> None:
        with folder_update(tmp_path) as stage:
            (stage / "a.txt").write_text("new")
            raise KeyError("x")

    with pytest.raises(KeyError):
        fail()
    found = {path.name: path.read_text() for path in tmp_path.rglob("*") if path.name != ".brickwork-lock"}
    assert found == {"a.txt": "old"}
