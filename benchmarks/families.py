"""What the framework costs a step on each family, beside diffusers' classic pipeline of it, in one run.

    .venv/bin/python benchmarks/families.py [family ...]

Both sides run the first task of the family's table over the same tiny components. The denoiser answers at once with what it has
once made for inputs of that shape, and all else is done: scaling, packing into tokens, guidance, the solver. A step is what the process
computes (CPU time) between two answers, from the end of one call of the denoiser to the beginning of the next, and so neither text
encoders nor the decoder are in it. The runs of the two sides take turns; the figure is the median of the pairs' ratios.
"""

from __future__ import annotations

import copy
import gc
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from family_table import Family, families

STEPS, PAIRS = 50, 40
OF_MANY_STEPS: dict[str, dict[str, Any]] = {"sana_sprint": {"intermediate_timesteps": None}}
"""What a classic is given for more steps than it was made for."""


class AnsweringAtOnce:
    """A denoiser's `forward`: it asks the network once for each shape, and notes what was computed between its answers."""

    def __init__(self, denoiser: Any) -> None:
        self._forward, self._known = denoiser.forward, {}
        self._answered = 0.0
        self.between: list[float] = []
        denoiser.forward = self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.between.append(time.process_time() - self._answered)
        # Some take a list of images.
        tensors = [each for part in (*args, *kwargs.values()) for each in (part if isinstance(part, list) else [part])]
        shapes = [each.shape for each in tensors if isinstance(each, torch.Tensor) and each.ndim > 1]
        key = (tuple(shapes), kwargs.get("return_dict", True))
        if key not in self._known:
            self._known[key] = self._forward(*args, **kwargs)
        self._answered = time.process_time()
        return self._known[key]

    def seconds_of(self, run: Callable[[], Any]) -> float:
        """Return what was computed between two answers of a run: the median, since other processes take the caches now and then."""
        self.between.clear()
        run()
        # As many calls for each step on both sides, or two would be measured as one; some solvers take one more.
        each = max(1, round(len(self.between) / STEPS))
        assert len(self.between) - each * STEPS in (0, 1), f"{len(self.between)} calls in {STEPS} steps"
        # What is before the first is no step.
        gaps = self.between[1:]
        return median(sum(gaps[start : start + each]) for start in range(0, len(gaps) - each + 1, each))


def runners(family: Family) -> tuple[AnsweringAtOnce, dict[str, Callable[[], Any]]]:
    """Return a run of the first task by the preset and by the classic, and what measures their steps."""
    name, task = next(iter(family.tasks.items()))
    parts = family.parts("float32")
    denoiser = AnsweringAtOnce(parts[family.denoiser])
    ours = family.pipe(name, family.batching, task.blocks, family.batching)
    ours.update_components(**{each: part for each, part in parts.items() if each in ours.component_names})
    classic = family.classic(task.classic, parts)
    given = {**task.given, "num_inference_steps": STEPS}
    source = lambda: torch.Generator().manual_seed(1)  # noqa: E731
    return denoiser, {
        "brickwork": lambda: ours(**{**given, **task.mine}, generator=source(), output=family.output),
        "classic": lambda: classic(
            **{**copy.deepcopy(given), **task.classic_given, **OF_MANY_STEPS.get(family.name, {})}, generator=source()
        ),
    }


def steps_in_turn(denoiser: AnsweringAtOnce, runs: dict[str, Callable[[], Any]]) -> list[tuple[float, ...]]:
    """Return what a step takes each, in pairs, after two pairs to warm up."""
    found = []
    gc.disable()
    for repeat in range(PAIRS + 2):
        # Who goes first has the colder caches.
        order = list(runs) if repeat % 2 else list(runs)[::-1]
        times = {name: denoiser.seconds_of(runs[name]) for name in order}
        gc.collect()
        if repeat >= 2:
            found.append(tuple(times[name] for name in runs))
    gc.enable()
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    print(f"load {os.getloadavg()[0]:.1f}, {STEPS} steps a run, {PAIRS} pairs")
    for name in sys.argv[1:] or list(families()):
        pairs = steps_in_turn(*runners(families()[name]))
        ratios = sorted(ours / classic for ours, classic in pairs)
        ours, classic = (median(column) * 1e6 for column in zip(*pairs, strict=True))
        spread = f"{ratios[len(ratios) // 4]:.2f} to {ratios[-1 - len(ratios) // 4]:.2f}"
        print(
            f"{name:<18} {ours:8.0f} us a step   {median(ratios):5.2f} of classic ({classic:.0f} us; half of the pairs {spread})   goal: 1.00"
        )


if __name__ == "__main__":
    main()
