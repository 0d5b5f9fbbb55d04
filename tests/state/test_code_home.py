"""The package's own files, by size and time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from brickwork.state import code_home
from brickwork.state.code_home import file_stamp, own_sources


def test_every_file_of_code_counts_and_a_change_of_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_home, "_HOME", tmp_path)
    for name in (
        "room/a.py",
        "room/inner/b.py",
        "room/notes.md",
        "room/__pycache__/c.py",
        "room/x.y/d.py",
        "other/e.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    before = list(own_sources(["room"]))
    assert [Path(line.split()[0]).relative_to(tmp_path).as_posix() for line in before] == [
        "room/a.py",
        "room/inner/b.py",
    ]
    os.utime(tmp_path / "room/inner/b.py", (1, 1))
    after = list(own_sources(["room"]))
    assert (after[0] == before[0], after[1] == before[1]) == (True, False)
    stamp = file_stamp(str(tmp_path / "room/a.py"))
    (tmp_path / "room/a.py").write_text("12")
    assert file_stamp(str(tmp_path / "room/a.py")).split()[0] != stamp.split()[0]


def test_the_rooms_of_the_package_are_among_them() -> None:
    found = list(own_sources())
    assert any("engine/disk_cache.py" in line for line in found)
    assert not [line for line in found if "/tests/" in line]
