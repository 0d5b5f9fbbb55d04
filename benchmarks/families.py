"""What the framework costs a step on each family, beside diffusers' classic pipeline of it, in one run.

    .venv/bin/python benchmarks/families.py [family ...]

Every denoiser answers at once with what it has once made for inputs of that shape; everything else, packing into tokens included,
is done. A step is the difference of a run of many steps and one of few; times are medians, measured in turns. Only ratios mean
anything.
"""

from __future__ import annotations

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

FEW, MANY, RUNS = 4, 54, 7


def answering_at_once(denoiser: Any) -> None:
    """Let a network be asked once for each shape of its inputs."""
    forward, known = denoiser.forward, {}

    def answer(*args: Any, **kwargs: Any) -> Any:
        given = next(each for each in (*args, *kwargs.values()) if isinstance(each, torch.Tensor) and each.ndim > 2)
        key = (given.shape, kwargs.get("return_dict", True))
        if key not in known:
            known[key] = forward(*args, **kwargs)
        return known[key]

    denoiser.forward = answer


def runners(family: Family) -> dict[str, Callable[[int], Any]]:
    """Return a run of the first task by the preset and by the classic, as a function of the number of steps."""
    name, task = next(iter(family.tasks.items()))
    parts = family.parts("float32")
    answering_at_once(parts[family.denoiser])
    ours = family.pipe(name, "plain", task.blocks, "batched")
    ours.update_components(**{each: part for each, part in parts.items() if each in ours.component_names})
    given = {key: value for key, value in task.given.items() if key != "num_inference_steps"}
    cls: Any = task.classic
    taken = cls.__init__.__code__.co_varnames
    classic = cls(**{each: part for each, part in parts.items() if each in taken}, **family.classic_options)
    classic.set_progress_bar_config(disable=True)
    source = lambda: torch.Generator().manual_seed(1)  # noqa: E731
    return {
        "brickwork": lambda steps: ours(**given, generator=source(), num_inference_steps=steps, output="images"),
        "classic": lambda steps: classic(**given, generator=source(), num_inference_steps=steps),
    }


def seconds_a_step(runs: dict[str, Callable[[int], Any]]) -> dict[str, float]:
    """Return the median of what a step takes each, after a run to warm up."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(RUNS + 1):
        for name, run in runs.items():
            times = []
            for steps in (FEW, MANY):
                started = time.perf_counter()
                run(steps)
                times.append(time.perf_counter() - started)
            if repeat:
                found[name].append((times[1] - times[0]) / (MANY - FEW))
    return {name: median(values) for name, values in found.items()}


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    chosen = sys.argv[1:] or list(families())
    for name in chosen:
        found = seconds_a_step(runners(families()[name]))
        ours, classic = found["brickwork"] * 1e6, found["classic"] * 1e6
        print(f"{name:<18} {ours:8.0f} us a step   {ours / classic:5.2f} of classic ({classic:.0f} us)   goal: 1.00")


if __name__ == "__main__":
    main()
