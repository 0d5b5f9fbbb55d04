"""What the server remembers of clients of AUTOMATIC1111's interface, which has one run at a time and one model: each client has its own."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

from attrs import define, field

from .job import Job

_MOST = 1_000


@define(eq=False)
class A1111Client:
    """One client.

    Attributes:
        workflow: that it has chosen; None for the first. jobs: its last request's, since `started`; empty when that is over.
    """

    workflow: str | None = None
    jobs: Sequence[Job] = ()
    started: float = 0.0
    is_interrupted: bool = False

    def begin(self, jobs: Sequence[Job]) -> None:
        """Note what goes on."""
        self.jobs, self.started, self.is_interrupted = jobs, time.time(), False

    def end(self, jobs: Sequence[Job]) -> None:
        """Note that it is over, unless something else goes on by now."""
        if self.jobs is jobs:
            self.jobs = ()


@define(eq=False)
class A1111Clients:
    """Clients by their names; of many, the last."""

    _known: OrderedDict[str, A1111Client] = field(factory=OrderedDict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def of(self, name: str) -> A1111Client:
        """Return a client."""
        with self._lock:
            found = self._known.setdefault(name, A1111Client())
            self._known.move_to_end(name)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
            return found
