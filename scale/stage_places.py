"""Where stages run: here, in processes of this machine, or in actors of Ray. Each takes messages in order, and answers each."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import Future
from typing import Any, Protocol

from ..state import RunError
from .job import Job
from .processes import how_it_ended
from .ray_actors import imported_ray
from .stage_process import read_message, write_message
from .stage_worker import StagePart, StageWorker, error_of

_COMMAND = (sys.executable, "-m", "brickwork.scale.stage_process")
_LAST = 12
"""Lines of what a process said last that stand in an error."""


class StagePlace(Protocol):
    """One stage."""

    def wait_until_ready(self) -> None:
        """Return when it is loaded.

        Raises:
            BrickworkError: it cannot be the driver's pipeline. RunError: it has ended.
        """

    def give(self, before: Any) -> Any:
        """Hand it a message, or what comes of a place of the same kind, and return what will come of it; called in the order of runs."""

    def answer(self, given: Any) -> bytes:
        """Wait for what was given, and return it.

        Raises:
            RunError: a stage has ended.
        """

    def close(self) -> None:
        """End it, also in the middle of a run."""


class StageHere:
    """A stage in this process, whose runs are made one after another: to try a cut."""

    def __init__(self, job: Job, part: StagePart) -> None:
        self._worker = StageWorker(job.to_dict(), part.to_dict())

    def wait_until_ready(self) -> None:
        """Load it."""
        if error := self._worker.ready():
            raise error_of(error)

    def give(self, before: bytes) -> bytes:
        """Run its part."""
        return self._worker.run(before)

    def answer(self, given: bytes) -> bytes:
        """Return what came of it."""
        return given

    def close(self) -> None:
        """Nothing is left to end."""


class StageProcess:
    """A stage as a process."""

    def __init__(self, job: Job, part: StagePart) -> None:
        self._words = f"stage {part.number} on {part.device}"
        self._process = subprocess.Popen(  # noqa: S603 - this Python, with words of ours
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(job.path)}, start_new_session=True,
        )  # fmt: skip
        self._last: deque[str] = deque(maxlen=_LAST)
        self._asked: deque[Future[bytes]] = deque()
        self._lock = threading.Lock()
        self._end: RunError | None = None
        self._errors = threading.Thread(target=self._keep_errors, daemon=True)
        self._errors.start()
        self._ready: Future[bytes] = Future()
        self._asked.append(self._ready)
        self._follower = threading.Thread(target=self._follow, daemon=True)
        self._follower.start()
        self._write(json.dumps([job.to_dict(), part.to_dict()]).encode())

    def _keep_errors(self) -> None:
        assert self._process.stderr is not None
        self._last.extend(line.decode("utf-8", "replace") for line in self._process.stderr)

    def _follow(self) -> None:
        """Answer what was asked, in order, until the process ends."""
        assert self._process.stdout is not None
        while (message := read_message(self._process.stdout)) is not None:
            self._asked.popleft().set_result(message)
        code = self._process.wait()
        self._errors.join(5)
        with self._lock:
            self._end = RunError(f"{self._words} {how_it_ended(code, self._last)}")
            left = list(self._asked)
            self._asked.clear()
        for each in left:
            each.set_exception(self._end)

    def _write(self, content: bytes) -> None:
        # One that has just ended is told of by what it is waited for.
        with contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            write_message(self._process.stdin, content)

    def wait_until_ready(self) -> None:
        """Return when it is loaded."""
        if error := json.loads(self._ready.result()):
            raise error_of(error)

    def give(self, before: Any) -> Future[bytes]:
        """Hand it a message, or what comes of the process before; called in the order of runs."""
        answer: Future[bytes] = Future()
        if isinstance(before, bytes):
            self._ask(before, answer)
        else:
            before.add_done_callback(lambda done: self._go_on(done, answer))
        return answer

    def _go_on(self, done: Future[bytes], answer: Future[bytes]) -> None:
        if (error := done.exception()) is None:
            self._ask(done.result(), answer)
        else:
            answer.set_exception(error)

    def _ask(self, content: bytes, answer: Future[bytes]) -> None:
        with self._lock:
            end = self._end
            if end is None:
                self._asked.append(answer)
        if end is None:
            self._write(content)
        else:
            answer.set_exception(end)

    def answer(self, given: Future[bytes]) -> bytes:
        """Wait for what was given, and return it."""
        return given.result()

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        for reader in (self._follower, self._errors):
            reader.join(5)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()


class StageActor:
    """A stage as an actor of Ray, to which the actor before hands its values without a way over the driver."""

    def __init__(self, job: Job, part: StagePart, gpus: float = 0.0) -> None:
        self._ray = imported_ray()
        self._words = f"stage {part.number} on {part.device}"
        # An actor that ends is not started again: what was in it is lost, and who asked is told.
        made = self._ray.remote(StageWorker).options(num_cpus=1, num_gpus=gpus, max_restarts=0)
        self._actor = made.remote(job.to_dict(), part.to_dict())
        self._ready = self._actor.ready.remote()

    def wait_until_ready(self) -> None:
        """Return when it is loaded."""
        if error := self._got(self._ready):
            raise error_of(error)

    def _got(self, ref: Any) -> Any:
        try:
            return self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            raise RunError(f"{self._words} ended: {' '.join(str(error).split())[:600]}") from None

    def give(self, before: Any) -> Any:
        """Hand it a message, or what comes of the actor before; called in the order of runs."""
        return self._actor.run.remote(before)

    def answer(self, given: Any) -> bytes:
        """Wait for what was given, and return it."""
        return bytes(self._got(given))

    def close(self) -> None:
        """End the actor."""
        with contextlib.suppress(Exception):
            self._ray.kill(self._actor)
