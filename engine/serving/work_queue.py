"""`WorkQueue`: which of the work that waits is done next, by how many threads, and what is refused because too much waits."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from attrs import define, field

from ...state import InputError
from ...state.errors import BrickworkError

Priority = Literal["interactive", "batch"]

_logger = logging.getLogger("brickwork.serving")
_FIRST_GUESS = 2.0
"""Seconds that a piece of work takes of which none was seen."""
_WEIGHT = 0.2
"""Of the last piece of work in the mean of how long they take."""
_LONGEST_WAIT = 600.0
"""Seconds after which one is told to try again, at most."""


class QueueFullError(BrickworkError):
    """There is too much work already.

    Attributes:
        seconds: after which to try again, as far as that can be said.
    """

    seconds: float = 1.0


class QueueClosedError(BrickworkError):
    """The queue takes no work any more."""


class TooLargeError(InputError):
    """A piece of work would never be begun.

    Attributes:
        largest: that would be, in the unit of what is too large: "work" or "bytes".
    """

    kind: Literal["work", "bytes"] = "work"
    largest: float = 0.0


@define(eq=False)
class Task:
    """A piece of work that waits for its turn.

    Attributes:
        work: what to do, in a thread of the queue. client: whose it is; clients take turns. cost: how much work it is, in any unit (steps times
            pixels). bytes: that it holds while it goes on. came: when it was put in; kept by one that is put in again after a restart.
    """

    work: Callable[[], object]
    client: str = ""
    priority: Priority = "interactive"
    cost: float = 1.0
    bytes: int = 0
    came: float = field(factory=time.monotonic)
    was_passed: bool = field(default=False, init=False)


def _positive(_: object, attribute: Any, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise InputError(f"{attribute.name}={value!r:.100}: it is a number above 0.")


@define(eq=False)
class WorkQueue:
    """Does work in threads of its own, so many at once.

    Interactive work goes before batch work, which has every `batch_every`-th turn, and counts as interactive once it has waited for `patience`
    seconds. Among work of one priority that client is next whose work of late was least. Work for which there is not enough memory waits,
    and smaller work passes it, until it has waited for `patience` seconds.

    Attributes:
        workers: pieces of work at once. size: pieces that may wait. most_cost, most_cost_of_client: of all that waits and goes on. memory: bytes for all that goes
            on; None for no limit.

    Example:
        >>> queue = WorkQueue(workers=1)
        >>> queue.put(Task(lambda: print("done")))
        0
        >>> queue.stop(drains=True)
        done
        []
    """

    workers: int = field(default=1, validator=_positive)
    size: int = field(default=64, validator=_positive)
    most_cost: float | None = field(default=None, validator=_positive)
    most_cost_of_client: float | None = field(default=None, validator=_positive)
    memory: int | None = field(default=None, validator=_positive)
    batch_every: int = field(default=4, validator=_positive)
    patience: float = field(default=30.0, validator=_positive)
    _waiting: list[Task] = field(factory=list, init=False)
    _going: list[Task] = field(factory=list, init=False)
    _served: dict[str, float] = field(factory=dict, init=False)
    _taken_count: int = field(default=0, init=False)
    _seconds: float = field(default=_FIRST_GUESS, init=False)
    _per_cost: float | None = field(default=None, init=False)
    _is_closed: bool = field(default=False, init=False)
    _is_held: bool = field(default=False, init=False)
    _changed: threading.Condition = field(factory=threading.Condition, init=False)
    _threads: list[threading.Thread] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        # Daemons, so that an interpreter which ends does not wait for work that takes minutes.
        self._threads = [
            threading.Thread(target=self._work, daemon=True, name=f"brickwork-worker-{n}") for n in range(self.workers)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, task: Task) -> int:
        """Add a piece of work, and return how many pieces are before it.

        Raises:
            QueueFullError: there is too much. TooLargeError: it would never be begun. QueueClosedError: the queue was stopped.
        """
        return self.put_all([task])[0]

    def put_all(self, tasks: Sequence[Task], is_known: bool = False) -> list[int]:
        """Add several pieces of work, or none of them, and return how many pieces are before each.

        Args:
            is_known: they were taken before, and are not refused now.

        Raises:
            QueueFullError, TooLargeError, QueueClosedError: as `put`.
        """
        with self._changed:
            if self._is_closed:
                raise QueueClosedError("The server is about to stop, and takes no more work.")
            if not is_known:
                self._refuse_too_large(tasks)
                self._refuse_too_much(tasks)
            for task in tasks:
                self._begin_account(task.client)
                self._waiting.append(task)
            self._changed.notify_all()
            order = self._order()
            # One that a worker has taken in between is before nobody.
            return [order.index(task) if task in order else 0 for task in tasks]

    def remove(self, task: Task) -> bool:
        """Take back a piece of work; False where it was begun, or is done."""
        with self._changed:
            if task not in self._waiting:
                return False
            self._waiting.remove(task)
            self._changed.notify_all()
            return True

    def position(self, task: Task) -> int | None:
        """Return how many pieces are before one, as it looks now; None where it does not wait."""
        with self._changed:
            order = self._order()
            return order.index(task) if task in order else None

    @property
    def waiting(self) -> list[Task]:
        """What waits, in the order in which it will be begun as it looks now."""
        with self._changed:
            return self._order()

    @property
    def going(self) -> list[Task]:
        """What goes on."""
        with self._changed:
            return list(self._going)

    @property
    def age(self) -> float:
        """For how many seconds the oldest has waited."""
        with self._changed:
            return max((time.monotonic() - task.came for task in self._waiting), default=0.0)

    def seconds_until(self, cost: float = 0.0) -> float:
        """Return after how many seconds one place will be free, or so much work be done, as it looks now."""
        with self._changed:
            if cost and self._per_cost is not None:
                found = self._per_cost * cost / self.workers
            else:
                found = self._seconds / self.workers
            return float(min(max(1.0, math.ceil(found)), _LONGEST_WAIT))

    def close(self) -> list[Task]:
        """Begin nothing more, and return what goes on; `stop` waits for it."""
        with self._changed:
            self._is_closed = self._is_held = True
            self._changed.notify_all()
            return list(self._going)

    def stop(self, drains: bool = False, timeout: float | None = None) -> list[Task]:
        """Take no more work, wait for what goes on, and return what was not begun.

        Args:
            drains: do what waits, too. timeout: how many seconds to wait at most.
        """
        until = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            self._is_closed = True
            self._is_held = not drains
            self._changed.notify_all()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(None if until is None else max(0.0, until - time.monotonic()))
        with self._changed:
            left, self._waiting = self._order(), []
            self._is_held = True
            return left

    def _work(self) -> None:
        while (task := self._taken()) is not None:
            started = time.monotonic()
            try:
                task.work()
            except Exception:
                # What work raises is its own affair; a thread that ended would be missed by all that waits.
                _logger.exception("A piece of work raised an error")
            finally:
                self._note(task, time.monotonic() - started)

    def _note(self, task: Task, seconds: float) -> None:
        with self._changed:
            self._going.remove(task)
            self._seconds += _WEIGHT * (seconds - self._seconds)
            if task.cost > 0:
                now = seconds / task.cost
                self._per_cost = now if self._per_cost is None else self._per_cost + _WEIGHT * (now - self._per_cost)
            self._changed.notify_all()

    def _taken(self) -> Task | None:
        """Wait for the next piece of work; None where there will be none."""
        with self._changed:
            while True:
                task = None if self._is_held else self._next()
                if task is not None:
                    self._waiting.remove(task)
                    self._going.append(task)
                    self._taken_count += 1
                    self._served[task.client] += max(task.cost, 1.0)
                    return task
                if self._is_closed and (self._is_held or not self._waiting):
                    return None
                # With a limit, since work that waits grows older without anybody saying so.
                self._changed.wait(timeout=1.0 if self._waiting else None)

    def _next(self) -> Task | None:
        """Return what is to be done now; None where nothing waits for which there is room."""
        for task in self._order():
            if self._fits_now(task):
                return task
            if self._is_old(task):
                # It has let others pass for long enough: what goes on ends, and then there is room.
                return None
        return None

    def _order(self) -> list[Task]:
        """Return what waits in the order in which it is to be done, with the turns of priorities and clients."""
        urgent = [task for task in self._waiting if task.priority == "interactive" or self._is_old(task)]
        batch = [task for task in self._waiting if task not in urgent]
        served = dict(self._served)
        first, second = self._by_client(urgent, served), self._by_client(batch, served)
        found: list[Task] = []
        count = self._taken_count
        while first or second:
            is_due_for_batch = count % self.batch_every == self.batch_every - 1
            found.append((second if second and (is_due_for_batch or not first) else first).pop(0))
            count += 1
        return found

    def _by_client(self, tasks: Iterable[Task], served: dict[str, float]) -> list[Task]:
        """Return tasks so that of those clients whose next is due, that is first which was served least."""
        queues: dict[str, list[Task]] = {}
        for task in sorted(tasks, key=lambda each: each.came):
            queues.setdefault(task.client, []).append(task)
        found = []
        while queues:
            client = min(queues, key=lambda name: (served.get(name, 0.0), queues[name][0].came))
            task = queues[client].pop(0)
            served[client] = served.get(client, 0.0) + max(task.cost, 1.0)
            found.append(task)
            if not queues[client]:
                del queues[client]
        return found

    def _begin_account(self, client: str) -> None:
        """Let a client that comes begin where the others stand: it has no claim from when it asked for nothing."""
        active = {task.client for task in (*self._waiting, *self._going)}
        if client in active:
            return
        least = min((self._served[name] for name in active), default=0.0)
        # Whoever has nothing here is forgotten, so that the list stays short.
        self._served = {name: self._served[name] for name in active}
        self._served[client] = least

    def _is_old(self, task: Task) -> bool:
        return time.monotonic() - task.came > self.patience

    def _fits_now(self, task: Task) -> bool:
        return self.memory is None or not self._going or task.bytes + sum(t.bytes for t in self._going) <= self.memory

    def _refuse_too_large(self, tasks: Sequence[Task]) -> None:
        limits = [limit for limit in (self.most_cost, self.most_cost_of_client) if limit is not None]
        for task in tasks:
            if limits and task.cost > min(limits):
                raise _too_large("work", task.cost, min(limits))
            if self.memory is not None and task.bytes > self.memory:
                raise _too_large("bytes", task.bytes, self.memory)

    def _refuse_too_much(self, tasks: Sequence[Task]) -> None:
        room = self.size - len(self._waiting)
        # What a free thread takes at once does not wait.
        room += max(0, self.workers - len(self._going) - len(self._waiting))
        if len(tasks) > room:
            raise self._full(f"{len(self._waiting)} of {self.size} places in the queue are taken.", 0.0)
        for name, limit, those in (
            ("of all", self.most_cost, None),
            ("of one client", self.most_cost_of_client, tasks[0].client),
        ):
            if limit is None:
                continue
            held = [t for t in (*self._waiting, *self._going) if those is None or t.client == those]
            total = sum(task.cost for task in (*held, *tasks))
            if total > limit:
                raise self._full(f"The work {name} would be {total:,.0f}, and may be {limit:,.0f}.", total - limit)

    def _full(self, text: str, cost: float) -> QueueFullError:
        seconds = self.seconds_until(cost)
        error = QueueFullError(f"There is too much work now: {text} Try again in {seconds:.0f} s.")
        error.seconds = seconds
        return error


def _too_large(kind: Literal["work", "bytes"], asked: float, largest: float) -> TooLargeError:
    unit = "bytes" if kind == "bytes" else "steps times pixels"
    error = TooLargeError(
        f"This run would take {asked:,.0f} {unit}, and the largest that is begun takes {largest:,.0f}."
    )
    error.kind, error.largest = kind, largest
    return error
