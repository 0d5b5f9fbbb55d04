"""Which components are on the device now, within a budget: one for all pipelines of a manager."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, field

from ...state import ComponentError
from ..loading.weights import byte_words
from .component_bytes import component_bytes
from .device_memory import DeviceMemory

Strategy = Callable[[Mapping[str, int], int, Mapping[str, int]], Iterable[str]]
"""Your own rule of what goes: from the bytes of each component that may go, the bytes that are short, and for each how
many uses away its next use is, to the names that go."""


@define(eq=False)
class Placement:
    """Knows what is on the device.

    Attributes:
        memory: does the moving. budget: bytes for components, values and workspace together; None knows no limit.
        reserve: bytes for values and workspace, at least. measured: what steps needed of them so far, by path.
        strategy: a rule of your own; None plans over the whole run.
    """

    memory: DeviceMemory
    budget: int | None = None
    reserve: int = 0
    strategy: Strategy | None = None
    measured: dict[str, int] = field(factory=dict)
    lock: threading.RLock = field(factory=threading.RLock, repr=False)
    _held: dict[int, tuple[str, Any]] = field(factory=dict, repr=False)

    def capacity(self, path: str) -> int | None:
        """Return bytes that components may take during a step; None knows no limit."""
        return None if self.budget is None else max(0, self.budget - max(self.reserve, self.measured.get(path, 0)))

    @property
    def resident(self) -> dict[int, str]:
        """Components that are on the device: identity to name."""
        return {key: name for key, (name, _) in self._held.items()}

    def size_of(self, key: int) -> int:
        """Return the bytes of a component on the device."""
        return self.memory.size_of(key) or 0

    def keep_only(self, keys: Iterable[int]) -> None:
        """Drop all others."""
        for key in self._held.keys() - set(keys):
            name, component = self._held.pop(key)
            self.memory.drop(name, component)

    def bring(self, name: str, component: object) -> None:
        """Put a component on the device."""
        self._held[id(component)] = (name, component)
        self.memory.bring(name, component)

    def prefetch(self, name: str, component: object, path: str) -> None:
        """Begin to put a component on the device during a step, if there is room for it."""
        capacity = self.capacity(path)
        room = None if capacity is None else capacity - self.memory.resident
        # Nothing is dropped for a prefetch: the current step may need what would go.
        if id(component) not in self._held and (room is None or component_bytes(component) <= room):
            self.memory.prefetch(name, component)
            if self.memory.size_of(id(component)) is not None:  # a device without a stream of its own waits for the use
                self._held[id(component)] = (name, component)

    def forget(self, component: object) -> None:
        """Take a component off the device, because it is removed."""
        with self.lock:
            if id(component) in self._held:
                name, _ = self._held.pop(id(component))
                self.memory.drop(name, component)

    def measure(self, path: str, values: int) -> None:
        """Note what a step needed beside components."""
        self.measured[path] = max(self.measured.get(path, 0), values + self.memory.workspace())

    def refuse_too_large(self, path: str, sizes: Mapping[str, int]) -> None:
        """Raise ComponentError if one step alone needs more than there is."""
        total, capacity = sum(sizes.values()), self.capacity(path)
        if capacity is None or total <= capacity:
            return
        parts = ", ".join(f"{name} {byte_words(size)}" for name, size in sizes.items())
        raise ComponentError(
            f"{path} needs {byte_words(total)} of components at once ({parts}); of the budget of "
            f"{byte_words(self.budget or 0)}, {byte_words(capacity)} are left for components beside values and workspace. "
            f"Raise the budget to {byte_words(total + (self.budget or 0) - capacity)}, load in a smaller dtype, or quantize."
        )
