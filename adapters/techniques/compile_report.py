"""What `torch.compile` did during a run: how many graphs it made, where it had to break them, how long it took."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping

from attrs import frozen


@frozen
class CompileReport:
    """Says what was compiled.

    Attributes:
        graphs: that were made; none where everything was compiled before. breaks: reasons for which a graph ended before its layer did, with how often:
            between two graphs the code runs as it is written. seconds: of the run, compilation included.
    """

    graphs: int
    breaks: Mapping[str, int]
    seconds: float

    def __str__(self) -> str:
        said = [f"{self.graphs} graphs in {self.seconds:.1f} s, {sum(self.breaks.values())} breaks"]
        return "\n".join([*said, *(f"  {count} x {reason}" for reason, count in self.breaks.items())])


def compile_report(job: Callable[[], object]) -> CompileReport:
    """Run something, and say what was compiled in this process meanwhile."""
    from torch._dynamo.utils import counters

    before = counters["stats"]["unique_graphs"], Counter(counters["graph_break"])
    begun = time.perf_counter()
    job()
    seconds = time.perf_counter() - begun
    made = counters["stats"]["unique_graphs"] - before[0]
    breaks = Counter(counters["graph_break"]) - before[1]
    return CompileReport(made, {reason.partition("\n")[0]: count for reason, count in breaks.items()}, seconds)
