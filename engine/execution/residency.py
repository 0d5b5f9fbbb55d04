"""Brings components where a run needs them, when it needs them, by the plan of the whole run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

from ...registry.devices.component_bytes import component_bytes
from ...registry.devices.placement import Placement
from ...registry.loading.weights import byte_words
from ...state import ComponentError
from ..events import ComponentFreed, ComponentLoaded, ComponentMoved, Emit
from ..memory import tensor_bytes
from ..nodes import BlockNode, ChoiceNode, LoopNode, Node, Values
from .eviction import best_schedule

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


@frozen
class Use:
    """One step, or a whole loop whose components fit together.

    Attributes:
        names: components that it computes with. configs: those of which it reads the configuration only.
    """

    path: str
    names: frozenset[str]
    configs: frozenset[str] = frozenset()


def uses_of(steps: Sequence[Node], fits: Callable[[str, frozenset[str]], bool]) -> Iterator[Use]:
    """Yield the uses of a plan in order. A loop is one use if its components fit together; else its steps are."""
    for step in steps:
        if isinstance(step, BlockNode):
            yield Use(step.path, step.weights, frozenset(step.config_only))
        elif isinstance(step, LoopNode):
            inner = list(uses_of(step.body, fits))
            own = frozenset(step.components)
            together = own.union(*(use.names for use in inner))
            if fits(step.path, together):
                configs = frozenset().union(*(use.configs for use in inner))
                yield Use(step.path, together, configs - together)
            else:
                yield from (Use(use.path, use.names | own, use.configs - own) for use in inner)
        elif isinstance(step, ChoiceNode):
            # All branches count, because which one runs is not known when the plan is made.
            for branch in step.branches.values():
                yield from uses_of(branch, fits)


class PlannedResidency:
    """One run over a placement. What stays between two steps is planned over this run and the next one like it."""

    def __init__(
        self, steps: Sequence[Node], components: Mapping[str, Any], placement: Placement, emit: Emit | None = None
    ) -> None:
        self._emit = emit
        self._components = {name: each for name, each in components.items() if hasattr(each, "parameters")}
        self._placement = placement
        self._sizes = {name: component_bytes(component) for name, component in self._components.items()}
        known = self._components.keys()
        self._uses = [Use(use.path, use.names & known) for use in uses_of(steps, self._fits)]
        # Before the run begins: a component that never fits would fail after minutes of computing.
        for use in self._uses:
            placement.refuse_too_large(use.path, {name: self._sizes[name] for name in sorted(use.names)})
        self._index = {use.path: position for position, use in enumerate(self._uses)}
        self._keep = self._planned()

    def is_over(self, path: str) -> bool:  # noqa: ARG002 - the protocol gives it
        """Return False: a component stays the same object on the device and off it."""
        return False

    def release(self) -> None:
        """Take every component off the device."""
        self._placement.keep_only(())

    @contextmanager
    def during(self, path: str, values: Values) -> Iterator[None]:
        """Bring what the step needs, after dropping what the plan lets go; then begin with what comes next."""
        position = self._index.get(path)
        if position is None:
            yield
            return
        before = self._placement.resident
        self._bring(position)
        self._tell(before)
        yield
        # Not in a `finally`: what a failed step needed says nothing of the next one.
        self._placement.measure(path, tensor_bytes(values.values()))
        # After the last use comes the first: pipelines are called again and again.
        following = self._uses[(position + 1) % len(self._uses)]
        before = self._placement.resident
        for name in sorted(following.names):
            self._placement.prefetch(name, self._components[name], path)
        self._tell(before)

    def _tell(self, before: Mapping[int, str]) -> None:
        if self._emit is None:
            return
        now = self._placement.resident
        for key in before.keys() - now.keys():
            self._emit(ComponentFreed(before[key]))
        for key in now.keys() - before.keys():
            self._emit(ComponentMoved(now[key], self._placement.size_of(key)))

    def _bring(self, position: int) -> None:
        placement, need = self._placement, self._uses[position].names
        needed = {id(self._components[name]) for name in need}
        if placement.strategy is None:
            placement.keep_only(needed | self._keep[position])
        else:
            self._ask_strategy(position, needed)
        for name in sorted(need):
            placement.bring(name, self._components[name])

    def _ask_strategy(self, position: int, needed: set[int]) -> None:
        placement = self._placement
        assert placement.strategy is not None
        others = {key: name for key, name in placement.resident.items() if key not in needed}
        missing = sum(
            self._sizes[n] for n in self._uses[position].names if id(self._components[n]) not in placement.resident
        )
        capacity = placement.capacity(self._uses[position].path)
        # A device without a known limit, such as the host, takes everything.
        if capacity is None:
            return
        short = placement.memory.resident + missing - capacity
        if short <= 0:
            return
        distance = {name: self._distance(name, position) for name in others.values()}
        going = set(placement.strategy({name: placement.size_of(key) for key, name in others.items()}, short, distance))
        freed = sum(placement.size_of(key) for key, name in others.items() if name in going)
        if freed < short:
            raise ComponentError(
                f"{self._uses[position].path} lacks {byte_words(short)}, and the offload strategy chose "
                f"{', '.join(sorted(going)) or 'nothing'} to go, which frees {byte_words(freed)}."
            )
        placement.keep_only(needed | {key for key, name in others.items() if name not in going})

    def _distance(self, name: str, position: int) -> int:
        """Return how many uses away the next use of a component is; the run is taken to be repeated."""
        count = len(self._uses)
        # A component that this run does not use is further away than any that it uses.
        return next((d for d in range(1, count + 1) if name in self._uses[(position + d) % count].names), 2 * count)

    def _fits(self, path: str, names: frozenset[str]) -> bool:
        capacity = self._placement.capacity(path)
        return capacity is None or sum(self._sizes.get(name, 0) for name in names) <= capacity

    def _planned(self) -> list[frozenset[int]]:
        """Return, for each use, what is worth keeping, by identity: components of other pipelines count as never used
        again.
        """
        placement = self._placement
        capacities = [capacity for use in self._uses if (capacity := placement.capacity(use.path)) is not None]
        if not capacities:
            everything = frozenset(placement.resident) | {id(component) for component in self._components.values()}
            return [everything] * len(self._uses)
        keys = {name: id(component) for name, component in self._components.items()}
        sizes = {keys[name]: size for name, size in self._sizes.items()}
        resident = frozenset(placement.resident)
        sizes |= {key: placement.size_of(key) for key in resident}
        uses = [frozenset(keys[name] for name in use.names) for use in self._uses]
        # Twice in a row, of which the first is taken: what the next run needs is then worth keeping at the end of
        # this one.
        twice = best_schedule([*uses, *uses], sizes, [*capacities, *capacities], resident)
        return twice[: len(uses)]


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
