"""One run over several devices: each brings its components, and values are lent to the step that reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from attrs import evolve

from ...registry.devices.several_placements import SeveralPlacements
from ...state import ComponentError
from ..events import Emit
from ..nodes import BlockNode, LoopNode, Node, Values, all_nodes, leaves
from .foreseen import Foreseen
from .moved_values import MovedValues
from .residency import PlannedResidency
from .step_devices import devices_of_steps, refuse_shared_weights


class SeveralResidency:
    """One run over several placements, of which each plans for the components that are on its device.

    Attributes:
        of: component to the name of its device. devices: where each step computes, by path.

    Args:
        devices: component to the name of its device.

    Raises:
        ComponentError: a step uses models of two devices, models of two devices share weights, or a step needs more than its
            device has.
    """

    def __init__(
        self,
        steps: Sequence[Node],
        components: Mapping[str, Any],
        placements: SeveralPlacements,
        devices: Mapping[str, str],
        emit: Emit | None = None,
        sizes: Hashable = (),
    ) -> None:
        self.of = devices
        self._at = devices_of_steps(steps, devices, placements.choice.main)
        refuse_shared_weights({name: components[name] for name in devices}, devices)
        self._placements = placements
        there = {name: each.device for name, each in placements.each.items()}
        self.devices = {path: there[name] for path, name in self._at.items()}
        of_host = (
            param.name for leaf in leaves(steps) if self.devices[leaf.path].type == "cpu" for param in leaf.writes
        )
        self._moved = MovedValues(there.values(), of_host)
        self._each: dict[str, PlannedResidency] = {}
        faults: list[str] = []
        for name, placement in placements.each.items():
            own = {key: components[key] for key, device in devices.items() if device == name}
            count = partial(self._moved.bytes_on, there[name])
            try:
                self._each[name] = PlannedResidency(steps, own, placement, emit, sizes, count)
            except ComponentError as error:
                faults += error.faults or [str(error)]
        if faults:
            raise ComponentError.of("Steps do not fit their devices", faults)
        self._assigned = {id(components[key]): name for key, name in devices.items()}
        self._nodes = {node.path: node for node in all_nodes(steps)}
        mutated = {name for node in self._nodes.values() for name in getattr(node, "mutates", ())}
        self._states = {name: components[name] for name in mutated if components.get(name) is not None}
        self._running: list[str] = []

    def begin(self) -> None:
        """Take the devices for this run; components that are replaced meanwhile stay for it."""
        # First of all: another run, which had the devices in the middle of a step, may have had a model elsewhere.
        self._placements.runs.begin((), lambda: None, self._leave_others)
        for residency in self._each.values():
            residency.begin()

    def _leave_others(self) -> None:
        """Let what an earlier run had elsewhere leave there: a model is on one device at a time."""
        self._placements.leave_others(self._assigned)

    def foreseen(self) -> Iterator[Foreseen]:
        """Yield what is expected of each step that computes with models, in order of the steps, with its device; a loop may have several."""
        order = {path: index for index, path in enumerate(self._nodes)}
        found = [evolve(each, device=name) for name, residency in self._each.items() for each in residency.foreseen()]
        yield from sorted(found, key=lambda each: order[each.path])

    def reads(self) -> Counter[int]:
        """Return how often a run reads each tensor from the host: see `PlannedResidency`."""
        found: Counter[int] = Counter()
        for residency in self._each.values():
            found += residency.reads()
        return found

    def is_over(self, path: str) -> bool:  # noqa: ARG002 - the protocol gives it
        """Return False: a component stays the same object on the device and off it."""
        return False

    def release(self) -> None:
        """Take every component off every device."""
        for residency in self._each.values():
            residency.release()

    def has_room_to_make(self, names: Collection[str]) -> bool:
        """Return whether less can be on the device of the running block, with which it computes."""
        return bool(self._running) and self._each[self._running[-1]].has_room_to_make(names)

    def make_room(self, names: Collection[str]) -> None:
        """Let everything else leave that device; see `PlannedResidency`."""
        self._each[self._running[-1]].make_room(names)

    def make_ready(self, names: Collection[str]) -> None:
        """Bring what a block computes with, where room was made for one before it on that device, in the same loop."""
        if self._running:
            self._each[self._running[-1]].make_ready(names)

    @contextmanager
    def during(self, path: str, values: Values) -> Iterator[None]:
        """Bring what the step needs to its device, beside what others begin to bring ahead, and lend it the values that it reads."""
        if not self._running:
            self._leave_others()
        node, name = self._nodes.get(path), self._at.get(path)
        with ExitStack() as around:
            for residency in self._each.values():
                around.enter_context(residency.during(path, values))
            if name is None or not isinstance(node, (BlockNode, LoopNode)):
                yield
                return
            device = self.devices[path]
            for each in self._states.keys() & set(node.components):
                self._moved.bring_state(self._states[each], device)
            self._running.append(name)
            try:
                with self._moved.lent(_read(node, values), values, device):
                    yield
            finally:
                self._running.pop()
            if isinstance(node, BlockNode):
                self._moved.note_written([param.name for param in node.writes], device)


def _read(node: BlockNode | LoopNode, values: Values) -> list[str]:
    """Return the names of the values that a step may read: what it declares, of foreign code all."""
    params = [*node.reads, *node.counted] if isinstance(node, LoopNode) else list(node.reads)
    if not node.typed:
        return list(values)
    return list(dict.fromkeys(str(param.name) for param in params if param.name is not None))
