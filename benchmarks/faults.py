"""How long it takes to find each fault of the fault bench, imports not counted.

    .venv/bin/python benchmarks/faults.py

The goal is below 100 ms for each, with no weight read; the faults are those of tests/blocks/core/test_fault_bench.py.
"""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from statistics import median
from typing import Any

BENCH = Path(__file__).parents[1] / "tests" / "blocks" / "test_fault_bench.py"


def seconds(fault: Any) -> float:
    """Time of one meeting; the least of several leaves out Python's own full collections (170 ms with torch loaded)."""
    started = time.perf_counter()
    assert fault.meet(), fault.name
    return time.perf_counter() - started


def main() -> None:
    spec = importlib.util.spec_from_file_location("test_fault_bench", BENCH)
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    for fault in bench.FAULTS[:3]:  # imports of models' classes, once
        fault.meet()
    times = {}
    for fault in bench.FAULTS:
        times[fault.name] = min(seconds(fault) for _ in range(3))
    slowest = max(times, key=lambda name: times[name])
    print(
        f"{len(times)} faults: median {median(times.values()) * 1e3:.1f} ms, most {times[slowest] * 1e3:.1f} ms ({slowest})"
    )


if __name__ == "__main__":
    main()
