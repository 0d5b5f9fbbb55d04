"""Loads components where a run first needs them, and frees them after their last use where that was asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from ..events import ComponentFreed, ComponentLoaded, Emit
from ..nodes import Node, Values
from .uses import Use, uses_of

if TYPE_CHECKING:
    from ..isolation import RunComponents


class Loader(Protocol):
    """Loads components for a run."""

    def load(self, name: str) -> Any:
        """Return the component."""
        ...

    def load_config(self, name: str) -> Any:
        """Return what has the component's configuration, and no weights if that can be had."""
        ...


class LoadedResidency:
    """Loads components at their first use; with `releases`, frees each after its last one."""

    def __init__(
        self,
        steps: Sequence[Node],
        components: RunComponents,
        loader: Loader,
        releases: bool,
        emit: Emit | None = None,
    ) -> None:
        self._emit = emit
        self._components = components
        self._loader = loader
        self._releases = releases
        self._uses = {use.path: use for use in uses_of(steps, lambda *_: True)}
        # Later uses replace earlier ones, so the last stays.
        self._last: dict[str, str] = {name: path for path, use in self._uses.items() for name in use.names}
        self._own: set[str] = set()

    devices: Mapping[str, Any] = MappingProxyType({})

    def has_room_to_make(self, names: Collection[str]) -> bool:  # noqa: ARG002 - the protocol gives it
        """Return False: what is loaded is in use."""
        return False

    def make_room(self, names: Collection[str]) -> None:
        """Do nothing, as there is none to make."""

    def make_ready(self, names: Collection[str]) -> None:
        """Do nothing, as nothing has left."""

    def is_over(self, path: str) -> bool:
        """Return whether components may be freed after the step."""
        return self._releases and path in self._uses

    def release(self) -> None:
        """Free what was loaded for this run."""
        for name in self._own if self._releases else ():
            self._components.take_out(name)

    @contextmanager
    def during(self, path: str, values: Values) -> Iterator[None]:  # noqa: ARG002 - the protocol gives them
        """Load what the step needs and is not there; free it if no later step does."""
        use = self._uses.get(path, Use(path, frozenset()))
        for name in sorted(use.names):
            if self._components.is_absent(name):
                started = perf_counter()
                self._components.put(name, self._loader.load(name))
                self._own.add(name)
                if self._emit is not None:
                    self._emit(ComponentLoaded(name, perf_counter() - started))
        skeletons = [name for name in sorted(use.configs) if self._components.is_absent(name)]
        for name in skeletons:
            self._components.put(name, self._loader.load_config(name))
        try:
            yield
        finally:
            for name in skeletons:
                self._components.take_out(name)
            for name in use.names & self._own if self._releases else ():
                # Only components of this run: those that the pipeline holds were loaded by the caller, who wants them
                # to stay.
                if self._last[name] == path:
                    self._components.take_out(name)
                    self._own.discard(name)
                    if self._emit is not None:
                        self._emit(ComponentFreed(name))
