"""What `scale.simulate` foresees, beside what was measured: `python benchmarks/simulation.py [--pairs 5] [--table]`.

Everything is of the embedded model on this machine; a device is a process on one core. What requests take is measured with 1, 2 and 4 at
once; foreseen and measured are then other things: 3 and 6 requests at once that share steps, requests at random times, two replicas, and
two stages. Each is measured in pairs with the measurement that its forecast is made of, and the median of the pairs' ratios counts.
With `--table`, the table of docs/scale.md is printed, all of it simulated.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import threading
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from math import inf
from statistics import median
from typing import Any

import torch
from attrs import evolve

import brickwork
from brickwork import Merger, scale
from brickwork.engine import Stage, Stages
from brickwork.scale import Layout, RequestProfile

ASKED: dict[str, Any] = {"prompt": "a red apple", "num_inference_steps": 20}


def at_once(pipe: Any, count: int) -> float:
    """Requests a second of so many that begin at the same time."""
    begun = time.perf_counter()
    runs = [pipe.start(output="images", seed=number, **ASKED) for number in range(count)]
    for run in runs:
        run.result()
    return count / (time.perf_counter() - begun)


def at_random(pipe: Any, rate: float, count: int) -> float:
    """Seconds of half of the requests that come at random times."""
    chance, now, took = random.Random(0), 0.0, []
    arrivals = [now := now + chance.expovariate(rate) for _ in range(count)]
    begun = time.perf_counter()

    def serve(number: int, at: float) -> None:
        time.sleep(max(0.0, at - (time.perf_counter() - begun)))
        pipe(output="images", seed=number, **ASKED)
        took.append(time.perf_counter() - begun - at)

    threads = [threading.Thread(target=serve, args=each) for each in enumerate(arrivals)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return median(took)


def one_core(number: int) -> None:
    """Compute on one core, with one thread."""
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[number % len(cores)]})


def ratio(name: str, foreseen: Sequence[float], measured: Sequence[float]) -> None:
    """Print what was foreseen, what was measured, and how they stand to each other."""
    ratios = sorted(one / other for one, other in zip(foreseen, measured, strict=True))
    print(f"{name:<44} foreseen {median(foreseen):6.3f}   measured {median(measured):6.3f}   ratio {median(ratios):5.2f} "
          f"({ratios[0]:.2f} to {ratios[-1]:.2f})   goal: 0.80 to 1.20", flush=True)  # fmt: skip


def on_one_device(pairs: int) -> None:
    """Requests on one core that share steps."""
    pipe = brickwork.embedded()
    pipe.configure(progress=False)
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(pairs):
        profile = scale.request_profile(pipe, counts=(1, 2, 4), rounds=1, **ASKED)
        pipe.configure(merge=Merger(rows=32))
        for count in (3, 6):
            foreseen = scale.simulate(profile, Layout(rows=16), rate=inf, requests=count).throughput
            found.setdefault(f"{count} requests at once, a second", []).append((foreseen, at_once(pipe, count)))
        rate = 1 / profile.alone
        foreseen = scale.simulate(profile, Layout(rows=16), rate=rate, requests=20).p50
        found.setdefault("p50 of 20 at random times", []).append((foreseen, at_random(pipe, rate, 20)))
        pipe.configure(merge=None)
    for name, each in found.items():
        ratio(name, *zip(*each, strict=True))


def through_stages(pairs: int) -> None:
    """A line of two processes."""
    pipe = brickwork.embedded()
    pipe.configure(progress=False)
    calls = [{**ASKED, "seed": number} for number in range(8)]

    def cut() -> Stages:
        profile = scale.stage_profile(pipe, **ASKED, seed=0)
        return pipe.plan([*ASKED, "generator"]).stages(["cpu", "cpu"], profile, before=["decode"])

    found = []
    with scale.stage_line(pipe, cut()) as line:
        list(line.stream(calls[:2]))
        for _ in range(pairs):
            stages = cut()
            whole = RequestProfile(before=stages.stages[0].seconds, steps=0, step=0.0, each=0.0, after=0.0)
            foreseen = scale.simulate(whole, Layout(stages=stages), rate=inf, requests=len(calls)).throughput
            begun = time.perf_counter()
            list(line.stream(calls))
            found.append((foreseen, len(calls) / (time.perf_counter() - begun)))
    ratio("8 requests through two stages, a second", *zip(*found, strict=True))


_PIPE: list[Any] = []


def _begin(numbers: Any) -> None:
    one_core(numbers.get())
    _PIPE.append(brickwork.embedded())
    _PIPE[0].configure(progress=False)
    _PIPE[0](output="images", seed=0, **ASKED)


def _serve(seed: int) -> None:
    _PIPE[0](output="images", seed=seed, **ASKED)


def _alone(_: int) -> float:
    begun = time.perf_counter()
    _serve(0)
    return time.perf_counter() - begun


def on_replicas(pairs: int) -> None:
    """Two processes that serve whole requests."""
    context = multiprocessing.get_context("spawn")
    numbers = context.Queue()
    for number in range(2):
        numbers.put(number)
    found = []
    with ProcessPoolExecutor(2, mp_context=context, initializer=_begin, initargs=(numbers,)) as pool:
        list(pool.map(_serve, range(4)))
        for _ in range(pairs):
            alone = median(pool.map(_alone, range(4)))
            profile = RequestProfile(before=alone, steps=0, step=0.0, each=0.0, after=0.0)
            foreseen = scale.simulate(profile, Layout(replicas=2), rate=inf, requests=8).throughput
            begun = time.perf_counter()
            list(pool.map(_serve, range(8)))
            found.append((foreseen, 8 / (time.perf_counter() - begun)))
    ratio("8 requests on two replicas, a second", *zip(*found, strict=True))


# A composition with two networks, one for the noisier steps and one for the others, on devices that hold one of them.
LARGE = RequestProfile(before=0.25, steps=30, step=0.06, each=0.04, after=0.35)
MOVED = 1.6
"""Seconds in which networks come and go in each request, where a device that cannot hold both serves it whole."""
LINE = Stages(
    (
        Stage("1", ("encode", "denoise_early"), (), 0, 1.75, 0.0, ("latents",), 2_000_000, 0.002),
        Stage("2", ("denoise_late", "decode"), (), 0, 1.85),
    ),
    (),
    "",
)


def table() -> None:
    """Print layouts of 8 to 1,024 devices; nothing of it is measured."""
    print("| devices | layout | requests a second, at most | p50, p99 at 80 % of that | device seconds of a request |")
    print("| --- | --- | --- | --- | --- |")
    moving = evolve(LARGE, before=LARGE.before + MOVED)
    for devices in (8, 64, 256, 1024):
        layouts = {
            "replicas, networks come and go": (moving, Layout(replicas=devices)),
            "lines of two stages": (LARGE, Layout(replicas=devices // 2, stages=LINE)),
            "replicas on devices that hold all": (LARGE, Layout(replicas=devices)),
            "the same, 8 requests share steps": (LARGE, Layout(replicas=devices, rows=8)),
        }
        for name, (profile, layout) in layouts.items():
            most = scale.simulate(profile, layout, rate=inf, requests=80 * devices)
            usual = scale.simulate(profile, layout, rate=0.8 * most.throughput, requests=80 * devices)
            print(
                f"| {devices} | {name} | {most.throughput:.1f} | {usual.p50:.1f} s, {usual.p99:.1f} s | {most.device_seconds:.2f} |",
                flush=True,
            )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    if asked.table:
        table()
        return
    torch.set_num_threads(1)
    on_replicas(asked.pairs)
    through_stages(asked.pairs)
    one_core(0)
    on_one_device(asked.pairs)


if __name__ == "__main__":
    main()
