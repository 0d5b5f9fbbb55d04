"""`python -m mutation sample` tries small faults; `raises` looks for errors that no test meets; `measure` makes the map."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from .coverage_map import ROOMS, CoverageMap
from .mutants import all_at, files_of, sampled
from .pool import copied, workers
from .raises import faults
from .trial import Verdict, summary, tried

ROOT = Path(__file__).parents[2]
_MAP = ROOT / "build" / "mutation" / "map.json"
_ALL = ["*"]


def main() -> int:
    """Do what the command line says; the exit status is 1 where `raises` finds a fault."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that workers end, too
    with tempfile.TemporaryDirectory(prefix="brickwork-mutation-") as folder:
        # The tree as it is now: somebody may go on working in it.
        root = copied(ROOT, Path(folder) / "brickwork")
        known = _measured(options, root)
        files = files_of(root, options.rooms, options.exclude)
        if options.command == "raises":
            head, *texts = faults(root, files, known)
            print("\n".join([*texts, head]))
            return bool(texts)
        if options.command == "sample":
            _sample(options, known, files)
    return 0


def _measured(options: argparse.Namespace, root: Path) -> CoverageMap:
    exact = options.command == "raises"
    known = (
        CoverageMap.of(root, options.tests)
        if options.command == "measure"
        else CoverageMap.kept(_MAP, root, exact, options.tests)
    )
    if files := known.unmeasured:
        print(f"Which lines do the tests of {len(files)} files run?", file=sys.stderr)
        with workers(root, options.jobs, known.libraries) as pool:
            for number, file in enumerate(known.measure(pool, files), 1):
                print(f"{number}/{len(files)} {file}", file=sys.stderr)
        if options.tests == _ALL:
            known.keep(_MAP)
    for test, text in known.failed.items():
        print(f"left out, because it fails as it is: {test}\n{text}\n", file=sys.stderr)
    return known


def _sample(options: argparse.Namespace, known: CoverageMap, files: list[str]) -> None:
    if options.at:
        file, _, lines = options.at.partition(":")
        first, _, last = lines.partition("-")
        mutants = all_at(known.root, file, range(int(first or 1), int(last or first or 1_000_000) + 1))
    else:
        mutants = sampled(known.root, files, options.seed, options.count)
    verdicts: list[tuple[int, Verdict]] = []
    passing: set[tuple[str, ...]] = set()
    with workers(known.root, options.jobs, known.libraries) as pool:
        tasks = pool.each(
            range(len(mutants)), lambda worker, i: tried(worker, mutants[i], known, options.seconds, passing)
        )
        for index, verdict in tasks:
            mutant = mutants[index]
            verdicts.append((index, verdict))
            mark = "      " if verdict.is_noticed else "  >>> "
            print(
                f"{mark}{verdict.kind}: {mutant.file}:{mutant.line} {mutant.operator} ({verdict.run} of {verdict.tests} tests)"
            )
            print(f"{mutant.diff}\n{verdict.by}\n", flush=True)
    verdicts.sort(key=lambda pair: pair[0])
    survivors = [mutants[index] for index, verdict in verdicts if not verdict.is_noticed]
    print("Survivors:" if survivors else "No survivors.")
    for mutant in survivors:
        print(f"{mutant.file}:{mutant.line} {mutant.operator}\n{mutant.diff}")
    print(f"{options.at or f'seed {options.seed}'}: {summary([verdict for _, verdict in verdicts])}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mutation", description=__doc__)
    parser.add_argument("command", choices=["sample", "raises", "measure"])
    parser.add_argument("--seed", type=int, default=0, help="which faults are drawn")
    parser.add_argument("--count", type=int, default=80, help="how many")
    parser.add_argument(
        "--at", help="all faults at a place instead, as in engine/planning/plan.py or engine/planning/plan.py:10-20"
    )
    parser.add_argument("--rooms", nargs="+", default=list(ROOMS), choices=ROOMS)
    parser.add_argument("--exclude", nargs="*", default=[], help="patterns of files, as in 'engine/cache*.py'")
    parser.add_argument("--tests", nargs="+", default=_ALL, help="patterns of test files, as in 'engine/*'")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    parser.add_argument("--seconds", type=float, default=100.0, help="how long the tests of one fault may usually take")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
