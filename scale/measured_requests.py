"""What one request takes of a device, alone and with others that share its steps."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from attrs import define

from ..engine.events import Event, StepFinished, StepStarted
from ..engine.serving.merger import Merger
from ..state import InputError
from .simulation import RequestProfile

if TYPE_CHECKING:
    from ..pipeline import ModularPipeline


def request_profile(
    pipe: ModularPipeline,
    output: str | list[str] = "images",
    *,
    counts: Sequence[int] = (1, 2, 4),
    rounds: int = 3,
    **inputs: Any,
) -> RequestProfile:
    """Run a pipeline alone and with others, and fit what `simulate` needs; its settings are as before in the end.

    A step of `n` requests is fitted as `step + each * n` seconds, to the times of so many requests that begin at once.

    Args:
        output: what is asked for. counts: requests at once, 1 and at least one more. rounds: of each count, of which the median counts.
        inputs: of each request, without a seed.

    Raises:
        InputError: the counts are too few, a seed is given, or there is no loop. BrickworkError: as a call.
    """
    if 1 not in counts or len(set(counts)) < 2 or min(counts) < 1:
        raise InputError(f"counts={list(counts)!r}: 1 and at least one larger number are needed.")
    if "seed" in inputs or "generator" in inputs:
        raise InputError("Each request has a seed of its own here; leave seed and generator out.")
    before_all = {name: getattr(pipe.settings, name) for name in ("merge", "listeners", "cache")}
    pipe.configure(merge=Merger(rows=max(counts) * _ROWS), listeners=[], cache=None)
    try:
        pipe(
            output=output, **_seeded(pipe, 0), **inputs
        )  # what is made at the first run of a process is no part of later ones
        before, after, steps = _around_the_loop(pipe, output, inputs, rounds)
        took = {count: median(_at_once(pipe, output, inputs, count) for _ in range(rounds)) for count in set(counts)}
    finally:
        pipe.configure(**before_all)
    # What is in no step of the loop is alike for each, and is no part of the fit.
    per_step = {count: (seconds - count * (before + after)) / steps for count, seconds in took.items()}
    step, each = _line_through(per_step)
    return RequestProfile(before=before, steps=steps, step=step, each=each, after=after)


_ROWS = 4
"""More rows than a request has in most families."""


@define
class _LoopWatch:
    """When the first step of a run began, and its last one ended."""

    first: float = 0.0
    last: float = 0.0
    steps: int = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepStarted) and not self.first:
            self.first = perf_counter()
        elif isinstance(event, StepFinished):
            self.last, self.steps = perf_counter(), self.steps + 1


def _around_the_loop(
    pipe: ModularPipeline, output: Any, inputs: dict[str, Any], rounds: int
) -> tuple[float, float, int]:
    """Return the seconds before the loop and after it, and the number of its steps."""
    found = []
    for number in range(rounds):
        watch = _LoopWatch()
        pipe.configure(listeners=[watch])
        begun = perf_counter()
        pipe(output=output, **_seeded(pipe, number), **inputs)
        ended = perf_counter()
        if not watch.steps:
            raise InputError("This composition has no loop, so nothing is shared step by step.")
        found.append((watch.first - begun, ended - watch.last, watch.steps))
    pipe.configure(listeners=[])
    return median(each[0] for each in found), median(each[1] for each in found), found[0][2]


def _at_once(pipe: ModularPipeline, output: Any, inputs: dict[str, Any], count: int) -> float:
    begun = perf_counter()
    runs = [pipe.start(output=output, **_seeded(pipe, number), **inputs) for number in range(count)]
    for run in runs:
        run.result()
    return perf_counter() - begun


def _seeded(pipe: ModularPipeline, number: int) -> dict[str, Any]:
    return {"seed": number} if "generator" in pipe.blocks.input_names else {}


def _line_through(points: dict[int, float]) -> tuple[float, float]:
    """Return the line of least squares through points; neither of its numbers is negative, since no time is."""
    middle, height = (sum(each) / len(points) for each in (points.keys(), points.values()))
    slope = sum((x - middle) * (y - height) for x, y in points.items()) / sum((x - middle) ** 2 for x in points)
    slope = max(0.0, slope)
    start = height - slope * middle
    if start >= 0:
        return start, slope
    return 0.0, sum(x * y for x, y in points.items()) / sum(x * x for x in points)
