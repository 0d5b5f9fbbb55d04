"""What a server counts, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from ...engine.serving.merger import Merger
    from ...engine.serving.work_queue import WorkQueue

_RUNS = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)
_STEPS = (0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.runs = Counter("brickwork_runs", "Runs by workflow and end.", ["workflow", "end"], registry=registry)
        self.refused = Counter(
            "brickwork_refused", "Requests for runs that were refused, by status.", ["status"], registry=registry
        )
        self.run_seconds = Histogram(
            "brickwork_run_seconds",
            "Time of runs from their beginning.",
            ["workflow"],
            buckets=_RUNS,
            registry=registry,
        )
        self.block_seconds = Summary(
            "brickwork_block_seconds", "Time of blocks.", ["workflow", "block"], registry=registry
        )
        self.step_seconds = Histogram(
            "brickwork_step_seconds", "Time of the steps of loops.", ["workflow"], buckets=_STEPS, registry=registry
        )
        self.cache_hits = Counter(
            "brickwork_cache_hits",
            "Steps that were not run, because their result was known.",
            ["kind"],
            registry=registry,
        )
        self.out_of_memory = Counter("brickwork_out_of_memory", "Runs for which memory ran out.", registry=registry)
        self.preview_drops = Counter(
            "brickwork_preview_drops", "Previews that went before they were asked for.", registry=registry
        )

    def watch(self, queue: WorkQueue, mergers: Callable[[], Iterable[Merger]]) -> None:
        """Report the length and age of a queue, and the forwards of mergers."""
        length = Gauge("brickwork_queue_length", "Runs that wait.", registry=self.registry)
        length.set_function(lambda: len(queue.waiting))
        going = Gauge("brickwork_runs_going", "Runs that go on.", registry=self.registry)
        going.set_function(lambda: len(queue.going))
        age = Gauge("brickwork_queue_age_seconds", "How long the oldest run has waited.", registry=self.registry)
        age.set_function(lambda: queue.age)
        self.registry.register(_Forwards(mergers))

    def text(self) -> bytes:
        """Return all of it in the format of Prometheus."""
        return generate_latest(self.registry)


class _Forwards(Collector):
    """Says how many calls were made as one."""

    def __init__(self, mergers: Callable[[], Iterable[Merger]]) -> None:
        self._mergers = mergers

    def collect(self) -> Iterator[Metric]:
        """Yield the count of forwards by the number of calls in them."""
        found = CounterMetricFamily(
            "brickwork_forwards", "Forwards of networks, by the number of runs that shared them.", labels=["runs"]
        )
        total: dict[int, int] = {}
        for merger in self._mergers():
            for calls, count in list(merger.forwards.items()):
                total[calls] = total.get(calls, 0) + count
        for calls, count in sorted(total.items()):
            found.add_metric([str(calls)], count)
        yield found
