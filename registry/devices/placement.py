"""Which components are on the device now, within a budget: one for all pipelines of a manager."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from ...state import ComponentError
from ..loading.weights import byte_words, enough_words
from .device_memory import DeviceMemory
from .device_runs import DeviceRuns
from .host_memory import HostMemory
from .moved_tensors import placed_bytes

if TYPE_CHECKING:
    import torch

Strategy = Callable[[Mapping[str, int], int, Mapping[str, int]], Iterable[str]]
"""Your own rule of what goes: from the bytes of each component that may go, the bytes that are short, and for each how
many uses away its next use is, to the names that go."""


_REMEMBERED = 3
"""Measurements of a step that count: what it needed once, in an unusual run, does not stay for good."""


@frozen
class Need:
    """What a step computes with.

    Attributes:
        sizes: bytes of its components. total: of all together, which may share weights. key: of what was measured.
        hints: why components that are too large do not come layer by layer, in sentences. layered: those that do.
    """

    path: str
    key: Hashable
    sizes: Mapping[str, int]
    total: int
    hints: tuple[str, ...] = ()
    layered: frozenset[str] = frozenset()


@define(eq=False)
class Placement:
    """Knows what is on the device.

    Attributes:
        memory: does the moving. budget: bytes for components, and for values and workspace beside them as far as they are known; None knows
            no limit. reserve: bytes for values and workspace, at least. unknown: what is kept free for them in steps that were not measured.
        strategy: a rule of your own; None plans over the whole run. layers: whether models for which there is no room may come
            layer by layer. label: what messages add to the budget, where there are several devices (" of cuda:1").
        host: what lies in the host's memory, and what in files; None where there is no limit of it.
        runs: those on it. measured: what steps needed of values and workspace in their last runs, by key: see `PlannedResidency`.
        is_over: the manager places nothing any more, or elsewhere.
    """

    memory: DeviceMemory
    budget: int | None = None
    reserve: int = 0
    strategy: Strategy | None = None
    unknown: int = 0
    layers: bool = True
    label: str = ""
    host: HostMemory | None = None
    measured: dict[Hashable, deque[int]] = field(factory=dict)
    runs: DeviceRuns = field(factory=DeviceRuns, repr=False)
    _held: dict[int, tuple[str, Any]] = field(factory=dict, repr=False)
    _leaving: deque[Any] = field(factory=deque, repr=False)
    is_over: bool = field(default=False, init=False)

    def needed(self, key: Hashable) -> int:
        """Return bytes that a step needs of values and workspace, as far as is known."""
        known = self.measured.get(key)
        return max(self.reserve, self.unknown if known is None else max(known))

    @property
    def limit(self) -> int | None:
        """Bytes that components may take at most, whatever was measured; None knows no limit.

        Only what is larger is refused. So the budget that a refusal names serves the first run, and those that have measured.
        """
        return None if self.budget is None else max(0, self.budget - self.reserve)

    def capacity(self, key: Hashable) -> int | None:
        """Return bytes that are planned for components during a step; None knows no limit.

        Where a step's own components take more, as little of them as can be is there at once, and nothing beside them.
        """
        return None if self.budget is None else max(0, self.budget - self.needed(key))

    @property
    def resident(self) -> dict[int, str]:
        """Components that are on the device: identity to name."""
        # A list first: another thread may ask while a run brings.
        return {key: name for key, (name, _) in [*self._held.items()]}

    def size_of(self, key: int) -> int:
        """Return the bytes of a component on the device."""
        return self.memory.size_of(key) or 0

    @property
    def memories(self) -> tuple[DeviceMemory, ...]:
        """What moves and counts: of one device, one."""
        return (self.memory,)

    @property
    def device(self) -> torch.device:
        """The device on which runs compute."""
        import torch

        return torch.device(self.memory.device)

    def end(self) -> None:
        """Take all components off the device, and let runs that wait for it find it gone."""
        self.keep_only(())
        self.is_over = True

    def keep_only(self, keys: Iterable[int]) -> None:
        """Drop all others."""
        for key in self._held.keys() - set(keys):
            self.memory.drop(*self._held[key])
            # After it: what Ctrl-C left half way is dropped again.
            del self._held[key]

    def bring(self, name: str, component: object) -> None:
        """Put a component on the device."""
        self._held[id(component)] = (name, component)
        self.memory.bring(name, component)

    def prefetch(self, name: str, component: object, key: Hashable, beside: int = 0) -> None:
        """Begin to put a component on the device during a step, if there is room for it beside so many bytes."""
        capacity = self.capacity(key)
        room = None if capacity is None else capacity - beside - self.memory.resident
        # Nothing is dropped for a prefetch: the current step may need what would go.
        if id(component) not in self._held and (room is None or placed_bytes(component) <= room):
            self.memory.prefetch(name, component)
            if self.memory.size_of(id(component)) is not None:  # a device without a stream of its own waits for the use
                self._held[id(component)] = (name, component)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have the device for one run: see `DeviceRuns`."""
        try:
            with self.runs.taken():
                yield
        finally:
            self.settle()

    def forget(self, component: object) -> None:
        """Take a component off the device, because it is removed: at once, or when the run that goes on is over.

        It never waits: whoever removes may hold what that run needs to go on, such as the lock of a load.
        """
        self._leaving.append(component)
        self.settle()

    def settle(self) -> None:
        """Let go of what was forgotten while a run went on, if none does now."""
        # Noted first and looked at after the lock was let go of, too, so that nothing is left between the two.
        while self._may_leave() and self.runs.lock.acquire(blocking=False):
            try:
                for component in self._may_leave():
                    self._leaving.remove(component)
                    if id(component) in self._held:
                        self.memory.drop(*self._held[id(component)])
                        del self._held[id(component)]
            finally:
                self.runs.lock.release()

    def _may_leave(self) -> list[Any]:
        """Return what was removed and no run computes with: also not one that waits, or that called who removed it."""
        used = self.runs.used
        return [each for each in [*self._leaving] if id(each) not in used]

    def measure(self, key: Hashable, values: int, apart: int = 0) -> None:
        """Note what a step needed beside components.

        Args:
            values: bytes of the run's values; they count where the memory itself cannot say what was taken. apart: bytes
                that are known of already, though no component of the memory takes them.
        """
        self.note(key, max(values, self.memory.workspace() - apart))

    def note(self, key: Hashable, size: int) -> None:
        """Note bytes that a step needs beside components."""
        self.measured.setdefault(key, deque(maxlen=_REMEMBERED)).append(size)

    def starved(self, key: Hashable, components: int) -> None:
        """Note that memory ran out in a step: beside its own components nothing may stay from now on."""
        if self.budget is not None:
            self.note(key, max(0, self.budget - components))

    def refuse_too_large(self, needs: Iterable[Need]) -> None:
        """Raise ComponentError if components of steps alone need more than there is; it names the smallest budget that serves them all."""
        limit = self.limit
        over = [need for need in needs if limit is not None and need.total > limit]
        if not over:
            return
        enough = max(need.total for need in over) + self.reserve
        kept = f", of which {byte_words(self.reserve)} stay free (memory_reserve_margin)" if self.reserve else ""
        faults = []
        for need in over:
            parts = ", ".join(
                f"{name} {byte_words(size)}{' layer by layer' if name in need.layered else ''}"
                for name, size in need.sizes.items()
            )
            faults.append(
                f"{need.path} needs {byte_words(need.total)} of components at once ({parts}), values and workspace not counted; the budget"
                f"{self.label} is {byte_words(self.budget or 0)}{kept}."
            )
        advice = f"Raise the budget{self.label} to {enough_words(enough)}, load in a smaller dtype, or quantize."
        faults[-1] += " ".join(["", advice, *sorted({hint for need in over for hint in need.hints})])
        raise ComponentError.of("A step needs more than the budget", faults)
