"""An adopted classic pipeline gives what its class gives, bit for bit: some of the parts table, and all of it with `--long`."""

from __future__ import annotations

import random

import diffusers
import pytest
from adoption_classes import load
from classic_rows.row import differences, ours, theirs, varies
from family_classics import ALL_ROWS as ROWS
from family_classics import CHEAP

AT_ONCE = 30
"""Rows that are run where nobody asks for all."""
# Others with each release of diffusers and each number of rows, so that none stays out for good; the same on every machine.
TURN = random.Random(f"{diffusers.__version__} {len(ROWS)}").sample(CHEAP, min(AT_ONCE, len(CHEAP)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", sorted(ROWS) if metafunc.config.getoption("--long") else TURN)


def test_there_are_as_many_rows_as_are_promised() -> None:
    assert len(ROWS) >= 150


@pytest.mark.filterwarnings("ignore")
def test_it_gives_what_its_class_gives(name: str) -> None:
    cls, row = load(name), ROWS[name]
    parts = row.parts()
    expected = theirs(cls, row, parts)
    assert varies(expected)
    # Twice over the same parts: nothing of the first run is left in them.
    assert differences(ours(cls, row, parts), expected) == []
    assert differences(ours(cls, row, parts), expected) == []
