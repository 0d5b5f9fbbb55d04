"""Workers as processes of this machine, one a device. One that ends is started again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from queue import Empty, SimpleQueue
from typing import Any

from .job import Job
from .outcome import Outcome
from .rows import Row
from .workers import Died, Done, Event, Ready, row_data

_COMMAND = (sys.executable, "-m", "brickwork.scale.worker_process")
_LAST = 12
"""Lines of what a process said last that stand in an error."""


class Processes:
    """Workers of one job as processes.

    Args:
        devices: each process sees one GPU of so many; 0 leaves all to see what this one does.
    """

    ahead = 2

    def __init__(self, job: Job, count: int, devices: int = 0) -> None:
        self.count = count
        self._job = json.dumps(job.to_dict())
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join(job.path)}
        self._devices = devices
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._is_closed = False
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the processes; they load beside each other."""
        for worker in range(self.count):
            self._start(worker)

    def _start(self, worker: int) -> None:
        seen = {"CUDA_VISIBLE_DEVICES": str(worker % self._devices)} if self._devices else {}
        with self._lock:
            if self._is_closed:
                return
            process = subprocess.Popen(  # noqa: S603 - this Python, with words of ours
                _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                encoding="utf-8", env={**self._environment, **seen}, start_new_session=True,
            )  # fmt: skip
            self._processes[worker] = process
        threading.Thread(target=self._follow, args=(worker, process), daemon=True).start()
        self._tell(process, self._job)

    def _follow(self, worker: int, process: subprocess.Popen[str]) -> None:
        """Turn what a process says into events, until it ends; then start another one."""
        last: deque[str] = deque(maxlen=_LAST)
        errors = threading.Thread(target=lambda: last.extend(process.stderr or ()), daemon=True)
        errors.start()
        is_ready = False
        for line in process.stdout or ():
            data = json.loads(line)
            if is_ready:
                self._events.put(Done(worker, Outcome.from_dict(data)))
            else:
                self._events.put(Ready(worker, data.get("record", {}), data.get("error", {})))
                is_ready = True
        code = process.wait()
        errors.join(5)
        for pipe in (process.stdin, process.stdout, process.stderr):
            # What was told to a process that has ended is still to be written, and fails: the others are closed all the same.
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        if not self._is_closed:
            self._events.put(Died(worker, how_it_ended(code, last)))
            self._start(worker)

    def give(self, worker: int, row: Row) -> None:
        """Hand a row to a worker."""
        self._tell(self._processes[worker], json.dumps(row_data(row)))

    def _tell(self, process: subprocess.Popen[str], line: str) -> None:
        # One that has just ended is told of by its last event.
        with contextlib.suppress(OSError, ValueError):
            assert process.stdin is not None
            process.stdin.write(line + "\n")
            process.stdin.flush()

    def wait(self, seconds: float) -> list[Event]:
        """Return what has happened."""
        found: list[Event] = []
        with contextlib.suppress(Empty):
            found.append(self._events.get(timeout=seconds))
            while True:
                found.append(self._events.get_nowait())
        return found

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            self._is_closed = True
        for process in self._processes.values():
            with contextlib.suppress(OSError):
                process.kill()
        for process in self._processes.values():
            process.wait()


def how_it_ended(code: int, last: Any) -> str:
    """Say how a process ended, and what it said last."""
    name = signal.Signals(-code).name if code < 0 and -code in set(signal.Signals) else ""
    how = f"was killed ({name or -code})" if code < 0 else f"ended with exit code {code}"
    said = "".join(last).rstrip()
    return f"{how}; it said last:\n{said}" if said else how
