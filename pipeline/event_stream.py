"""The events of a run, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Generator
from functools import partial
from queue import SimpleQueue
from typing import Any

from ..engine.events import Event
from ..registry.devices.device_runs import devices_lent
from ..state.user_warnings import user_warning
from .pipeline_run import PipelineRun
from .run_thread import run_thread


# No `Exception`: a block's own `except Exception` must not keep the run going.
class _Left(BaseException):
    """Ends a run whose events nobody takes any more."""


class _Channel:
    """Between a run in its thread and who takes its events: one at a time, each when it is asked for."""

    def __init__(self) -> None:
        self.events: SimpleQueue[tuple[Event | None, BaseException | None]] = SimpleQueue()
        # The run may only go on while somebody waits for its next event: the caller may edit components between two.
        self.wanted = threading.Semaphore(0)
        self.has_left = False

    def tell(self, event: Event) -> None:
        """Hand an event over, and wait until the next one is asked for."""
        self.events.put((event, None))
        self.wait()

    def wait(self) -> None:
        """Wait until an event is asked for."""
        with devices_lent():
            self.wanted.acquire()
            if self.has_left:
                raise _Left

    def leave(self) -> None:
        """Ask for no more."""
        self.has_left = True
        self.wanted.release()


class EventStream(Generator[Event, None, None]):
    """The events of one run. The run goes on in a thread of its own while the next event is asked for, and not else."""

    def __init__(self, run: PipelineRun) -> None:
        self._is_over = False
        self._channel = _Channel()
        # The thread knows the channel and not this object: one that is forgotten ends its run.
        self._thread = run_thread(partial(_work, self._channel, run))

    def send(self, _value: None = None) -> Event:
        """Let the run go on to its next event, and return that."""
        if self._is_over:
            raise StopIteration
        if self._thread.ident is None:
            self._thread.start()
        self._channel.wanted.release()
        try:
            # Who asks may be a block of another run, which has the device that this one waits for.
            with devices_lent():
                event, error = self._channel.events.get()
        except BaseException:  # Ctrl-C while the run computes
            self.close()
            raise
        if event is not None:
            return event
        self._is_over = True
        # Until then its last lines could still run beside the caller's next ones.
        self._thread.join()
        raise error or StopIteration

    def throw(self, *error: Any) -> Event:
        """End the run, and raise."""
        self.close()
        raise error[0] if isinstance(error[0], BaseException) else error[0]()

    def close(self) -> None:
        """End the run before its next event, and wait for that."""
        # Also where it has not begun: a thread that is started later ends at once.
        self._channel.leave()
        if self._thread.ident is not None and not self._is_over:
            with devices_lent():
                self._thread.join()
        self._is_over = True

    def __del__(self) -> None:
        # Where its making failed there is neither.
        thread, channel = getattr(self, "_thread", None), getattr(self, "_channel", None)
        if thread is not None and thread.ident is None and not self._is_over:
            user_warning(
                "pipe.stream(...) was not iterated over, so nothing ran: write `for event in pipe.stream(...)`, or call "
                "pipe(...), or pipe.start(...) for a run in the background.",
                RuntimeWarning,
            )
        if channel is not None:
            channel.leave()


def _work(channel: _Channel, run: PipelineRun) -> None:
    try:
        channel.wait()
        run.compute(channel.tell)
    except _Left:
        channel.events.put((None, None))
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the events are taken
        channel.events.put((None, error))
    else:
        channel.events.put((None, None))
