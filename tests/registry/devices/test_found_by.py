"""The page of placement without a GPU names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_what_went_wrong_once_has_a_test_each() -> None:
    page = (ROOT / "tests/support/placement.md").read_text()
    named = re.findall(r"`(tests/\S+\.py)::(\w+)`", page)
    assert len(named) >= 23
    assert [*map(int, re.findall(r"^\| (\d+) \|", page, re.MULTILINE))] == [*range(1, 24)]
    missing = [name for file, name in named if f"def {name}(" not in (ROOT / file).read_text()]
    assert not missing
