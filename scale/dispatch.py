"""Hands rows to workers: few at a time, answers in order, and what kills workers put aside."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..state import RunError, errors
from .attempts import Attempts
from .outcome import Outcome, error_class
from .record import record_faults
from .rows import Row
from .workers import Died, Done, Event, Ready, Workers

_WINDOW = 32
"""Rows per worker that may be over before an earlier one is: so many outcomes are kept."""
_STARTS = 3
"""How often a worker may end before it is ready."""
_PATIENCE = 0.2
"""Seconds after which Ctrl-C is seen."""


class Dispatch:
    """One table on its way through workers.

    Args:
        rows: each with its name. attempts: how often a row has killed its worker.
        watch: told of each worker that ended.
    """

    def __init__(self, workers: Workers, rows: Iterable[Row], attempts: Attempts, watch: Callable[[str], None]) -> None:
        self._workers = workers
        self._rows = iter(rows)
        self._attempts = attempts
        self._watch = watch
        self._going: dict[int, deque[Row]] = {}
        self._again: deque[Row] = deque()
        self._over: dict[int, Outcome] = {}
        self._places: dict[int, int] = {}
        self._read = self._next = 0
        self._is_read = False
        self._ends = 0
        self._record: Mapping[str, Any] = {}

    def outcomes(self) -> Iterator[Outcome]:
        """Yield what became of each row, in their order.

        Raises:
            BrickworkError: a worker cannot be what the driver's pipeline is. RunError: workers end before they are ready.
        """
        is_started = False
        while True:
            self._fill()
            while self._next in self._over:
                yield self._over.pop(self._next)
                self._next += 1
                self._fill()
            if not any(self._going.values()):
                self._look_ahead()
                if self._next in self._over:
                    continue
                if not self._again:
                    return
                # Only now: a table of which nothing is left needs no worker.
                if not is_started:
                    self._workers.start()
                    is_started = True
            for event in self._workers.wait(_PATIENCE):
                self._take(event)

    def _fill(self) -> None:
        for worker, rows in sorted(self._going.items(), key=lambda each: len(each[1])):
            while len(rows) < self._workers.ahead and (row := self._row()) is not None:
                rows.append(row)
                self._workers.give(worker, row)

    def _look_ahead(self) -> None:
        """Read on where no worker is ready: what needs none is over."""
        if not self._again and (row := self._row()) is not None:
            self._again.append(row)

    def _row(self) -> Row | None:
        """Return the next row that somebody must run."""
        if self._again:
            return self._again.popleft()
        while not self._is_read:
            if len(self._over) >= _WINDOW * self._workers.count:
                return None
            row = next(self._rows, None)
            if row is None:
                self._is_read = True
                return None
            self._places[row.number] = self._read
            self._read += 1
            if row.faults:
                words = {"type": "InputError", "message": " ".join(row.faults), "faults": list(row.faults)}
                self._end(Outcome(row.number, row.name, row.seed, "failed", error=words))
            elif (why := self._attempts.aside(row)) is not None:
                self._end(_aside(row, why))
            else:
                return row
        return None

    def _end(self, outcome: Outcome) -> None:
        self._over[self._places.pop(outcome.row)] = outcome

    def _take(self, event: Event) -> None:
        if isinstance(event, Ready):
            self._welcome(event)
        elif isinstance(event, Done):
            self._going[event.worker].popleft()
            self._attempts.forget(event.outcome.name)
            self._end(event.outcome)
        else:
            self._mourn(event)

    def _welcome(self, event: Ready) -> None:
        if event.error:
            kind = error_class(event.error) or RunError
            raise kind.of("A worker cannot have the pipeline", event.error["faults"])
        # What files do not tell, such as a LoRA's: all workers must have loaded the same.
        found = list(record_faults(self._record, event.record)) if self._record and event.record else []
        if found:
            raise errors.ComponentError.of("Two workers have loaded different things", found)
        self._record = self._record or event.record
        self._ends = 0
        self._going.setdefault(event.worker, deque())

    def _mourn(self, event: Died) -> None:
        self._watch(event.words)
        lost = self._going.pop(event.worker, None)
        if lost is None:
            self._ends += 1
            if self._ends >= _STARTS * self._workers.count:
                raise RunError(f"Workers end before they have loaded the pipeline. The last one {event.words}")
            return
        for place, row in enumerate(lost):
            # Only the first was running; the others waited, and are not to blame.
            why = self._attempts.died(row, event.words) if place == 0 else None
            if why is not None:
                self._end(_aside(row, why))
            else:
                self._again.append(row)


def _aside(row: Row, why: str) -> Outcome:
    words = {"type": "RunError", "message": why, "faults": []}
    return Outcome(row.number, row.name, row.seed, "aside", error=words)
