"""A table of measures says means with intervals, and of pairs whether they differ, in each of its forms."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest

from brickwork.pipeline.measuring.intervals import interval_of
from brickwork.pipeline.measuring.measure_table import MeasureTable, Scores, verdict_of
from brickwork.state import InputError

UNITS = tuple(range(8))
# Seeds differ by much, and the second candidate is better by a little at each seed.
BASE = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0]
BETTER = [value + 1 + 0.1 * at for at, value in enumerate(BASE)]


def table(**more: Any) -> MeasureTable:
    first = Scores("plain", UNITS, {"clip_score": BASE}, {"fid": 4.0})
    return MeasureTable((first, Scores("strong", UNITS, {"clip_score": BETTER}, {"fid": 3.0})), **more)


def test_pairs_tell_what_two_means_do_not() -> None:
    plain, strong = table().cell("plain", "clip_score"), table().cell("strong", "clip_score")
    assert plain.interval == interval_of(BASE)
    assert plain.difference is None
    # The intervals of the means overlap by far; the differences of pairs are all about 1.
    assert plain.interval.high is not None
    assert plain.interval.high > strong.interval.mean
    assert strong.difference == interval_of([b - a for a, b in zip(BASE, BETTER, strict=True)])
    assert strong.verdict == "higher"
    assert table().cell("strong", "fid").interval.mean == 3.0
    assert table().cell("strong", "fid").difference is None


def test_pairs_are_of_the_same_unit_in_any_order() -> None:
    turned = Scores("strong", UNITS[::-1], {"clip_score": BETTER[::-1]})
    assert MeasureTable((table().scores[0], turned)).cell("strong", "clip_score").verdict == "higher"
    other = Scores("strong", tuple("abcdefgh"), {"clip_score": BETTER})
    assert MeasureTable((table().scores[0], other)).cell("strong", "clip_score").verdict == "no pairs"


def test_what_cannot_be_told_is_said() -> None:
    assert verdict_of([1.0] * 5, 0.95) == "n=5 is too small to tell (from 6 on)"
    assert verdict_of([-1.0] * 6, 0.95) == "lower"
    assert verdict_of([0.0, 0.0], 0.95) == "equal"
    assert verdict_of([math.nan, 0.0], 0.95) == "equal"
    unsure = verdict_of([1.0, -0.9, 1.0, -0.9, 1.0, -0.9], 0.95)
    assert unsure.startswith("not told apart (about ")
    assert unsure.endswith(" pairs would)")
    assert verdict_of([1.0, -1.0] * 4, 0.95) == "not told apart"


def test_it_is_read_in_a_terminal_a_notebook_and_by_programs(tmp_path: Path) -> None:
    text = str(table())
    assert text.splitlines()[0].split() == ["candidate", "n", "clip_score", "fid"]
    assert "strong" in text
    assert "higher" in text
    assert "mean [95 % interval]; the difference to plain is over pairs" in text
    assert repr(table()) == text
    shown = MeasureTable((Scores("<b>", (1, 2), {"x": [1.0, 2.0]}),))._repr_html_()
    assert "&lt;b&gt;" in shown
    rows = list(csv.DictReader(io.StringIO(table().to_csv())))
    assert [(row["candidate"], row["measure"], row["verdict"]) for row in rows] == [
        ("plain", "clip_score", ""), ("plain", "fid", ""), ("strong", "clip_score", "higher"), ("strong", "fid", ""),
    ]  # fmt: skip
    data = json.loads(table().save(tmp_path / "table.json").read_text())
    assert data == table().to_dict()
    assert (data["confidence"], data["compared_with"], data["rows"][2]["pairs"]) == (0.95, "plain", 8)
    endless = MeasureTable((Scores("same", (1, 2), {"psnr": [math.inf, 30.0]}),)).to_dict()
    assert json.loads(json.dumps(endless, allow_nan=False))["rows"][0]["mean"] == "inf"
    for name in ("table.csv", "table.html", "table.txt"):
        assert table().save(tmp_path / name).read_text().strip()
    with pytest.raises(
        InputError, match="'table.xlsx' says no format of tables; names end with .csv, .json, .html, .txt"
    ):
        table().save(tmp_path / "table.xlsx")


def test_what_makes_no_table_is_refused() -> None:
    with pytest.raises(InputError, match="one candidate or more"):
        MeasureTable(())
    with pytest.raises(InputError, match="confidence is 95"):
        table(confidence=95)
    with pytest.raises(InputError, match="plain has a unit twice"):
        MeasureTable((Scores("plain", (1, 1), {"x": [1.0, 2.0]}),))
    with pytest.raises(InputError, match="There is no candidate 'strng'. Did you mean 'strong'"):
        table().cell("strng", "clip_score")
    with pytest.raises(InputError, match="plain has no measure 'clip'. "):
        table().cell("plain", "clip")
