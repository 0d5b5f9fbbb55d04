"""Of rotating tables each case is run by one commit of as many as there are parts, and all other tests by each."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from attrs import frozen
from rotation import left_out, names_one, turn_of


@frozen
class Case:
    nodeid: str
    parts: int = 0

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return getattr(pytest.mark, name)(self.parts).mark if self.parts else None


CASES = [Case("a.py::one"), *(Case(f"a.py::many[{each}]", 3) for each in range(7)), Case("a.py::two[0]")]


def taken(turn: int) -> list[Case]:
    return [each for each in CASES if each not in left_out(CASES, turn)]


def test_each_case_is_taken_by_one_turn_and_others_by_all() -> None:
    turns = [taken(turn) for turn in (5, 6, 7)]
    assert all(CASES[0] in turn and CASES[-1] in turn for turn in turns)
    assert sorted(each.nodeid for turn in turns for each in turn if each.parts) == sorted(
        each.nodeid for each in CASES if each.parts
    )
    assert taken(5) == taken(8)
    assert [len(turn) for turn in turns] == [4, 5, 4]


def test_the_places_in_one_table_do_not_hang_on_another() -> None:
    others = [Case("b.py::few[0]", 2), Case("b.py::few[1]", 2), *CASES]
    assert [each for each in left_out(others, 5) if each.nodeid[0] == "a"] == left_out(CASES, 5)


def test_a_table_of_fewer_cases_than_parts_is_refused() -> None:
    few = [Case(f"b.py::few[{each}]", 3) for each in range(2)]
    with pytest.raises(
        ValueError, match=r"^b.py::few has 2 cases, and rotates in 3 parts: some commits would run none\.$"
    ):
        left_out(few, 0)


def test_whoever_names_a_test_gets_it() -> None:
    assert names_one(["tests/a.py::many[3]"])
    assert not names_one(["tests", "tests/a.py"])


def test_the_turn_is_that_of_the_commit(tmp_path: Path) -> None:
    assert turn_of(tmp_path) == 0
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    assert turn_of(tmp_path) == 0
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=one"], check=True)
    one = turn_of(tmp_path)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=two"], check=True)
    assert 0 != one != turn_of(tmp_path) != 0
