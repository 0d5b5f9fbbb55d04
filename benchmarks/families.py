"""What the framework costs a step on each family, beside diffusers' classic pipeline of it, in one run.

    .venv/bin/python benchmarks/families.py [family ...]

Every denoiser answers at once with what it has once made for inputs of that shape; everything else, packing into tokens included,
is done. A step is the difference of a run of many steps and one of few. Both sides are measured in turns; the figure is the
median of the pairs' ratios.
"""

from __future__ import annotations

import gc
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

FEW, MANY, RUNS = 4, 54, 15


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


def steps_in_turn(runs: dict[str, Callable[[int], Any]]) -> list[tuple[float, ...]]:
    """Return what a step takes each, in pairs: few steps of both, then many of both, after a pair to warm up."""
    found = []
    gc.disable()
    for repeat in range(RUNS + 1):
        # Who goes first has the colder caches.
        order = list(runs) if repeat % 2 else list(runs)[::-1]
        times = {name: [seconds(runs[name], steps)] for steps in (FEW,) for name in order}
        for name in order:
            times[name].append(seconds(runs[name], MANY))
        gc.collect()
        if repeat:
            found.append(tuple((times[name][1] - times[name][0]) / (MANY - FEW) for name in runs))
    gc.enable()
    return found


def seconds(run: Callable[[int], Any], steps: int) -> float:
    """Return the seconds of one run."""
    started = time.perf_counter()
    run(steps)
    return time.perf_counter() - started


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for name in sys.argv[1:] or list(families()):
        pairs = steps_in_turn(runners(families()[name]))
        ratios = sorted(ours / classic for ours, classic in pairs)
        ours, classic = (median(column) * 1e6 for column in zip(*pairs, strict=True))
        spread = f"{ratios[len(ratios) // 4]:.2f} to {ratios[-1 - len(ratios) // 4]:.2f}"
        print(
            f"{name:<18} {ours:8.0f} us a step   {median(ratios):5.2f} of classic ({classic:.0f} us; half of the pairs {spread})   goal: 1.00"
        )


if __name__ == "__main__":
    main()
