"""A memory of what steps gave, with a budget in bytes. What is cheap to redo for its size goes first."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from enum import Enum
from typing import Any

from attrs import define, field, frozen

from ..registry.loading.weights import byte_words
from ..state import InputError
from ..state.classes.class_arguments import NamesArguments
from ..state.errors import named_thing
from .memory import device_bytes

# In decimal gigabytes, as messages and drives count them.
DEFAULT_BYTES = 2 * 10**9


class _AsItIs(Enum):
    """Stands for an attribute of a component that a step has left as it was."""

    AS_IT_IS = "as it is"


AS_IT_IS = _AsItIs.AS_IT_IS


@frozen(eq=False)
class Entry:
    """Keeps what a step did.

    Attributes:
        values: what it wrote. removed: names that it took away. groups: names that it added to groups of the state.
        states: components that it changed, by name, as they were after it; configuration and notes that are still the same
            are `AS_IT_IS`. generators: states of the random generators that it read, after it.
        digests: of the values. seconds: that it took. bytes: that this holds.
        witness: what the blocks inside gave, where the run kept account of it. said: what was said of it, as `Run.said` has it.
    """

    values: Mapping[str, Any]
    removed: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    states: Mapping[str, Mapping[str, Any]]
    generators: tuple[Any, ...]
    digests: Mapping[str, str]
    seconds: float
    bytes: int
    witness: tuple[Any, ...] | None = None
    said: tuple[tuple[str, str, bool], ...] = ()


@define(eq=False)
class MemoryCache(NamesArguments):
    """Results of steps, shared by the pipelines and threads that it is given to.

    `pipe.configure(cache=MemoryCache())`. A step whose code, settings, inputs, components and random state are as they were
    is not run again. What goes when the budget is used up is chosen by GreedyDual-Size (Cao and Irani 1997, "Cost-Aware WWW
    Proxy Caching Algorithms"): the seconds that an entry saves per byte, and how long ago it was used.

    Attributes:
        max_bytes: budget. steps: also remember every iteration of loops, so that runs which share their first iterations redo only
            the rest; see `pipe.branch`.
        hits, misses: since it was made. bytes: in use.
    """

    max_bytes: int = field(default=DEFAULT_BYTES)
    steps: bool = False
    hits: int = field(default=0, init=False)
    misses: int = field(default=0, init=False)
    bytes: int = field(default=0, init=False)
    seconds_saved: float = field(default=0.0, init=False)
    _entries: dict[str, Entry] = field(factory=dict, init=False, repr=False)
    _worth: dict[str, float] = field(factory=dict, init=False, repr=False)
    # Asked for in every step, so counted once.
    _on_devices: dict[str, int] = field(factory=dict, init=False, repr=False)
    _age: float = field(default=0.0, init=False, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    @max_bytes.validator
    def _check(self, _attribute: object, value: int) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputError(f"max_bytes is {named_thing(value)}; it is a whole number of bytes.")
        if value <= 0:
            raise InputError(f"max_bytes is {value}; a cache needs room. configure(cache=None) turns it off.")

    # Several pipelines and threads share one cache, and each change touches three fields that belong together: hence
    # the lock.
    def find(self, key: str) -> Entry | None:
        """Return an entry; `count` says what became of it."""
        with self._lock:
            return self._entries.get(key)

    def count(self, key: str, entry: Entry | None) -> None:
        """Count a hit, or a miss (None). An entry that was not usable is forgotten."""
        with self._lock:
            if entry is None:
                self.misses += 1
                # An entry that was found and could not be used would be found again at every run.
                self._forget(key)
                return
            self.hits += 1
            self.seconds_saved += entry.seconds
            # Another thread may have let go of it between `find` and here.
            if key in self._entries:
                self._worth[key] = self._worth_of(entry)

    def put(self, key: str, entry: Entry) -> None:
        """Keep an entry, and let others go for it; one that is larger than the whole budget is not kept."""
        with self._lock:
            self._forget(key)
            if entry.bytes > self.max_bytes:
                return
            while self.bytes + entry.bytes > self.max_bytes:
                cheapest = min(self._worth, key=self._worth.__getitem__)
                # GreedyDual-Size raises the age to the worth of what goes, instead of lowering that of all that stay:
                # an entry that is not used again falls behind without being touched.
                self._age = self._worth[cheapest]
                self._forget(cheapest)
            self._entries[key] = entry
            if size := device_bytes([entry.values, entry.states]):
                self._on_devices[key] = size
            self._worth[key] = self._worth_of(entry)
            self.bytes += entry.bytes

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._worth.clear()
            self._on_devices.clear()
            self.bytes = 0

    @property
    def device_bytes(self) -> int:
        """Bytes of devices' memories that entries hold."""
        return sum([*self._on_devices.values()])

    def leave_devices(self) -> int:
        """Forget the entries that hold memory of a device, because a run needs it, and return how many bytes those were."""
        with self._lock:
            freed = self.device_bytes
            for key in [*self._on_devices]:
                self._forget(key)
            return freed

    def _worth_of(self, entry: Entry) -> float:
        # A result without bytes, such as a step that only changes a scheduler, is worth its seconds.
        return self._age + entry.seconds / max(entry.bytes, 1)

    def _forget(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        self._worth.pop(key, None)
        self._on_devices.pop(key, None)
        if entry is not None:
            self.bytes -= entry.bytes

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        used = f"{byte_words(self.bytes)} of {byte_words(self.max_bytes)}"
        return (
            f"MemoryCache({len(self)} entries, {used}, {self.hits} hits, {self.misses} misses, "
            f"{self.seconds_saved:.1f} s saved{', with steps' if self.steps else ''})"
        )


def cache_of(given: object) -> MemoryCache | None:
    """Make the setting `cache` of what a person gives: None or "off", "memory", or a cache.

    Raises:
        InputError: it is something else.
    """
    if given is None or isinstance(given, MemoryCache):
        return given
    if given == "off":
        return None
    if given == "memory":
        return MemoryCache()
    raise InputError(
        f"cache={given!r}: it is 'off', 'memory', a MemoryCache(max_bytes=..., steps=...), or a DiskCache(folder)."
    )
