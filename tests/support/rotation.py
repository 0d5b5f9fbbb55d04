"""Long tables of like cases, of which a run of the tests takes a part, and the next commit's the next part; all with `--long`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

T = TypeVar("T")
MARKER = (
    "rotating(parts): of the cases of this table, one in so many runs; which ones hangs on the commit. All with --long."
)


class Case(Protocol):
    """A case of a test, as pytest collects it."""

    nodeid: str

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        """Return the marker of a name."""


def turn_of(root: Path) -> int:
    """Return a number that another commit most likely changes; 0 where no repository says one."""
    said = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return int(said.stdout.strip() or "0", 16) if said.returncode == 0 else 0


def left_out(cases: Iterable[Case], turn: int) -> list[Case]:
    """Return the cases of rotating tables that a turn does not take. Each case is taken by one turn of as many as there are parts.

    Raises:
        ValueError: a table has more parts than cases, so that some turns would take none.
    """
    tables: dict[tuple[str, int], list[Case]] = {}
    for case in cases:
        mark = case.get_closest_marker("rotating")
        if mark is not None:
            tables.setdefault((case.nodeid.partition("[")[0], int(mark.args[0])), []).append(case)
    found = []
    for (name, parts), table in tables.items():
        if parts > len(table):
            raise ValueError(
                f"{name} has {len(table)} cases, and rotates in {parts} parts: some commits would run none."
            )
        taken = {id(case) for case in part_of(table, parts, turn)}
        found += [case for case in table if id(case) not in taken]
    return found


def part_of(values: Sequence[T], parts: int, turn: int | None) -> list[T]:
    """Return what a turn takes of values that one test goes through; None takes all."""
    return list(values) if turn is None else list(values[turn % parts :: parts])


def names_one(arguments: Iterable[str]) -> bool:
    """Say whether somebody asks for tests by name, who gets them whichever turn it is."""
    return any("::" in each for each in arguments)
