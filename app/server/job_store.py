"""The runs that a server knows: all that are not over, and the last ones that are."""

from __future__ import annotations

import itertools
import logging
import shutil
import threading
from collections import deque
from pathlib import Path

from attrs import define, field

from ...state import BrickworkError
from .errors import RefusedError
from .job import OVER, Job

_logger = logging.getLogger("brickwork.server")
_ASIDE = "unreadable"
"""Folder beside that of the runs, for runs that cannot be read."""


@define(eq=False)
class JobStore:
    """Keeps runs by their identifiers; of those that are over the last `keep`, with their folders."""

    folder: Path
    keep: int
    _jobs: dict[str, Job] = field(factory=dict, init=False)
    _over: deque[Job] = field(factory=deque, init=False)
    _count: int = field(default=0, init=False)
    _lock: threading.RLock = field(factory=threading.RLock, init=False)

    def __attrs_post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def next_number(self) -> int:
        """Return a number that no run has."""
        with self._lock:
            self._count += 1
            return self._count

    def get(self, identifier: str) -> Job:
        """Return a run.

        Raises:
            RefusedError: there is none.
        """
        with self._lock:
            found = self._jobs.get(identifier)
        if found is None:
            raise RefusedError(
                404, "UnknownRunError", f"There is no run {identifier[:40]!r}, or it is not kept any more."
            )
        return found

    def all(self) -> list[Job]:
        """Return all runs, the last one first."""
        with self._lock:
            return sorted(self._jobs.values(), key=lambda job: -job.number)

    def add(self, job: Job) -> None:
        """Add a run."""
        with self._lock:
            self._jobs[job.id] = job

    def remove(self, job: Job) -> None:
        """Forget a run, and delete what is kept of it."""
        with self._lock:
            self._jobs.pop(job.id, None)
        shutil.rmtree(job.folder, ignore_errors=True)

    def note_over(self, job: Job) -> None:
        """Note that a run is over, and forget the one that was over first where there are too many."""
        with self._lock:
            self._over.append(job)
            gone = [self._over.popleft() for _ in range(len(self._over) - self.keep)]
        for each in gone:
            self.remove(each)

    def _put_aside(self, folder: Path) -> Path:
        """Keep what cannot be read where nobody looks for runs; it may be of a later version, or mended by hand."""
        aside = self.folder.with_name(_ASIDE)
        aside.mkdir(exist_ok=True)
        place = next(
            each for n in itertools.count() if not (each := aside / f"{folder.name}{f'-{n}' if n else ''}").exists()
        )
        return folder.rename(place)

    def take_up(self) -> list[Job]:
        """Read the runs that an earlier process has kept, and return those that are not over, in their order."""
        found = []
        for folder in self.folder.iterdir():
            try:
                found.append(Job.kept(folder))
            except BrickworkError as error:
                _logger.warning("A run is not taken up, and lies in %s: %s", self._put_aside(folder), error)
        found.sort(key=lambda job: job.number)
        self._count = max((job.number for job in found), default=0)
        for job in found:
            self.add(job)
            if job.status in OVER:
                self.note_over(job)
                said = (
                    {"seconds": job.seconds, "outputs": job.said_outputs()}
                    if job.status == "finished"
                    else job.error or {}
                )
                try:
                    job.take_up_events()
                except BrickworkError as error:
                    _logger.warning("What happened in a run is not kept: %s", error)
                job.events.tell(job.status, said)
        return [job for job in found if job.status not in OVER]
