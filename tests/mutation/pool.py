"""Workers, each with its own copy of the repository: nothing is ever changed in the working tree."""

from __future__ import annotations

import compileall
import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from attrs import define

_LEFT_OUT = shutil.ignore_patterns(".*", "build", "dist", "outputs", "*.egg-info", "__pycache__")
_LIBRARIES = ("torch", "diffusers", "transformers", "peft", "hypothesis", "pytest", "_pytest.assertion.rewrite")

Task = TypeVar("Task")
Answer = TypeVar("Answer")


@define
class Worker:
    """A process that waits for requests."""

    process: subprocess.Popen[str]
    log: Path

    def ask(self, do: str, **request: Any) -> Any:
        """Send a request, and wait for its answer.

        Raises:
            RuntimeError: the process has ended.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{json.dumps({'do': do, **request})}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"A worker ended:\n{self.log.read_text()[-2000:]}")
        return json.loads(line)


class Pool:
    """A few workers, which take tasks as they are free."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._free: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self._count = len(workers)
        for worker in workers:
            self._free.put(worker)

    def each(self, tasks: Iterable[Task], work: Callable[[Worker, Task], Answer]) -> Iterator[tuple[Task, Answer]]:
        """Do all tasks; give each with its answer when it is done."""

        def with_worker(task: Task) -> tuple[Task, Answer]:
            worker = self._free.get()
            try:
                return task, work(worker, task)
            finally:
                self._free.put(worker)

        threads = ThreadPoolExecutor(self._count)
        try:
            for done in as_completed([threads.submit(with_worker, task) for task in tasks]):
                yield done.result()
        finally:
            # Threads end with their workers, for which nobody must wait here.
            threads.shutdown(wait=False, cancel_futures=True)


def copied(root: Path, place: Path) -> Path:
    """Copy what is of the repository itself, and not made from it."""
    return Path(shutil.copytree(root, place, ignore=_LEFT_OUT))


@contextmanager
def workers(root: Path, count: int, libraries: Sequence[str] = ()) -> Iterator[Pool]:
    """Copy the repository for each worker, and start it with the libraries imported."""
    with tempfile.TemporaryDirectory(prefix="brickwork-mutation-") as folder:
        started: list[Worker] = []
        try:
            for number in range(count):
                started.append(_started(root, Path(folder) / str(number)))  # noqa: PERF401 - those that have started are ended
            with ThreadPoolExecutor(count) as threads:
                list(threads.map(lambda worker: worker.ask("preload", modules=list(libraries or _LIBRARIES)), started))
            yield Pool(started)
        finally:
            for worker in started:
                worker.process.terminate()
                worker.process.wait()


def _started(root: Path, place: Path) -> Worker:
    from support.hub_server import (
        environment,
    )  # its folder is on the path where this is run, and not where it is tested

    copy = copied(root, place / "brickwork")
    compileall.compile_dir(copy, quiet=2)
    (copy / "build" / "typing").mkdir(parents=True)
    (copy / "build" / "typing" / "brickwork").symlink_to("../..")
    (place / "temporary").mkdir()
    variables = {
        **os.environ,
        **environment(port := _free_port(), place / "home"),
        "BRICKWORK_TEST_HUB_PORT": str(port),
        "PYTHONPATH": str(place),
        "TMPDIR": str(place / "temporary"),
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    log = place / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "mutation.worker"],
            cwd=copy / "tests",
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    return Worker(process, log)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
