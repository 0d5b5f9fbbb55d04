"""The table of a sweep: what its measures say of each combination, averaged over seeds and prompts, in pairs of the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...state import InputError
from ...state.errors import did_you_mean
from .measure_table import MeasureTable, Scores

PAIRED = ("seed", "prompt")
"""Axes over which a table averages unless it is told others: draws and tasks, which are the same for each candidate."""


def measured_numbers(value: object, name: str) -> list[float]:
    """Return what a call gave as a measure, as numbers: one for each image, or one.

    Raises:
        InputError: it is no number, and no list of such.
    """
    listed = value if isinstance(value, list) else [value]
    numbers = [float(each) for each in listed if isinstance(each, (int, float))]
    if not listed or len(numbers) < len(listed):
        raise InputError(
            f"{name!r} is no measure: it is to be a number, or a list with one for each image. Name what a block of measures writes."
        )
    return numbers


def table_of_sweep(
    axes: Mapping[str, Sequence[Any]],
    points: Sequence[Mapping[str, Any]],
    measured: Mapping[str, Sequence[Sequence[float]]],
    over: Sequence[str] | None,
    confidence: float,
) -> MeasureTable:
    """Return a row for each combination of the axes that are not averaged over.

    Raises:
        InputError: nothing was measured, or there is no such axis.
    """
    if not measured:
        raise InputError(
            "Nothing was measured: sweep(measures=['clip_score'], ...), of a pipeline whose blocks write it."
        )
    chosen = [name for name in PAIRED if name in axes] if over is None else list(over)
    for name in chosen:
        if name not in axes:
            raise InputError(f"over= names {name!r}, which is no axis. {did_you_mean(name, axes)}")
    found: dict[str, tuple[list[Any], dict[str, list[float]]]] = {}
    for at, point in enumerate(points):
        name = ", ".join(f"{key}={_short(value)}" for key, value in point.items() if key not in chosen) or "all"
        units, values = found.setdefault(name, ([], {measure: [] for measure in measured}))
        counts = {len(each[at]) for each in measured.values()}
        if len(counts) > 1:
            said = ", ".join(f"{measure} {len(each[at])}" for measure, each in measured.items())
            raise InputError(
                f"measures differ in how many numbers a call gives: {said}. Make a table of those that agree."
            )
        units += [(*(str(point[key]) for key in chosen), number) for number in range(counts.pop())]
        for measure, each in measured.items():
            values[measure] += each[at]
    return MeasureTable(
        tuple(Scores(name, tuple(units), values) for name, (units, values) in found.items()), confidence
    )


def _short(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 30 else f"{text[:27]}..."
