"""Brings components where a run needs them, when it needs them, by the plan of the whole run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from ...registry.devices.group_offload import comes_in_groups, largest_part
from ...registry.devices.moved_tensors import held_tensors, placed_bytes
from ...registry.devices.placement import Need, Placement
from ...registry.loading.weights import byte_words
from ...state import ComponentError
from ..events import ComponentFreed, ComponentMoved, Emit
from ..memory import tensor_bytes
from ..nodes import Node, Values
from .eviction import best_schedule, chosen_to_go
from .foreseen import Foreseen
from .layer_residency import LayerResidency, hints_of_layers, least_of_layers
from .out_of_memory import is_out_of_memory
from .uses import ITERATIONS, Use, composition_key, needed_whole, uses_of


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
            name: largest_part(each) for name, each in models.items() if comes_in_groups(name, each, placement.device)
        }
        self._grouped_models = [models[name] for name in self._in_groups]
        self._components = {name: each for name, each in models.items() if name not in self._in_groups}
        placement.memory.refuse(self._components)
        self._placement = placement
        self._sizes = {name: placed_bytes(component) for name, component in self._components.items()}
        self._run = composition_key(self._sizes, sizes)
        self._least: dict[str, int] = {}
        self._whole = needed_whole(steps, models)
        needs = [self._need(use) for use in uses_of(steps, self._fits)]
        self._least = least_of_layers(needs, self._components, placement, self._whole)
        self._layers = LayerResidency(self._components, self._least, placement.memory)
        self._all = list(self._components.values())
        # Only what comes as a whole is planned over the run.
        self._components = {name: each for name, each in self._components.items() if name not in self._least}
        self._sizes = {name: self._sizes[name] for name in self._components}
        found = list(uses_of(steps, self._fits))
        # Before the run begins: a component that never fits would fail after minutes of computing.
        placement.refuse_too_large(self._need(use) for use in found)
        self._layering = [self._layers.within(use.names & self._least.keys(), self._left(use)) for use in found]
        self._apart = [
            self._grouped(use.names - self._least.keys()) + sum(each.size for each in layers.values())
            for use, layers in zip(found, self._layering, strict=True)
        ]
        self._asked = [use.names for use in found]
        self._uses = [Use(use.path, use.names & self._components.keys()) for use in found]
        self._index = {use.path: position for position, use in enumerate(self._uses)}
        self._keep = self._planned()
        self._running: int | None = None
        # Whether the peak of the running step says nothing of it, and whether the blocks of the running loop take turns.
        self._is_disturbed = self._is_opened = False
        self._names: Collection[str] = ()

    def begin(self) -> None:
        """Take the placement's device for this run; components that are replaced meanwhile stay for it."""
        self._placement.runs.begin(self._all, self._make_way, self._go_on)
        for component in self._grouped_models:
            self._placement.forget(component)

    def _make_way(self) -> None:
        """Take off what no other run could: the parts of models that come layer by layer."""
        self._layers.pause()

    def _go_on(self) -> None:
        """Have on the device what the running step needs, after another run had it in the middle of the step."""
        if self._placement.is_over:
            raise ComponentError(
                "While the run waited in the middle of a step, placement was turned off or on again. Begin the run anew."
            )
        if self._running is None:
            return
        self._is_disturbed = True
        if self._is_opened:
            self._bring_only(self._names)
        else:
            self._bring(self._running)

    def _need(self, use: Use) -> Need:
        sizes = {**self._sizes, **self._in_groups, **self._least}
        key = self._key(use.path)
        limit = self._placement.limit
        large = [
            name for name in use.names & self._components.keys() if limit is not None and self._sizes[name] > limit
        ]
        return Need(
            use.path,
            key,
            {name: sizes[name] for name in sorted(use.names & sizes.keys())},
            self._together(use.names) + self._grouped(use.names),
            hints_of_layers(large, self._components, self._placement, self._whole),
            frozenset(self._least),
        )

    def _left(self, use: Use) -> int:
        """Return the bytes that a step has for what comes layer by layer: at least what that takes in its smallest parts."""
        capacity = self._placement.capacity(self._key(use.path)) or 0
        left = capacity - self._together(use.names) - self._grouped(use.names - self._least.keys())
        return max(left, self._grouped(use.names & self._least.keys()))

    def _grouped(self, names: Iterable[str]) -> int:
        """Return the bytes that components take at least that come layer by layer, through diffusers or here."""
        return sum(self._in_groups.get(name, 0) + self._least.get(name, 0) for name in names)

    def _capacity(self, position: int) -> int | None:
        """Return the bytes that a step has for what comes as a whole: at least what it computes with."""
        use = self._uses[position]
        capacity = self._placement.capacity(self._key(use.path))
        return None if capacity is None else max(self._together(use.names), capacity - self._apart[position])

    def _key(self, path: str) -> Hashable:
        return *self._run, path

    def _together(self, names: Iterable[str]) -> int:
        """Return the bytes of several components, of which shared weights count once."""
        return placed_bytes(*(self._components[name] for name in names if name in self._components))

    def foreseen(self) -> Iterator[Foreseen]:
        """Yield what is expected of each step that computes with models, in order; within a run it is what was planned for it."""
        for position, use in enumerate(self._uses):
            layers = self._layering[position]
            if not use.names and not self._apart[position]:
                continue
            kept = self._needed(position) | self._keep[position]
            there = {id(each): each for each in self._components.values()}
            sizes = sum(self._placement.size_of(key) for key in kept - there.keys())
            sizes += placed_bytes(*(there[key] for key in kept & there.keys()))
            names = frozenset(name for name, each in self._components.items() if id(each) in kept) | use.names
            in_parts = sum(each.size for each in layers.values())
            beside = self._placement.needed(self._key(use.path)) + self._apart[position] - in_parts
            words = {name: str(each) for name, each in layers.items()}
            yield Foreseen(use.path, names | layers.keys(), sizes + in_parts, beside, words)

    def reads(self) -> Counter[int]:
        """Return how often a run reads each tensor from the host, by its identity; it is taken to be made again and again."""
        found: Counter[int] = Counter()
        for position, layers in enumerate(self._layering):
            before = (self._needed(position - 1) | self._keep[position - 1]) if len(self._uses) > 1 else self._needed(0)
            for name in self._uses[position].names:
                if id(self._components[name]) not in before:
                    found.update(id(held.tensor) for held in held_tensors(self._components[name]))
            for part in (part for each in layers.values() for part in each.parts):
                found.update({id(held.tensor): 1 if part.stays else ITERATIONS for held in held_tensors(part)})
        return found

    def is_over(self, path: str) -> bool:  # noqa: ARG002 - the protocol gives it
        """Return False: a component stays the same object on the device and off it."""
        return False

    def release(self) -> None:
        """Take every component off the device."""
        self._layers.close()
        self._layers.tell(self._emit)
        self._placement.keep_only(())

    @contextmanager
    def during(self, path: str, values: Values) -> Iterator[None]:
        """Bring what the step needs, after dropping what the plan lets go; then begin with what comes next."""
        position = self._index.get(path)
        if position is None:
            yield
            return
        before = self._placement.resident
        try:
            self._bring(position)
            # Only now: the peak of a step holds what it computes with, and nothing that had to leave for it.
            self._placement.memory.begin()
            self._bring_ahead(position)
            self._running, self._is_disturbed, self._is_opened = position, False, False
            # Within: while somebody looks at these events, another run may have the device.
            self._tell(before)
            yield
            # Not in the `finally`: what a failed step needed says nothing of the next one, and neither does a peak of two runs.
            if not self._is_disturbed:
                apart = sum(self._in_groups.get(name, 0) for name in self._asked[position]) + self._layers.gone
                self._placement.measure(self._key(path), self._count(values.values()), apart)
        except RuntimeError as error:
            self._layers.note_on(error)
            raise
        finally:
            self._running, self._is_opened = None, False
            layers = self._layers.close()
            self._layers.tell(self._emit)
        for traffic in layers:
            traffic.refuse_written()

    def has_room_to_make(self, names: Collection[str]) -> bool:
        """Return whether less can be on the device than there is, with which the running block computes."""
        if self._running is None:
            return False
        return self._layers.has_room_to_make or not self._placement.resident.keys() <= self._ids(names)

    def make_room(self, names: Collection[str]) -> None:
        """Let everything else leave; what is not of the running step leaves in later runs like this one, too.

        Where only other components of the same loop were there, the loop's blocks take turns in later runs.
        """
        position = self._running
        assert position is not None
        before, use = self._placement.resident, self._uses[position]
        is_alone = before.keys() <= self._needed(position)
        whole = self._together(use.names)
        # A byte less than its components need together says that they do not fit. What comes layer by layer has its least in any case: without
        # that no later run would be let begin.
        enough = whole - 1 if is_alone and whole else whole
        self._placement.starved(self._key(use.path), enough + self._grouped(self._asked[position]))
        # A budget that was found may be less than another process has left by now.
        self._keep[position] = frozenset(self._needed(position))
        self._is_disturbed = self._is_opened = not self._needed(position) <= self._ids(names)
        self._names = names
        self._placement.keep_only(self._ids(names))
        self._layers.make_room()
        self._placement.memory.release()
        self._placement.memory.begin()
        self._tell(before)

    def make_ready(self, names: Collection[str]) -> None:
        """Bring what a block computes with, where room was made for one before it in the same loop."""
        if self._is_opened:
            before, self._names = self._placement.resident, names
            self._bring_only(names)
            self._tell(before)

    def _bring_only(self, names: Collection[str]) -> None:
        self._placement.keep_only(self._ids(names))
        for name in sorted(self._components.keys() & names):
            self._placement.bring(name, self._components[name])

    def _ids(self, names: Collection[str]) -> set[int]:
        return {id(self._components[name]) for name in names if name in self._components}

    def _starve(self, position: int) -> None:
        """Let everything leave but what a step needs, and note that nothing may stay beside it."""
        use = self._uses[position]
        self._placement.keep_only(self._needed(position))
        self._layers.make_room()
        least = self._grouped(self._asked[position])
        self._placement.starved(self._key(use.path), self._together(use.names) + least)
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
        self._layers.tell(self._emit)
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
            self._layers.open(self._layering[position])
        except RuntimeError as error:
            if not is_out_of_memory(error) or (
                placement.resident.keys() <= needed and not self._layers.has_room_to_make
            ):
                raise
            self._starve(position)
            self._layers.close()
            for name in sorted(need):
                placement.bring(name, self._components[name])
            self._layers.open(self._layering[position], is_starved=True)

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
        sizes = {name: placement.size_of(key) for key, name in others.items()}
        going = chosen_to_go(placement.strategy(sizes, short, distance), sizes, self._uses[position].path)
        freed = sum(placement.size_of(key) for key, name in others.items() if name in going)
        if freed < short:
            raise ComponentError(
                f"{self._uses[position].path} lacks {byte_words(short)}, and the offload strategy chose "
                f"{', '.join(going) or 'nothing'} to go, which frees {byte_words(freed)}."
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
