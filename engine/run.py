"""What one run of a plan shares, and what it asks of those who bring components and know results."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, field

from ..state import PipelineState
from ..state.user_warnings import caller_level
from .cache import MemoryCache, Said
from .cache_unit import CacheUnit
from .events import Emit, RunWarning
from .isolation import RunComponents
from .nodes import Call, Values
from .position import Tracker
from .settings import RunSettings
from .witness import Witness

if TYPE_CHECKING:
    from .serving.merger import MergedRun

_logger = logging.getLogger("brickwork")


class Residency(Protocol):
    """Told by the executor where a run is."""

    def is_over(self, path: str) -> bool:
        """Return whether a step that is done must let go of its components."""
        ...

    def during(self, path: str, values: Values) -> Any:
        """Return a context manager around one step."""
        ...

    def release(self) -> None:
        """Let go of every component, because memory has run out."""
        ...

    @property
    def devices(self) -> Mapping[str, Any]:
        """Where each step computes, by path; empty where there is one device."""
        ...

    def has_room_to_make(self, names: Collection[str]) -> bool:
        """Return whether anything is on the device but these components, with which the running block computes."""
        ...

    def make_room(self, names: Collection[str]) -> None:
        """Let everything else leave."""
        ...

    def make_ready(self, names: Collection[str]) -> None:
        """Bring what a block computes with, where room was made for one before it in the same loop."""
        ...


class ResultCache(Protocol):
    """Knows results of steps."""

    @property
    def store(self) -> MemoryCache:
        """The cache in which they are kept."""
        ...

    def wrapped(self, call: Call, unit: CacheUnit, run: Run) -> Call:
        """Return the call of a step, which takes its result from the cache where that is known."""
        ...


@define(eq=False)
class Run:
    """Holds what one run of a plan shares.

    Attributes:
        components: the pipeline's, with clones of those that the run changes.
        configs: the pipeline's settings by name. view: what foreign blocks know as `components`.
        state: what the run writes; the plan sets it. residency: brings components when they are needed.
        emit: takes events, if anybody listens. cache: knows the results of steps, if there is one.
        advice: from the path of a block to what would help where memory runs out in it.
        device: of all steps that have none of their own (`device_of`).
        tracker: knows where the run stands, for snapshots. cancelled: set from anywhere, it ends the run before its next block.
        notes: what blocks said about this run, for its recipe. said: what is true of the result, whether it is computed or taken from the
            cache: path, text, and how it is said. witness: keeps account of what every block gave. merged: its part in a
            merger, which is told where it stands in a loop. trains: components whose weights its steps change; the plan sets it.
        frozen: of those, digests of what does not learn, as far as a snapshot has asked.
    """

    components: RunComponents
    configs: Mapping[str, Any]
    view: Any
    device: Any
    settings: RunSettings
    state: PipelineState = field(factory=PipelineState)
    residency: Residency | None = None
    emit: Emit | None = None
    cache: ResultCache | None = None
    tracker: Tracker | None = None
    # A plain attribute: setting it is atomic in CPython, and a run looks between blocks, where a lock would cost more
    # than a late look.
    cancelled: bool = False
    advice: Callable[[str], Sequence[str]] = tuple
    notes: list[str] = field(factory=list)
    said: list[Said] = field(factory=list)
    witness: Witness | None = None
    merged: MergedRun | None = None
    trains: frozenset[str] = frozenset()
    frozen: dict[str, str] = field(factory=dict)

    def device_of(self, path: str) -> Any:
        """Return the device on which a step computes."""
        return self.device if self.residency is None else self.residency.devices.get(path, self.device)

    def warn(self, path: str, text: str) -> None:
        """Say that something went another way than asked for: to the log, to listeners, and in the recipe."""
        self.notes.append(f"{path}: {text}")
        self.said.append((path, text, "warned"))
        self.remark(path, text)

    def pass_on(self, path: str, text: str) -> None:
        """Tell listeners what the log has already, and whoever takes the result from the cache, too."""
        self.said.append((path, text, "told"))
        self.tell(path, text)

    def repeat(self, said: Sequence[Said]) -> None:
        """Say what was said when a result was computed that the cache gives now."""
        for path, text, how in said:
            if how == "warned":
                self.warn(path, text)
                continue
            self.said.append((path, text, how))
            if how == "told":
                self.remark(path, text)
            elif text not in self.notes:
                self.notes.append(text)

    def remark(self, path: str, text: str) -> None:
        """Say what a person should know though the result is what was asked for: to the log, and to listeners."""
        _logger.warning("%s: %s", path, text, stacklevel=caller_level())
        self.tell(path, text)

    def tell(self, path: str, text: str) -> None:
        """Say to listeners alone what the log has already."""
        if self.emit is not None:
            self.emit(RunWarning(path, text))
