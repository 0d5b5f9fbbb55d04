"""How long blocks and iterations take on the device, by its own clock, without the host ever waiting for it in between.

The host gives a device its work and goes on, so that the host's clock shows how long it took to give it (CUDA C Programming Guide, "Events").
"""

from __future__ import annotations

from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

from .events import (
    BlockFinished,
    BlockStarted,
    DeviceTimed,
    Emit,
    Event,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
)

if TYPE_CHECKING:
    import torch


class Mark(Protocol):
    """A place in the work that a device was given."""

    def query(self) -> bool:
        """Return whether the device has come by; it does not wait."""
        ...

    def synchronize(self) -> None:
        """Wait until it has."""
        ...

    def elapsed_time(self, end_event: Any) -> float:
        """Return milliseconds from here to another mark, once both are reached."""
        ...


class HostMark:
    """A mark of a device that computes at once, as the host does."""

    def __init__(self) -> None:
        self.time = perf_counter()

    def query(self) -> bool:
        """Return True: what was given is done."""
        return True

    def synchronize(self) -> None:
        """Return: there is nothing to wait for."""

    def elapsed_time(self, end_event: HostMark) -> float:
        """Return milliseconds from here to another."""
        return (end_event.time - self.time) * 1e3


def mark_on(device: torch.device) -> Mark:
    """Mark what this thread has given a device until now."""
    import torch

    if device.type == "cpu":
        return HostMark()
    # On the stream on which this thread computes.
    event = torch.Event(device, enable_timing=True)
    event.record()
    return event


@frozen
class _Timed:
    path: str
    index: int | None
    begin: Mark
    end: Mark


class DeviceTimes:
    """Stands before who listens, and adds a `DeviceTimed` to each block and iteration: when the device is done with it, at the latest
    at the end of the run, which waits for the device once.
    """

    def __init__(self, emit: Emit, device: torch.device) -> None:
        self._emit = emit
        self._device = device
        self._first: Mark | None = None
        self._begun: dict[tuple[str, int | None], Mark] = {}
        self._pending: deque[_Timed] = deque()

    def __call__(self, event: Event) -> None:
        """Take an event, and pass it on."""
        key = (getattr(event, "path", ""), getattr(event, "index", None))
        if isinstance(event, RunFinished):
            self._tell(is_last=True)
        elif isinstance(event, (BlockFinished, StepFinished)) and key in self._begun:
            # Before others are told: what they do on the device is not the block's.
            self._pending.append(_Timed(*key, self._begun.pop(key), mark_on(self._device)))
        self._emit(event)
        if isinstance(event, RunStarted):
            self._first = mark_on(self._device)
        elif isinstance(event, (BlockStarted, StepStarted)):
            self._begun[key] = mark_on(self._device)
        self._tell()

    def _tell(self, is_last: bool = False) -> None:
        """Tell of what the device is done with."""
        if is_last and self._pending:
            self._pending[-1].end.synchronize()
        while self._pending and (is_last or self._pending[0].end.query()):
            timed = self._pending.popleft()
            start = 0.0 if self._first is None else self._first.elapsed_time(timed.begin) / 1e3
            self._emit(DeviceTimed(timed.path, timed.index, start, timed.begin.elapsed_time(timed.end) / 1e3))
