"""Compositions that people write, faulty and right, each judged by what it is answered.

They were written from the pages for users alone, before the checks that they judge. The rows in `known_open.toml` are not yet answered
as they should be; one that is mended is taken off the list.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

import pytest
from judge import GOOD, judge, rows
from rows import Faulty, Right

ALL = rows()
OPEN: dict[str, dict[str, str]] = tomllib.loads((Path(__file__).parent / "known_open.toml").read_text("utf8"))


def _param(row: Faulty | Right) -> object:
    known = OPEN.get(row.kind, {}).get(row.name)
    marks = [pytest.mark.xfail(reason=known, strict=True)] if known else []
    return pytest.param(row, id=f"{row.kind}: {row.name}", marks=marks)


@pytest.mark.rotating(4)
@pytest.mark.parametrize("row", [_param(row) for row in ALL])
def test_a_composition_is_judged_rightly(row: Faulty | Right) -> None:
    verdict = judge(row)
    assert verdict.status in GOOD, f"{verdict.status}: {verdict.detail}"


def test_every_name_in_the_list_of_open_rows_is_a_row_and_no_row_is_there_twice() -> None:
    names = Counter((row.kind, row.name) for row in ALL)
    assert not [name for name, count in names.items() if count > 1]
    assert not [(kind, name) for kind, known in OPEN.items() for name in known if (kind, name) not in names]
