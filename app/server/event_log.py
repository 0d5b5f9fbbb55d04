"""The events of one run for those who watch it, now or later; the run waits for none of them."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

FINAL = frozenset({"finished", "failed", "cancelled"})
_PASSING = frozenset({"step", "preview"})
_MOST_PREVIEW_BYTES = 1_500_000
_MOST_PASSING = 2_000
_MOST_ENCODED = 16
"""Events that are kept as they are sent, for those who watch beside each other."""


@frozen
class LoggedEvent:
    """What happened, as it is sent: `number` counts from 0. `is_within`: of a block inside of a loop, which is sent to who asks for it only."""

    number: int
    kind: str
    data: Mapping[str, Any]
    is_within: bool = False


@define(eq=False)
class EventLog:
    """Keeps what happened. Of previews, and of steps and blocks in loops, the oldest go where there are too many; nothing else does.

    Attributes:
        dropped: how many previews went.
    """

    dropped: int = field(default=0, init=False)
    _events: dict[int, LoggedEvent] = field(factory=dict, init=False)
    _count: int = field(default=0, init=False)
    _previews: deque[tuple[int, int]] = field(factory=deque, init=False)
    _preview_bytes: int = field(default=0, init=False)
    _passing: deque[int] = field(factory=deque, init=False)
    _is_over: bool = field(default=False, init=False)
    _is_closed: bool = field(default=False, init=False)
    _encoded: dict[int, bytes] = field(factory=dict, init=False)
    _listeners: set[Callable[[], object]] = field(factory=set, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def tell(self, kind: str, data: Mapping[str, Any], is_within: bool = False) -> int:
        """Note an event, and return how many previews went for it. After the last one nothing is noted."""
        with self._lock:
            if self._is_over:
                return 0
            number, self._count = self._count, self._count + 1
            self._events[number] = LoggedEvent(number, kind, data, is_within)
            self._is_over = kind in FINAL
            gone = self._let_go(number, kind, data, is_within)
            listeners = list(self._listeners)
        for listener in listeners:
            listener()
        return gone

    def _let_go(self, number: int, kind: str, data: Mapping[str, Any], is_within: bool) -> int:
        gone = 0
        if kind == "preview":
            size = len(data["data"])
            self._previews.append((number, size))
            self._preview_bytes += size
            while self._preview_bytes > _MOST_PREVIEW_BYTES and len(self._previews) > 1:
                old, size = self._previews.popleft()
                self._preview_bytes -= size
                del self._events[old]
                gone += 1
        elif is_within or kind in _PASSING:
            self._passing.append(number)
            if len(self._passing) > _MOST_PASSING:
                del self._events[self._passing.popleft()]
        self.dropped += gone
        return gone

    def since(self, number: int, with_inner: bool = False) -> list[LoggedEvent]:
        """Return the events from a number on.

        Args:
            with_inner: those of blocks inside of loops, too.
        """
        found: list[LoggedEvent] = []
        with self._lock:
            # From the end: who watches asks for the last ones only.
            for event in reversed(self._events.values()):
                if event.number < number:
                    break
                found.append(event)
        return [event for event in reversed(found) if with_inner or not event.is_within]

    def encoded(self, event: LoggedEvent) -> bytes:
        """Return an event as a server-sent event. It is made once for all who watch: a preview is large, and they may be many."""
        found = self._encoded.get(event.number)
        if found is None:
            text = json.dumps(event.data, ensure_ascii=False, default=str)
            found = f"id: {event.number}\r\nevent: {event.kind}\r\ndata: {text}\r\n\r\n".encode()
            if self._listeners:
                self._encoded[event.number] = found
            while len(self._encoded) > _MOST_ENCODED:
                del self._encoded[next(iter(self._encoded))]
        return found

    def data(self) -> list[list[Any]]:
        """Return what is kept as data, for `take_up`."""
        return [[each.number, each.kind, each.data, each.is_within] for each in self.since(0, with_inner=True)]

    def take_up(self, data: Sequence[Sequence[Any]]) -> None:
        """Have events of an earlier process under their numbers, before any of this one."""
        for number, kind, said, is_within in data:
            self._count = number
            self.tell(kind, said, is_within)

    @property
    def is_over(self) -> bool:
        """Whether the last event is there."""
        return self._is_over

    @property
    def is_closed(self) -> bool:
        """Whether those who watch are let go, as the server ends."""
        return self._is_closed

    def close(self) -> None:
        """Let those go who watch: they come back to another process, and get what follows."""
        with self._lock:
            self._is_closed = True
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def listen(self, listener: Callable[[], object]) -> None:
        """Call a function, in whichever thread, after each event; until `forget`."""
        with self._lock:
            self._listeners.add(listener)

    def forget(self, listener: Callable[[], object]) -> None:
        """Call it no more."""
        with self._lock:
            self._listeners.discard(listener)
            if not self._listeners:
                self._encoded.clear()
