"""A worker: makes the driver's pipeline again, refuses to be another one, and runs rows."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..state import BrickworkError, CompositionError, RepoError
from ..state.errors import faults_as_data
from .job import Job
from .outcome import error_data
from .record import record_of
from .row_runner import RowRunner
from .workers import row_of

if TYPE_CHECKING:
    from ..pipeline import ModularPipeline


class Worker:
    """Runs the rows of a job in a process of its own. What goes in and out is data for JSON."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        self._job = Job.from_dict(job)
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._runner: RowRunner | None = None

    def ready(self) -> dict[str, Any]:
        """Load the pipeline; say what it is (`record`), or why it cannot be the driver's (`error`)."""
        job = self._job
        try:
            pipe = opened_here(job)
            self._runner = RowRunner(job.loaded(pipe), Path(job.out), job.retries, job.allow_urls, self._name)
            return {"record": record_of(pipe)}
        except BrickworkError as error:
            found = [str(each["text"]) for each in faults_as_data(error)]
            return {"error": {**error_data(error), **self._refusal(type(error).__name__, found)}}

    def run(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Run a row, and say how it ended."""
        assert self._runner is not None
        return self._runner.run(row_of(row)).to_dict()

    def _refusal(self, kind: str, faults: list[str]) -> dict[str, Any]:
        return {"type": kind, "faults": [f"worker {self._name}: {fault}" for fault in faults]}


def opened_here(job: Job) -> ModularPipeline:
    """Make the driver's pipeline again in this process, without its components.

    Raises:
        RepoError: a folder of the driver's is not there. CompositionError: it is another pipeline; every difference is named.
        BrickworkError: as `Job.opened`.
    """
    import torch

    folder = Path(job.folder)
    for each in (folder, Path(job.out)):
        if not each.is_dir():
            raise RepoError(
                f"there is no folder {each}. Workers need the driver's folder and that of the results under the same names: a file "
                "system that all machines share."
            )
    os.chdir(folder)
    sys.path += [each for each in job.path if each not in sys.path and Path(each).exists()]
    torch.set_num_threads(job.threads)
    pipe = job.opened()
    if faults := job.faults(pipe):
        raise CompositionError.of("This is another pipeline than the driver's", faults)
    return pipe
