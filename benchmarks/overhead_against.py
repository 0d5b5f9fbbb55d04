"""What the framework costs in this checkout beside another one: the runs of `benchmarks/overhead.py`, in alternating pairs.

    .venv/bin/python benchmarks/overhead_against.py ../other_checkout

Two processes live at once, one for each checkout, and only one works at a time: what is asked of one is asked of the other right after, the
first of them being the other one the next time. Each start gives other ratios, as memory lies otherwise, so processes are started anew
several times. The ratios are medians over all pairs; the range is that of the starts' medians.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve()
SHORT, LONG = 4, 104


def work() -> None:
    """In a process of its own: answer each number of steps on stdin with the seconds that a run of them took."""
    import warnings

    import torch
    from overhead import make_inputs, make_models, runners

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    run = runners(make_models(), make_inputs())["brickwork"]
    for line in sys.stdin:
        # Of the processor, not of the clock: what waits for its time slice costs nothing.
        started = time.process_time()
        run(int(line))
        print(time.process_time() - started, flush=True)


class Side:
    """The process that runs one checkout."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        folder.mkdir()
        (folder / "brickwork").symlink_to(checkout)
        self.process = subprocess.Popen(
            [sys.executable, str(HERE), "--work"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(folder)},
        )
        self.best(SHORT, 2), self.best(LONG, 1)

    def best(self, steps: int, runs: int) -> float:
        """The shortest of some runs: what else the machine does only ever adds."""
        return min(self.seconds(steps) for _ in range(runs))

    def seconds(self, steps: int) -> float:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


@contextmanager
def started(other: Path) -> Iterator[tuple[Side, Side]]:
    """This checkout's process and the other's, which end with the block."""
    with tempfile.TemporaryDirectory() as folder:
        sides = Side(HERE.parents[1], Path(folder, "here")), Side(other, Path(folder, "other"))
        try:
            yield sides
        finally:
            for side in sides:
                assert side.process.stdin
                side.process.stdin.close()
                side.process.wait()


def compared(sides: tuple[Side, Side], pairs: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds of both sides, this one's first, in each pair: of a short run, and of a step."""
    found: dict[str, list[tuple[float, float]]] = {"a run of 4 steps": [], "a denoising step": []}
    for pair in range(pairs):
        turn = sides if pair % 2 else sides[::-1]
        short = {side: side.best(SHORT, 10) for side in turn}
        long = {side: side.best(LONG, 3) for side in turn}
        step = {side: (long[side] - short[side]) / (LONG - SHORT) for side in sides}
        for name, times in zip(found, (short, step), strict=True):
            found[name].append((times[sides[0]], times[sides[1]]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, nargs="?", help="the folder of the other checkout")
    parser.add_argument("--starts", type=int, default=6)
    parser.add_argument("--pairs", type=int, default=20, help="of each start")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        return work()
    if args.other is None:
        parser.error("the folder of the other checkout is missing")
    starts = []
    for _ in range(args.starts):
        with started(args.other.resolve()) as sides:
            starts.append(compared(sides, args.pairs))
    for name in starts[0]:
        pairs = [pair for start in starts for pair in start[name]]
        here, other = (median(times) for times in zip(*pairs, strict=True))
        of_starts = sorted(median(a / b for a, b in start[name]) for start in starts)
        unit, scale = ("ms", 1e3) if "run" in name else ("us", 1e6)
        print(
            f"{name:<20} {here * scale:8.2f} {unit}, the other {other * scale:8.2f} {unit}: {median(a / b for a, b in pairs):5.3f} of it "
            f"({of_starts[0]:.3f} to {of_starts[-1]:.3f})"
        )
    return None


if __name__ == "__main__":
    main()
