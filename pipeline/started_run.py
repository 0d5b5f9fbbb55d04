"""`pipe.start(...)`: a run in a thread of its own, with a handle to watch it, end it and take its result."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, Self

from attrs import frozen

from ..engine.event_buffer import EventBuffer
from ..engine.events import BlockStarted, Event, RunFailed, RunStarted, StepStarted
from ..registry.devices.device_runs import devices_lent
from ..state import InputError
from ..state.errors import RunCancelledError
from ..state.user_warnings import user_warning
from .pipeline_run import PipelineRun
from .run_request import RunRequest
from .run_thread import run_thread

if TYPE_CHECKING:
    from .modular_pipeline import ModularPipeline

Status = Literal["waiting", "running", "finished", "failed", "cancelled"]

_GOING: weakref.WeakSet[StartedRun] = weakref.WeakSet()


@frozen
class RunProgress:
    """Where a run stands.

    Attributes:
        path: of the block that runs, or ran last. index, total: of the loop's iteration, counted from 0; None outside of loops, and
            `total` where the number of iterations is not known.
    """

    path: str
    index: int | None = None
    total: int | None = None

    def __str__(self) -> str:
        if self.index is None:
            return self.path
        return f"{self.path}, step {self.index + 1}" + ("" if self.total is None else f" of {self.total}")


class StartedRun(PipelineRun):
    """A run that goes on in a thread of its own: `run = pipe.start(prompt="a cat", output="images")`.

    It goes on to its end, also if nobody looks. `with pipe.start(...) as run:` cancels it when the block is left. When
    the interpreter ends, it is cancelled, too.
    """

    def __init__(self, pipe: ModularPipeline, request: RunRequest) -> None:
        super().__init__(pipe, request)
        self._held_at_start = _identities(request.components_of(pipe))
        self._events = EventBuffer()
        self._progress: RunProgress | None = None
        self._status: Status = "waiting"
        self._result: Any = None
        self._error: BaseException | None = None
        self._is_error_known = False
        self._done = threading.Event()
        self._thread = run_thread(self._work)
        _GOING.add(self)
        self._thread.start()

    @property
    def status(self) -> Status:
        """What has become of it: "waiting" (it has not begun), "running", "finished", "failed" or "cancelled"."""
        return self._status

    @property
    def progress(self) -> RunProgress | None:
        """Where it stands, or where it ended; None before its first block."""
        return self._progress

    def events(self) -> Iterator[Event]:
        """Yield what has happened from the beginning on, and what happens, to the end: `RunFinished` or `RunFailed`.

        The run does not wait. Of a long one that nobody watches the last thousand events are kept; `EventsDropped` says how many
        are missing. Each call of `events()` begins anew.
        """
        for event in self._events:
            self._is_error_known |= isinstance(event, RunFailed)
            yield event

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the end, and return what a call would have returned.

        Args:
            timeout: how many seconds to wait at most; None waits as long as it takes.

        Raises:
            TimeoutError: it takes longer. RunCancelledError: it was cancelled. Anything that a block or a listener raised.
        """
        if threading.current_thread() is self._thread:
            raise InputError(
                "run.result() was called in the run itself, by a block or a listener, and would wait for ever."
            )
        # Who asks may be a block of another run, which has the device that this one waits for.
        with devices_lent():
            is_over = self._done.wait(timeout)
        if not is_over:
            raise TimeoutError(f"The run is not over after {timeout} s: {self}. It goes on; run.cancel() ends it.")
        if self._error is not None:
            self._is_error_known = True
            raise self._error
        return self._result

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_error_known = True
        self.cancel()
        if threading.current_thread() is not self._thread:
            with devices_lent():
                self._thread.join()

    def __repr__(self) -> str:
        where = "" if self._progress is None else f", {self._progress}"
        return f"<{type(self).__name__}: {self._status}{where}>"

    def __del__(self) -> None:
        error = getattr(self, "_error", None)
        if error is not None and not self._is_error_known and not isinstance(error, RunCancelledError):
            user_warning(
                f"A run that was started has failed, and nobody asked for its result: {type(error).__name__}: {error}",
                RuntimeWarning,
            )

    def _work(self) -> None:
        started = perf_counter()
        try:
            self._result = self.compute(self._note_progress, self._events)
            self._status = "finished"
        except BaseException as error:  # noqa: BLE001 - whatever it is, `result()` raises it
            self._error = error
            self._status = "cancelled" if isinstance(error, RunCancelledError) else "failed"
            self._events(RunFailed(perf_counter() - started, error))
        finally:
            self._events.close()
            self._done.set()
            _GOING.discard(self)

    def _refuse_other_components(self) -> None:
        """Refuse to begin with other components than those that were checked with the inputs."""
        now = _identities(self._request.components_of(self._pipe))
        before = self._held_at_start
        # One that is loaded meanwhile was None.
        names = [name for name in self._request.plan.components if before.get(name) not in (now.get(name), id(None))]
        if names:
            raise InputError(
                f"{', '.join(names)}: replaced after the run was asked for, and before it began. Replace components before "
                'start(), or once run.status is no longer "waiting".'
            )

    def _note_progress(self, event: Event) -> None:
        last = self._progress
        if isinstance(event, RunStarted):
            self._refuse_other_components()
            self._status = "running"
        elif isinstance(event, StepStarted):
            self._progress = RunProgress(event.path, event.index, event.total)
        elif isinstance(event, BlockStarted) and (
            last is None or last.index is None or not event.path.startswith(f"{last.path}.")
        ):
            self._progress = RunProgress(event.path)


def _identities(components: Mapping[str, Any]) -> dict[str, int]:
    return {name: id(component) for name, component in components.items()}


@atexit.register
def _end_all() -> None:
    """End what still goes on, so that no thread computes while the interpreter takes its modules apart."""
    runs = list(_GOING)
    for run in runs:
        run.cancel()
    for run in runs:
        # A block that takes longer is left behind, as every daemon thread is.
        run._thread.join(timeout=10)
