"""Code of repositories: how much of it is read, and that what would be saved can be imported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from block_repo import write

from brickwork import RepoError
from brickwork.registry.hub.repo import open_repo
from brickwork.registry.hub.repo_code import PREFIX, read_sources, relative_imports, trial
from brickwork.state.limits import LARGEST_CODE, MOST_CODE_FILES


def refused(folder: Path, entries: list[str]) -> str:
    with pytest.raises(RepoError) as caught:
        read_sources(open_repo(folder), entries)
    return str(caught.value)


def test_code_in_more_files_than_are_read_is_refused(tmp_path: Path) -> None:
    names = [f"part_{number}.py" for number in range(MOST_CODE_FILES + 1)]
    write(tmp_path, {"block.py": "".join(f"from . import {name[:-3]}\n" for name in names)} | dict.fromkeys(names, ""))
    words = f"{tmp_path} has more code than is read: at most {LARGEST_CODE:,} bytes in {MOST_CODE_FILES} files."
    assert refused(tmp_path, ["block.py"]) == words
    assert len(read_sources(open_repo(tmp_path), names[:MOST_CODE_FILES])) == MOST_CODE_FILES


def test_files_that_are_together_longer_than_is_read_are_refused(tmp_path: Path) -> None:
    comment = "#" + "x" * (LARGEST_CODE // 2)
    write(tmp_path, {"block.py": f"from . import more\n{comment}", "more.py": comment})
    assert refused(tmp_path, ["block.py"]).startswith(
        f"{tmp_path} has more code than is read: at most {LARGEST_CODE:,}"
    )
    assert read_sources(open_repo(tmp_path), ["more.py"]).keys() == {"more.py"}


def test_a_class_that_the_sources_do_not_have_is_named_and_nothing_of_them_stays() -> None:
    with trial({"block.py": b"class Other:\n    pass\n"}) as find, pytest.raises(RepoError) as caught:
        find("block.py", "Wanted")
    assert str(caught.value) == "block.py of what would be saved has no class 'Wanted'; it has: Other."
    assert not [name for name in sys.modules if name.startswith(f"{PREFIX}tried")]


def test_relative_imports_are_files_beside_the_one_that_imports() -> None:
    code = b"from .other import thing\nfrom .other import *\nfrom . import part\nfrom ..up import more\nimport os\n"
    assert relative_imports("inner/mine.py", code) == [
        "inner/other.py",
        "inner/other/__init__.py",
        "inner/other/thing.py",
        "inner/other.py",
        "inner/other/__init__.py",
        "inner/part.py",
        "inner/part/__init__.py",
        "up.py",
        "up/__init__.py",
        "up/more.py",
    ]
