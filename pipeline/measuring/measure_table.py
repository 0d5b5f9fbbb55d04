"""Measures of several candidates as a table: means with intervals, and whether each differs from the first, pair by pair."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ...state import InputError, html_view
from ...state.atomic import write_text
from ...state.errors import did_you_mean, spelled_out
from .intervals import Interval, fewest_pairs, interval_of, pairs_needed

_SUFFIXES = (".csv", ".json", ".html", ".txt")


@frozen
class Scores:
    """What was measured of one candidate.

    Attributes:
        name: of the candidate. units: what each number is of, alike for all candidates: the seed, the prompt, the image; numbers of the
            same unit are pairs. values: a number for each unit, by measure. wholes: measures of all images together.
    """

    name: str
    units: tuple[Hashable, ...]
    values: Mapping[str, Sequence[float]]
    wholes: Mapping[str, float] = field(factory=dict)


@frozen
class Cell:
    """One measure of one candidate.

    Attributes:
        interval: of the mean. difference: mean of this candidate less the first, over the units that both have; None for the first.
        verdict: in words, what the difference tells; empty for the first.
    """

    interval: Interval
    difference: Interval | None = None
    verdict: str = ""


@frozen(repr=False)
class MeasureTable:
    """Rows of candidates, columns of measures; it prints, shows itself in notebooks, and saves as CSV, JSON, HTML and text.

    Attributes:
        confidence: of all intervals, each for itself: of twenty comparisons one is wrong by chance at 0.95.
    """

    scores: tuple[Scores, ...]
    confidence: float = 0.95

    def __attrs_post_init__(self) -> None:
        if not self.scores:
            raise InputError("A table of measures has one candidate or more.")
        if not 0.5 <= self.confidence < 1:
            raise InputError(f"confidence is {self.confidence}; give a share such as 0.95.")
        for each in self.scores:
            if len(set(each.units)) != len(each.units):
                raise InputError(f"{each.name} has a unit twice; pairs could not be told apart.")

    @property
    def measures(self) -> list[str]:
        """The names of all measures, in order."""
        return list(dict.fromkeys(name for each in self.scores for name in [*each.values, *each.wholes]))

    def cell(self, candidate: str, measure: str) -> Cell:
        """Return what there is of a candidate's measure.

        Raises:
            InputError: there is no such candidate or measure.
        """
        names = [each.name for each in self.scores]
        if candidate not in names:
            raise InputError(f"There is no candidate {candidate!r}. {did_you_mean(candidate, names)}")
        scores = self.scores[names.index(candidate)]
        if measure in scores.wholes:
            return Cell(Interval(scores.wholes[measure], None, None, len(scores.units)))
        if measure not in scores.values:
            raise InputError(f"{candidate} has no measure {measure!r}. {did_you_mean(measure, self.measures)}")
        found = interval_of(scores.values[measure], self.confidence)
        first = self.scores[0]
        if scores is first or measure not in first.values:
            return Cell(found)
        pairs = dict(zip(first.units, first.values[measure], strict=True))
        own = zip(scores.units, scores.values[measure], strict=True)
        differences = [value - pairs[unit] for unit, value in own if unit in pairs]
        if not differences:
            return Cell(found, None, "no pairs")
        between = interval_of([0.0 if math.isnan(each) else each for each in differences], self.confidence)
        return Cell(found, between, verdict_of(differences, self.confidence))

    def to_dict(self) -> dict[str, Any]:
        """Return it as data for JSON; what is infinite or not a number is a text."""
        rows = [
            self._row(each.name, measure)
            for each in self.scores
            for measure in self.measures
            if measure in each.values or measure in each.wholes
        ]
        return {"confidence": self.confidence, "compared_with": self.scores[0].name, "rows": rows}

    def to_csv(self) -> str:
        """Return it as CSV, a line for each candidate and measure."""
        rows = self.to_dict()["rows"]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def save(self, path: str | Path) -> Path:
        """Write it; the end of the name says how: .csv, .json, .html or .txt.

        Raises:
            InputError: the name ends otherwise.
        """
        target = Path(path)
        forms: dict[str, Callable[[], str]] = {
            ".csv": self.to_csv,
            ".json": lambda: json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n",
            ".html": lambda: f"<!doctype html><meta charset='utf-8'>{self._repr_html_()}\n",
            ".txt": lambda: f"{self}\n",
        }
        if target.suffix.lower() not in forms:
            raise InputError(f"{target.name!r} says no format of tables; names end with {', '.join(_SUFFIXES)}.")
        write_text(target, forms[target.suffix.lower()]())
        return target

    def _row(self, name: str, measure: str) -> dict[str, Any]:
        cell = self.cell(name, measure)
        between = cell.difference or Interval(math.nan, None, None, 0)
        known = cell.difference is not None
        return {
            "candidate": name,
            "measure": measure,
            "n": cell.interval.count,
            "mean": _plain(cell.interval.mean),
            "low": cell.interval.low,
            "high": cell.interval.high,
            "pairs": between.count if known else None,
            "difference": _plain(between.mean) if known else None,
            "difference_low": between.low,
            "difference_high": between.high,
            "verdict": cell.verdict,
        }

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        """Return heads and rows in words."""
        rows = []
        for each in self.scores:
            row = [spelled_out(each.name), str(len(each.units))]
            for measure in self.measures:
                has = measure in each.values or measure in each.wholes
                row.append(_words(self.cell(each.name, measure)) if has else "")
            rows.append(row)
        return ["candidate", "n", *self.measures], rows

    def _note(self) -> str:
        share = f"{100 * self.confidence:g} %"
        text = f"mean [{share} interval]"
        if len(self.scores) > 1:
            text += f"; the difference to {spelled_out(self.scores[0].name)} is over pairs of the same seed, prompt and place"
        return text

    def __str__(self) -> str:
        heads, rows = self._cells()
        widths = [max(len(row[at]) for row in [heads, *rows]) for at in range(len(heads))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in [heads, *rows]
        ]
        return "\n".join([*lines, self._note()])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        heads, rows = self._cells()
        return html_view.table(heads, rows) + f"<p>{html_view.escaped(self._note())}</p>"


def verdict_of(differences: Sequence[float], confidence: float) -> str:
    """Say what the differences of pairs tell: "higher", "lower", "equal", or that it cannot be told, and how many pairs would tell it."""
    # What is infinite on both sides, such as the PSNR of equal images, is no difference.
    plain = [0.0 if math.isnan(each) else each for each in differences]
    if not any(plain):
        return "equal"
    fewest = fewest_pairs(confidence)
    if len(plain) < fewest:
        return f"n={len(plain)} is too small to tell (from {fewest} on)"
    found = interval_of(plain, confidence)
    if found.excludes_zero:
        return "higher" if found.mean > 0 else "lower"
    needed = pairs_needed(plain, confidence)
    return f"not told apart{f' (about {needed:,} pairs would)' if needed is not None and needed > len(plain) else ''}"


def _words(cell: Cell) -> str:
    found = cell.interval
    text = _number(found.mean)
    if found.low is not None and found.high is not None:
        text += f" [{_number(found.low)}, {_number(found.high)}]"
    if cell.difference is not None:
        text += f" {cell.difference.mean:+.3g} {cell.verdict}"
    return text


def _number(value: float) -> str:
    return f"{value:.4g}"


def _plain(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
