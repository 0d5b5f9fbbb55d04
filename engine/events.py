"""What happens in a run, as listeners and `pipe.stream` see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen


@frozen
class Event:
    """Base of all events."""


@frozen
class RunStarted(Event):
    """A run begins. `paths`: of its leaf steps, in order."""

    paths: tuple[str, ...]


@frozen
class BlockStarted(Event):
    """A block begins; in a loop at every iteration."""

    path: str


@frozen
class BlockFinished(Event):
    """A block is done. `bytes`: of the tensors that it has written."""

    path: str
    seconds: float
    bytes: int


@frozen
class StepStarted(Event):
    """A loop begins an iteration. `index` counts from 0; `total` is None where the number of iterations is not known."""

    path: str
    index: int
    total: int | None


@frozen
class StepFinished(Event):
    """A loop has finished an iteration. `values`: all values of the run by name, to look at before the next iteration begins.

    They cannot be set, and a run ends with an error where one was changed in place (but for tensors of torch's inference mode,
    which do not count their changes). What changes values is a block in the loop.
    """

    path: str
    index: int
    total: int | None
    seconds: float
    values: Mapping[str, Any] = field(repr=False)


@frozen
class DeviceTimed(Event):
    """What a block or an iteration took on the device, by its own clock; with `configure(device_times=True)`.

    It comes when the device is done, some blocks later than `BlockFinished` or `StepFinished`, whose seconds are those of the host.

    Attributes:
        index: of the iteration; None for a block. start: seconds since the run began there.
    """

    path: str
    index: int | None
    start: float
    seconds: float


@frozen
class ValueReleased(Event):
    """A value was let go of, because no later block reads it and nobody asked for it."""

    name: str
    bytes: int


@frozen
class CacheHit(Event):
    """A step was not run, because its result is known. `kind`: "block", "loop" or "iteration" of a loop.

    Attributes:
        seconds: that the step took when it was run. bytes: of the result.
    """

    path: str
    kind: str
    seconds: float
    bytes: int


@frozen
class CacheSkipped(Event):
    """A step cannot be kept in the cache, or looked up there. `reason`: why."""

    path: str
    reason: str


@frozen
class RunWarning(Event):
    """Something looks wrong and may be meant. `path`: of the step; empty for the whole plan."""

    path: str
    text: str


@frozen
class ComponentLoaded(Event):
    """A component was loaded during the run."""

    name: str
    seconds: float


@frozen
class ComponentMoved(Event):
    """A component was brought to the device."""

    name: str
    bytes: int


@frozen
class ComponentFreed(Event):
    """A component left the device, or memory."""

    name: str


@frozen
class RunFinished(Event):
    """A run is done. `result`: what the call returns."""

    seconds: float
    result: Any = field(repr=False)


@frozen
class RunFailed(Event):
    """A run has ended by an error: the last event of `run.events()`, in place of `RunFinished`.

    Listeners do not get it: where they listen, the call raises the error.

    Attributes:
        error: what `run.result()` raises; RunCancelledError where the run was cancelled.
    """

    seconds: float
    error: BaseException


@frozen
class EventsDropped(Event):
    """Events that nobody took in time were let go of, `count` of them, here."""

    count: int


Emit = Callable[[Event], object]
"""Takes an event; whatever it raises ends the run."""
