"""Which runs have devices, and how a run that waits lets others have them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from attrs import define, field


@define(eq=False)
class Turn:
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
        self.turns: list[Turn] = []


_HERE = _Here()


def turns_here() -> list[Turn]:
    """Return the runs of this thread that have devices, the outermost first; one inside of another has the same or another."""
    return _HERE.turns


@define(eq=False)
class Turns:
    """Runs that take turns: those on one device, or on several that are used together.

    Attributes:
        lock: of all these devices.
    """

    lock: threading.RLock = field(factory=threading.RLock, repr=False)
    _going: list[Turn] = field(factory=list, repr=False, init=False)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have the devices for one run: what is moved for one would be moved away from another that computes with it.

        A run that a block or listener of another begins has them meanwhile, and then the other gets back what its step needs.
        """
        with self.lock:
            outer, turn = self._here(), Turn(self.lock)
            if outer is not None:
                outer.pause()
            turns_here().append(turn)
            self._going.append(turn)
            try:
                yield
            finally:
                turns_here().remove(turn)
                self._going.remove(turn)
                if outer is not None:
                    outer.go_on()

    def begin(self, components: Iterable[object], make_way: Callable[[], None], go_on: Callable[[], None]) -> None:
        """Say of one device what the run that has it computes with, what makes way for another run, and what brings back what its step needs."""
        turn = self._here()
        if turn is not None:
            turn.components |= {id(each) for each in components}
            turn.make_way.append(make_way)
            turn.bring_back.append(go_on)

    @property
    def is_taken_here(self) -> bool:
        """Whether a run of this thread has the devices."""
        return self._here() is not None

    @property
    def used(self) -> set[int]:
        """Identities of what runs compute with, also those that wait."""
        return set().union(*(turn.components for turn in [*self._going]))

    def _here(self) -> Turn | None:
        return next((each for each in reversed(turns_here()) if each.lock is self.lock), None)


@contextmanager
def devices_lent() -> Iterator[None]:
    """Let other threads' runs have the devices of this thread, while it waits for what may need them.

    Without, a stream whose events somebody looks at would stop every other run, also the one that this somebody makes.
    """
    turns = [*turns_here()]
    for turn in turns:
        turn.pause()
    for turn in turns:
        turn.lock.release()
    try:
        yield
    finally:
        for turn in turns:
            turn.lock.acquire()
    # Not after an error, with which the run ends. The innermost of each device is the one that goes on first.
    for turn in {id(turn.lock): turn for turn in turns}.values():
        turn.go_on()
