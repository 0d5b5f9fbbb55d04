"""Keeps the events of a run for readers that come when they like; the run never waits for them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from attrs import define, evolve, field
from attrs.validators import ge

from ..state import InputError
from .events import Event, EventsDropped, RunFailed, RunFinished, RunStarted, RunWarning, StepFinished

_KEPT = (RunStarted, RunWarning, RunFinished, RunFailed)
"""Events that are never let go of: how a run began, what went another way than asked for, and how it ended."""


class _ValuesGone(Mapping[str, Any]):
    """Stands for the values of a step, which the run has changed since."""

    def _refuse(self, *_: object) -> NoReturn:
        raise InputError(
            "The run did not wait, so the values of this step are others by now. Look at them in a listener "
            "(pipe.configure(listeners=[...])), or iterate over pipe.stream(...), where the run waits."
        )

    __getitem__ = __iter__ = __len__ = __contains__ = keys = values = items = get = _refuse

    def __repr__(self) -> str:
        return "<values that the run has changed since>"


@define(eq=False)
class EventBuffer:
    """A listener that keeps the last events, for readers in other threads: `for event in buffer` gives all, from the first on.

    Each reader has its own place, and waits where nothing has happened yet. Where more than `size` events are kept, the
    oldest are let go of, but never the first and the last of a run nor its warnings; a reader that had not come so far
    gets `EventsDropped` there. `StepFinished.values` cannot be read from here.

    Attributes:
        size: how many events that may be let go of are kept, 1 or more.
    """

    size: int = field(default=1000, validator=ge(1))
    _events: dict[int, Event] = field(factory=dict, init=False)
    _passing: deque[int] = field(factory=deque, init=False)
    _count: int = field(default=0, init=False)
    _is_closed: bool = field(default=False, init=False)
    _changed: threading.Condition = field(factory=threading.Condition, init=False)

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if isinstance(event, StepFinished):
            # They would hold the memory of all steps, and are not what they were: blocks may write in place.
            event = evolve(event, values=_ValuesGone())
        with self._changed:
            self._events[self._count] = event
            if not isinstance(event, _KEPT):
                self._passing.append(self._count)
                if len(self._passing) > self.size:
                    del self._events[self._passing.popleft()]
            self._count += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Say that nothing will follow, so that readers end."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Event]:
        following = 0
        while (found := self._from(following)) is not None:
            number, event = found
            if number > following:
                yield EventsDropped(number - following)
            yield event
            following = number + 1

    def _from(self, following: int) -> tuple[int, Event] | None:
        """Wait for the first event with this number or a later one that is still there; None where nothing follows."""
        with self._changed:
            self._changed.wait_for(lambda: self._count > following or self._is_closed)
            # In order of their numbers, since that is how they came; and the newest is always there.
            return next((found for found in self._events.items() if found[0] >= following), None)
