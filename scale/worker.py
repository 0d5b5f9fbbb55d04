"""A worker: makes the driver's pipeline again, refuses to be another one, and runs rows."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..state import BrickworkError
from ..state.errors import faults_as_data
from .job import Job
from .outcome import error_data
from .record import record_of
from .row_runner import RowRunner
from .workers import row_of


class Worker:
    """Runs the rows of a job in a process of its own. What goes in and out is data for JSON."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        self._job = Job.from_dict(job)
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._runner: RowRunner | None = None

    def ready(self) -> dict[str, Any]:
        """Load the pipeline; say what it is (`record`), or why it cannot be the driver's (`error`)."""
        import torch

        job = self._job
        folder = Path(job.folder)
        try:
            if not folder.is_dir() or not Path(job.out).is_dir():
                missing = job.folder if not folder.is_dir() else job.out
                return {"error": self._refusal("RepoError", [f"there is no folder {missing}. Workers need the driver's folder and that of the results under the same names: a file system that all machines share."])}  # fmt: skip
            os.chdir(folder)
            sys.path += [each for each in job.path if each not in sys.path and Path(each).exists()]
            torch.set_num_threads(job.threads)
            pipe = job.opened()
            faults = job.faults(pipe)
            if faults:
                return {"error": self._refusal("CompositionError", faults)}
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
