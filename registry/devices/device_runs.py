"""Which runs have devices, and how a run that waits lets others have them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from attrs import define, field


@define(eq=False)
class DeviceRun:
    """A run that has its devices, one or several: its thread holds the lock.

    Attributes:
        components: identities of what it computes with, on all devices. make_way: each takes off a device what another run could
            not. bring_back: each puts on a device what its running step needs.
    """

    lock: threading.RLock
    components: set[int] = field(factory=set)
    make_way: list[Callable[[], None]] = field(factory=list)
    bring_back: list[Callable[[], None]] = field(factory=list)

    def pause(self) -> None:
        """Let another run have its turn."""
        for each in self.make_way:
            each()

    def go_on(self) -> None:
        """Have again on the devices what the running step needs, after another run had its turn."""
        for each in self.bring_back:
            each()


class _Here(threading.local):
    def __init__(self) -> None:
        self.runs: list[DeviceRun] = []


_HERE = _Here()


def runs_here() -> list[DeviceRun]:
    """Return the runs of this thread that have devices, the outermost first; one inside of another has the same or another."""
    return _HERE.runs


@define(eq=False)
class DeviceRuns:
    """Runs that take turns: those on one device, or on several that are used together.

    Attributes:
        lock: of all these devices.
    """

    lock: threading.RLock = field(factory=threading.RLock, repr=False)
    _going: list[DeviceRun] = field(factory=list, repr=False, init=False)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have the devices for one run: what is moved for one would be moved away from another that computes with it.

        A run that a block or listener of another begins has them meanwhile, and then the other gets back what its step needs.
        """
        with self.lock:
            outer, run = self._here(), DeviceRun(self.lock)
            if outer is not None:
                outer.pause()
            runs_here().append(run)
            self._going.append(run)
            try:
                yield
            finally:
                runs_here().remove(run)
                self._going.remove(run)
                if outer is not None:
                    outer.go_on()

    def begin(self, components: Iterable[object], make_way: Callable[[], None], go_on: Callable[[], None]) -> None:
        """Say of one device what the run that has it computes with, what makes way for another run, and what brings back what its step needs."""
        run = self._here()
        if run is not None:
            run.components |= {id(each) for each in components}
            run.make_way.append(make_way)
            run.bring_back.append(go_on)

    @property
    def is_taken_here(self) -> bool:
        """Whether a run of this thread has the devices."""
        return self._here() is not None

    @property
    def used(self) -> set[int]:
        """Identities of what runs compute with, also those that wait."""
        return set().union(*(run.components for run in [*self._going]))

    def _here(self) -> DeviceRun | None:
        return next((each for each in reversed(runs_here()) if each.lock is self.lock), None)


@contextmanager
def devices_lent() -> Iterator[None]:
    """Let other threads' runs have the devices of this thread, while it waits for what may need them.

    Without, a stream whose events somebody looks at would stop every other run, also the one that this somebody makes.
    """
    runs = [*runs_here()]
    for run in runs:
        run.pause()
    for run in runs:
        run.lock.release()
    try:
        yield
    finally:
        for run in runs:
            run.lock.acquire()
    # Not after an error, with which the run ends. The innermost of each device is the one that goes on first.
    for run in {id(run.lock): run for run in runs}.values():
        run.go_on()
