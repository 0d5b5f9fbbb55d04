"""Brings components where a run needs them, when it needs them, by the plan of the whole run."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from attrs import frozen

from ...registry.devices.component_bytes import component_bytes
from ...registry.devices.group_offload import largest_part, onload_device
from ...registry.devices.placement import Need, Placement
from ...registry.loading.weights import byte_words
from ...state import ComponentError
from ..events import ComponentFreed, ComponentMoved, Emit
from ..memory import tensor_bytes
from ..nodes import BlockNode, ChoiceNode, LoopNode, Node, Values
from .eviction import best_schedule
from .out_of_memory import is_out_of_memory


@frozen
class Use:
    """One step, or a whole loop whose components fit together.

    Attributes:
        names: components that it computes with. configs: those of which it reads the configuration only.
    """

    path: str
    names: frozenset[str]
    configs: frozenset[str] = frozenset()


@frozen
class Foreseen:
    """What is expected of a step.

    Attributes:
        names: components that are there during it. components: their bytes. beside: bytes of values and workspace, as far as
            they were measured. device: where it computes, if there are several.
    """

    path: str
    names: frozenset[str]
    components: int
    beside: int
    device: str = ""

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.components + self.beside


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


def _is_grouped(name: str, component: Any, placement: Placement) -> bool:
    """Return whether diffusers brings a component's layers one after another; the placement lets it go then.

    Raises:
        ComponentError: it brings them to another device.
    """
    there = onload_device(component)
    if there is None:
        return False
    import torch

    here = torch.device(placement.memory.device)
    if there.type != here.type or (None not in (there.index, here.index) and there.index != here.index):
        raise ComponentError(
            f"diffusers brings the layers of {name!r} to {there} (group offloading), and the manager places components on {here}. Use "
            f'one device: pipe.{name}.enable_group_offload(onload_device="{here}", ...).'
        )
    placement.forget(component)
    return True


_COUNTS = frozenset(
    {"height", "width", "num_frames", "batch_size", "num_images_per_prompt", "num_images", "max_sequence_length"}
)


def asked_sizes(values: Mapping[str, Any]) -> Hashable:
    """Return what of a run's inputs says how large its tensors are: numbers by name, shapes, sizes of images, counts."""
    found = []
    for name, value in sorted(values.items()):
        # Pillow's images say a size, tensors and arrays a shape.
        shape = getattr(value, "size" if hasattr(value, "getbands") else "shape", None)
        if shape is None and isinstance(value, (list, tuple)):
            shape = (len(value), *(asked_sizes({"": each}) for each in value[:1]))
        if shape is None and name in _COUNTS:
            shape = (value,)
        if shape is not None:
            found.append((name, tuple(shape)))
    return tuple(found)


def composition_key(components: Mapping[str, int], sizes: Hashable) -> tuple[Hashable, ...]:
    """Return what measurements of steps are kept under, beside the path of a step.

    Args:
        components: name to bytes, of those on the device. sizes: see `asked_sizes`.
    """
    return tuple(sorted(components.items())), sizes


class PlannedResidency:
    """One run over a placement. What stays between two steps is planned over this run and the next one like it.

    What steps need beside components is known by composition, block and the sizes that the run was asked for: of another
    pipeline, or of a larger image, it says nothing.

    Args:
        count: from the values of a run to the bytes that they take on the device.
    """

    devices: Mapping[str, Any] = MappingProxyType({})

    def __init__(
        self,
        steps: Sequence[Node],
        components: Mapping[str, Any],
        placement: Placement,
        emit: Emit | None = None,
        sizes: Hashable = (),
        count: Callable[[Iterable[Any]], int] = tensor_bytes,
    ) -> None:
        self._emit = emit
        self._count = count
        models = {name: each for name, each in components.items() if hasattr(each, "parameters")}
        self._in_groups = {
            name: largest_part(each) for name, each in models.items() if _is_grouped(name, each, placement)
        }
        self._components = {name: each for name, each in models.items() if name not in self._in_groups}
        placement.memory.refuse(self._components)
        self._placement = placement
        self._sizes = {name: component_bytes(component) for name, component in self._components.items()}
        self._run = composition_key(self._sizes, sizes)
        known = self._components.keys()
        found = list(uses_of(steps, self._fits))
        self._apart = [self._grouped(use.names) for use in found]
        self._uses = [Use(use.path, use.names & known) for use in found]
        # Before the run begins: a component that never fits would fail after minutes of computing.
        placement.refuse_too_large(self._need(use) for use in found)
        self._index = {use.path: position for position, use in enumerate(self._uses)}
        self._keep = self._planned()
        self._running: int | None = None

    def _need(self, use: Use) -> Need:
        sizes = {**self._sizes, **self._in_groups}
        key = self._key(use.path)
        room = self._placement.capacity(key)
        large = [name for name in use.names & self._sizes.keys() if room is not None and self._sizes[name] > room]
        return Need(
            use.path,
            key,
            {name: sizes[name] for name in sorted(use.names & sizes.keys())},
            self._together(use.names) + self._grouped(use.names),
            tuple(name for name in large if getattr(self._components[name], "_supports_group_offloading", False)),
        )

    def _grouped(self, names: Iterable[str]) -> int:
        """Return the bytes that components take of which diffusers brings the layers one after another."""
        return sum(self._in_groups.get(name, 0) for name in names)

    def _capacity(self, position: int) -> int | None:
        capacity = self._placement.capacity(self._key(self._uses[position].path))
        return None if capacity is None else max(0, capacity - self._apart[position])

    def _key(self, path: str) -> Hashable:
        return *self._run, path

    def _together(self, names: Iterable[str]) -> int:
        """Return the bytes of several components, of which shared weights count once."""
        return component_bytes(*(self._components[name] for name in names if name in self._components))

    def foreseen(self) -> Iterator[Foreseen]:
        """Yield what is expected of each step that computes with models, in order; within a run it is what was planned for it."""
        for position, use in enumerate(self._uses):
            if not use.names and not self._apart[position]:
                continue
            kept = self._needed(position) | self._keep[position]
            there = {id(each): each for each in self._components.values()}
            sizes = sum(self._placement.size_of(key) for key in kept - there.keys())
            sizes += component_bytes(*(there[key] for key in kept & there.keys()))
            names = frozenset(name for name, each in self._components.items() if id(each) in kept) | use.names
            beside = self._placement.needed(self._key(use.path)) + self._apart[position]
            yield Foreseen(use.path, names, sizes, beside)

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
        # Only now: the peak of a step holds what it computes with, and nothing that had to leave for it.
        self._placement.memory.begin()
        self._bring_ahead(position)
        self._tell(before)
        self._running = position
        try:
            yield
        finally:
            self._running = None
        # Not in the `finally`: what a failed step needed says nothing of the next one.
        self._placement.measure(self._key(path), self._count(values.values()), self._apart[position])

    @property
    def has_room_to_make(self) -> bool:
        """Whether anything is on the device that the running step does not need."""
        return self._running is not None and not self._placement.resident.keys() <= self._needed(self._running)

    def make_room(self) -> None:
        """Let everything leave but what the running step needs, now and in later runs like this one."""
        position = self._running
        assert position is not None
        before = self._placement.resident
        self._starve(position)
        # A budget that was found may be less than another process has left by now.
        self._keep[position] = frozenset(self._needed(position))
        self._placement.memory.begin()
        self._tell(before)

    def _starve(self, position: int) -> None:
        """Let everything leave but what a step needs, and note that nothing may stay beside it."""
        use = self._uses[position]
        self._placement.keep_only(self._needed(position))
        self._placement.starved(self._key(use.path), self._together(use.names))
        self._placement.memory.release()

    def _needed(self, position: int) -> set[int]:
        return {id(self._components[name]) for name in self._uses[position].names}

    def _following(self, position: int) -> frozenset[str]:
        """Return what is needed next. After the last use comes the first: pipelines are called again and again."""
        later = (self._uses[(position + far) % len(self._uses)].names for far in range(1, len(self._uses) + 1))
        # Steps without models take no time to speak of, and hide no copy.
        return next((names for names in later if names), frozenset())

    def _kept(self, position: int) -> set[int]:
        """Return what stays for a step: what it needs, what the plan keeps, and what was brought ahead, if there is room."""
        kept = self._needed(position) | self._keep[position]
        ahead = {id(self._components[name]) for name in self._following(position)} & self._placement.resident.keys()
        capacity = self._capacity(position)
        sizes = {id(component): self._sizes[name] for name, component in self._components.items()}
        total = sum(sizes.get(key, self._placement.size_of(key)) for key in kept | ahead)
        return kept | ahead if capacity is None or total <= capacity else kept

    def _bring_ahead(self, position: int) -> None:
        key = self._key(self._uses[position].path)
        for name in sorted(self._following(position)):
            try:
                self._placement.prefetch(name, self._components[name], key, self._apart[position])
            except RuntimeError as error:
                # Nobody asked for it yet: it is brought when it is needed, and something leaves for it then.
                if not is_out_of_memory(error):
                    raise

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
        needed = self._needed(position)
        if placement.strategy is None:
            placement.keep_only(self._kept(position))
        else:
            self._ask_strategy(position, needed)
        try:
            for name in sorted(need):
                placement.bring(name, self._components[name])
        except RuntimeError as error:
            if not is_out_of_memory(error) or placement.resident.keys() <= needed:
                raise
            self._starve(position)
            for name in sorted(need):
                placement.bring(name, self._components[name])

    def _ask_strategy(self, position: int, needed: set[int]) -> None:
        placement = self._placement
        assert placement.strategy is not None
        others = {key: name for key, name in placement.resident.items() if key not in needed}
        missing = sum(
            self._sizes[n] for n in self._uses[position].names if id(self._components[n]) not in placement.resident
        )
        capacity = self._capacity(position)
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
        capacity = self._placement.capacity(self._key(path))
        return capacity is None or self._together(names) + self._grouped(names) <= capacity

    def _planned(self) -> list[frozenset[int]]:
        """Return, for each use, what is worth keeping, by identity: components of other pipelines count as never used
        again.
        """
        placement = self._placement
        found = map(self._capacity, range(len(self._uses)))
        capacities = [capacity for capacity in found if capacity is not None]
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
