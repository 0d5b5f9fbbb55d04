"""Which runs have devices, and how a run that waits lets others have them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import define, field


@define(eq=False)
class Turn:
    """A run that has a device: its thread holds the lock.

    Attributes:
        components: identities of what it computes with. make_way: takes off the device what another run could not.
            bring_back: puts on the device what its running step needs.
    """

    lock: threading.RLock
    components: set[int] = field(factory=set)
    make_way: Callable[[], None] | None = None
    bring_back: Callable[[], None] | None = None

    def pause(self) -> None:
        """Let another run have its turn."""
        if self.make_way is not None:
            self.make_way()

    def go_on(self) -> None:
        """Have again on the device what the running step needs, after another run had its turn."""
        if self.bring_back is not None:
            self.bring_back()


class _Here(threading.local):
    def __init__(self) -> None:
        self.turns: list[Turn] = []


_HERE = _Here()


def turns_here() -> list[Turn]:
    """Return the runs of this thread that have devices, the outermost first; one inside of another has the same or another."""
    return _HERE.turns


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
