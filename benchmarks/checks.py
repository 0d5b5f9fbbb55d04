"""What it costs to know that a composition is sound: `check()` of choices, of the auto preset and of long rows, and the first run.

    .venv/bin/python benchmarks/checks.py

Times are of the processor, the least of several rounds, imports not counted; between rounds what was checked is forgotten. Compare
two versions in one go on one machine: only the ratios mean anything. Goals on a core of a server: 20 choices in 5 levels 200 ms, the
auto preset 50 ms (again: 5 ms), 1,000 blocks 60 ms, and 120 ms from nothing to the end of the first run.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

from brickwork import AutoPipelineBlocks, Block, Outputs, SequentialPipelineBlocks
from brickwork.blocks.checks import composition_checks
from brickwork.presets.sdxl import AutoBlocks

ROUNDS = 3


class Add(Block):
    """Add a number."""

    amount: int = 1

    class Out(Outputs):
        x: int

    def run(self, x: int) -> Out:
        return self.Out(x=x + self.amount)


def milliseconds(work: Callable[[], Any], *, forgets: bool = True) -> float:
    """Least time of some rounds; a full collection of Python's (170 ms with torch loaded) is no part of the work."""
    times = []
    for _ in range(ROUNDS):
        if forgets:
            # A version from before the reports were kept has none to forget.
            getattr(composition_checks, "_KNOWN", {}).clear()
        gc.collect()
        gc.disable()
        started = time.process_time()
        work()
        times.append((time.process_time() - started) * 1e3)
        gc.enable()
    return min(times)


def choice(trigger: str, branch: Any) -> Any:
    """Return a choice by one input between a block and none but a plain one."""
    body = {"block_classes": [branch, Add], "block_names": ["given", "plain"], "block_trigger_inputs": [trigger, None]}
    return type("Choice", (AutoPipelineBlocks,), body)


def choices(number: int, levels: int = 1) -> SequentialPipelineBlocks:
    """Return independent choices in a row, the last of which has others in its branches, one in the other."""
    parts = {f"c{i}": choice(f"t{i}", Add) for i in range(number)}
    nested: Any = Add
    for level in range(levels - 1):
        nested = choice(f"n{level}", SequentialPipelineBlocks.from_blocks_dict({"inner": nested, "add": Add}))
    return SequentialPipelineBlocks.from_blocks_dict({**parts, "nested": nested})


def row(length: int) -> SequentialPipelineBlocks:
    """Return blocks in a row."""
    return SequentialPipelineBlocks.from_blocks_dict({f"b{i}": Add() for i in range(length)})


def first_run(blocks: SequentialPipelineBlocks) -> None:
    """Make a pipeline and run it."""
    pipe = blocks.init_pipeline()
    pipe.configure(progress=False)
    pipe(x=0, output="x")


def main() -> None:
    AutoBlocks().check()  # imports of models' classes, once
    first_run(row(2))
    for number in (2, 5, 10, 20):
        blocks = choices(number)
        print(f"{number:5} choices: check {milliseconds(blocks.check):8.1f} ms, {blocks.check().workflows} workflows")
    blocks = choices(20, levels=5)
    print(
        f"   20 choices and 5 levels: check {milliseconds(blocks.check):8.1f} ms, {len(blocks.check().warnings)} warnings"
    )
    once, again = milliseconds(lambda: AutoBlocks().check()), milliseconds(lambda: AutoBlocks().check(), forgets=False)
    print(f"   auto preset: check {once:8.1f} ms, again {again:8.1f} ms")
    for length in (10, 100, 1000):
        blocks = row(length)
        checked, ran = milliseconds(blocks.check), milliseconds(lambda blocks=blocks: first_run(blocks))
        print(f"{length:5} blocks: check {checked:8.1f} ms, to the end of the first run {ran:8.1f} ms")


if __name__ == "__main__":
    main()
