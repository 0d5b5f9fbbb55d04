"""Workers as actors of Ray, which schedules them and starts those again that end (ray 2.60: docs.ray.io, "Actor fault tolerance")."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any

from attrs import define

from ..state import InputError
from .job import Job
from .outcome import Outcome
from .rows import Row
from .worker import Worker
from .workers import Died, Done, Event, Ready, row_data

_PAUSE = 0.2
"""Seconds until an actor that is being started again is asked once more."""


@define(eq=False)
class _Call:
    """What an actor was asked for, and not answered yet."""

    worker: int
    is_ready: bool
    due: float = 0.0


class RayActors:
    """Workers of one job as actors.

    Args:
        gpus: of each actor. address: of a cluster; None takes the one that this process is connected to, or starts one here with a CPU for
            each worker.
    """

    ahead = 2

    def __init__(self, job: Job, count: int, gpus: float = 0.0, address: str | None = None) -> None:
        self._ray = imported_ray()
        self.count = count
        self._job = job.to_dict()
        self._gpus = gpus
        self._address = address
        self._is_ours = False
        self._actors: dict[int, Any] = {}
        self._calls: dict[Any, _Call] = {}
        self._later: list[_Call] = []

    def start(self) -> None:
        """Start the actors."""
        self._is_ours = begin_ray(self.count, self._address)
        for worker in range(self.count):
            self._start(worker)

    def _start(self, worker: int) -> None:
        # Ray starts an actor again, and Brickwork hands a row out again: only it knows which one was running, and how often.
        made = self._ray.remote(Worker).options(num_cpus=1, num_gpus=self._gpus, max_restarts=-1, max_task_retries=0)
        self._actors[worker] = made.remote(self._job)
        self._ask(worker)

    def _ask(self, worker: int) -> None:
        self._calls[self._actors[worker].ready.remote()] = _Call(worker, is_ready=True)

    def give(self, worker: int, row: Row) -> None:
        """Hand a row to an actor."""
        self._calls[self._actors[worker].run.remote(row_data(row))] = _Call(worker, is_ready=False)

    def wait(self, seconds: float) -> list[Event]:
        """Return what has happened."""
        now = time.monotonic()
        due = [call for call in self._later if call.due <= now]
        self._later = [call for call in self._later if call.due > now]
        for call in due:
            self._ask(call.worker)
        if not self._calls:
            time.sleep(min(seconds, _PAUSE))
            return []
        found, _ = self._ray.wait(list(self._calls), num_returns=1, timeout=seconds)
        # All that are there, in the order in which they were asked for: an actor answers in this order.
        answered = set(self._ray.wait(list(self._calls), num_returns=len(self._calls), timeout=0)[0]) | set(found)
        return [event for ref in list(self._calls) if ref in answered for event in self._answer(ref)]

    def _answer(self, ref: Any) -> list[Event]:
        call = self._calls.pop(ref, None)
        if call is None:  # of an actor that has ended meanwhile
            return []
        errors = self._ray.exceptions
        try:
            data = self._ray.get(ref)
        except errors.RayActorError as error:
            if call.is_ready and isinstance(error, errors.ActorUnavailableError):
                self._later.append(_Call(call.worker, is_ready=True, due=time.monotonic() + _PAUSE))
                return []
            return [self._ended(call.worker, error)]
        if call.is_ready:
            return [Ready(call.worker, data.get("record", {}), data.get("error", {}))]
        return [Done(call.worker, Outcome.from_dict(data))]

    def _ended(self, worker: int, error: Exception) -> Died:
        """Forget what an actor was asked for, and ask it anew when it is there again."""
        self._calls = {ref: call for ref, call in self._calls.items() if call.worker != worker}
        if isinstance(error, self._ray.exceptions.ActorUnavailableError):
            self._later.append(_Call(worker, is_ready=True, due=time.monotonic() + _PAUSE))
        else:
            with contextlib.suppress(Exception):
                self._ray.kill(self._actors[worker])
            self._start(worker)
        return Died(worker, f"ended: {' '.join(str(error).split())[:600]}")

    def close(self) -> None:
        """End all actors, and the cluster, if it was started for them."""
        for actor in self._actors.values():
            with contextlib.suppress(Exception):
                self._ray.kill(actor)
        if self._is_ours:
            self._ray.shutdown()


def begin_ray(cpus: int, address: str | None = None) -> bool:
    """Connect this process to Ray, unless it is connected.

    Args:
        cpus: of a cluster of this machine, which is started where there is no address.

    Returns:
        bool: True where who called is to end it.
    """
    ray = imported_ray()
    if ray.is_initialized():
        return False
    here = {} if address is not None else {"num_cpus": cpus, "include_dashboard": False}
    ray.init(address=address, log_to_driver=False, logging_level="ERROR", **here)
    return True


def imported_ray() -> Any:
    """Return Ray.

    Raises:
        InputError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise InputError("on='ray' needs Ray, which is not here: pip install 'brickwork[ray]'") from None
    return ray
