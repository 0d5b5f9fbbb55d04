"""Listeners that are ready to use: a table of time and bytes per block, and a trace for a browser."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from time import perf_counter
from typing import Any

from attrs import define, field

from ..registry.loading.weights import byte_words
from ..state.atomic import write_text
from .events import (
    BlockFinished,
    BlockStarted,
    ComponentLoaded,
    ComponentMoved,
    DeviceTimed,
    Event,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
)
from .position import Frame

_RUN = ""  # The path of the whole, which no block has.


@define
class _Row:
    calls: int = 0
    seconds: float = 0.0
    bytes: int = 0
    on_device: float = 0.0


@define(eq=False)
class TimeTable:
    """Shows where the time of runs goes: `pipe.configure(listeners=[table := TimeTable()])`, a run, then `print(table)`.

    Blocks are on the CPU's clock: on a GPU, which computes while Python goes on, only the whole run's time is exact. With
    `configure(device_times=True)` their time on the device stands beside it.
    """

    rows: dict[str, _Row] = field(factory=dict)
    total: float = 0.0
    runs: int = 0

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, BlockFinished):
            row = self.rows.setdefault(event.path, _Row())
            row.calls, row.seconds, row.bytes = row.calls + 1, row.seconds + event.seconds, max(row.bytes, event.bytes)
        elif isinstance(event, DeviceTimed):
            if event.index is None:
                self.rows.setdefault(event.path, _Row()).on_device += event.seconds
        elif isinstance(event, ComponentLoaded):
            row = self.rows.setdefault(f"(loading {event.name})", _Row())
            row.calls, row.seconds = row.calls + 1, row.seconds + event.seconds
        elif isinstance(event, RunFinished):
            self.total += event.seconds
            self.runs += 1

    def __repr__(self) -> str:
        head = f"{self.runs} run{'s' if self.runs != 1 else ''}, {self.total:.3f} s"
        width = max((len(path) for path in self.rows), default=0)
        lines = [
            f"{path:<{width}}  {row.calls:>5} x  {row.seconds:>8.3f} s  {self._share(row.seconds):>4}  {byte_words(row.bytes)}"
            + (f"  {row.on_device:.3f} s on the device" if row.on_device else "")
            for path, row in self.rows.items()
        ]
        return "\n".join([head, *lines])

    def _share(self, seconds: float) -> str:
        return f"{seconds / self.total:.0%}" if self.total else ""


@define(eq=False)
class ChromeTrace:
    """Writes each run's blocks and steps to a file for `chrome://tracing` or Perfetto.

    What a span lasts is counted between its two events, so that a step always lies inside its run and a block inside its step;
    `args.seconds` is what the block, step or run took by itself, without the listeners.
    The file is whole or not there: it is written beside its place, and renamed, when a run has finished.
    """

    path: Path = field(converter=Path)
    _events: list[dict[str, Any]] = field(factory=list, init=False)
    _origin: float = field(default=0.0, init=False)
    _begun: dict[tuple[int, str], float] = field(factory=dict, init=False)

    def __call__(self, event: Event) -> None:
        """Take an event."""
        now = perf_counter()
        if isinstance(event, RunStarted):
            # All runs are on one axis, so that what happens between them can be seen.
            self._origin = self._origin or now
            self._begin(_RUN, now)
        elif isinstance(event, BlockStarted):
            self._begin(event.path, now)
        elif isinstance(event, StepStarted):
            self._begin(Frame(event.path, event.index).words, now)
        elif isinstance(event, BlockFinished):
            self._span(event.path, "block", now, event.seconds, {"bytes": event.bytes})
        elif isinstance(event, StepFinished):
            self._span(Frame(event.path, event.index).words, "step", now, event.seconds, {})
        elif isinstance(event, DeviceTimed):
            begun = self._begun.get((threading.get_ident(), _RUN), self._origin) + event.start
            self._add(Frame(event.path, event.index).words, "on the device", begun, event.seconds, {}, place="device")
        elif isinstance(event, ComponentMoved):
            self._add(f"bring {event.name}", "component", now, 0.0, {"bytes": event.bytes})
        elif isinstance(event, RunFinished):
            self._span(_RUN, "run", now, event.seconds, {})
            self._write()

    # By thread, because runs of several threads may have one trace, and the same blocks.
    def _begin(self, name: str, now: float) -> None:
        self._begun[threading.get_ident(), name] = now

    def _span(self, name: str, kind: str, now: float, seconds: float, details: dict[str, Any]) -> None:
        # What began before anybody listened began as long ago as it took.
        begun = self._begun.pop((threading.get_ident(), name), now - seconds)
        self._add(name or "run", kind, begun, now - begun, {"seconds": seconds, **details})

    def _add(
        self, name: str, kind: str, begun: float, seconds: float, details: dict[str, Any], place: str | None = None
    ) -> None:
        # The trace format counts in microseconds (Trace Event Format, "ts" and "dur").
        start = (begun - self._origin) * 1e6
        where = {"pid": os.getpid(), "tid": place or threading.get_ident()}
        self._events.append(
            {"name": name, "cat": kind, "ph": "X", "ts": start, "dur": seconds * 1e6, "args": details, **where}
        )

    def _write(self) -> None:
        write_text(self.path, json.dumps({"traceEvents": self._events}))
