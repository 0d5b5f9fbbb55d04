"""Which models of a run come layer by layer, because a step needs more than there is room for, and how in each step."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ...registry.devices.device_memory import DeviceMemory
from ...registry.devices.layer_traffic import LayerTraffic
from ...registry.devices.layers import Layering, layering, least_bytes, not_in_parts
from ...registry.devices.moved_tensors import placed_bytes
from ...registry.devices.placement import Need, Placement
from ..events import ComponentFreed, ComponentMoved, Emit


def least_of_layers(
    needs: Sequence[Need], models: Mapping[str, Any], placement: Placement, whole: Collection[str] = ()
) -> dict[str, int]:
    """Return the models that come layer by layer, the largest first and no more than it takes, with their least bytes.

    Args:
        whole: those that cannot, see `BlockNode.whole`.
    """
    found: dict[str, int] = {}
    if not placement.layers:
        return found
    for need in needs:
        room = placement.capacity(need.key)
        missing = 0 if room is None else need.total - room
        for name in sorted((need.sizes.keys() & models.keys()).difference(whole), key=lambda name: -need.sizes[name]):
            if missing <= 0:
                break
            least = found.get(name) or (0 if not_in_parts(models[name]) else least_bytes(name, models[name]))
            if 0 < least < need.sizes[name]:
                found[name] = least
                missing -= need.sizes[name] - least
    return found


def hints_of_layers(
    names: Iterable[str], models: Mapping[str, Any], placement: Placement, whole: Mapping[str, str]
) -> tuple[str, ...]:
    """Return why models that are too large do not come layer by layer, in sentences."""
    off = "" if placement.layers else "that was turned off (enable_auto_cpu_offload(..., layers=False))"
    why = {name: not_in_parts(models[name]) or whole.get(name) or off for name in sorted(names)}
    return tuple(f"{name!r} does not come layer by layer: {words}." for name, words in why.items() if words)


class LayerResidency:
    """The models of one run that come layer by layer.

    Args:
        models: by name. least: their bytes in the smallest parts.
    """

    def __init__(self, models: Mapping[str, Any], least: Mapping[str, int], memory: DeviceMemory) -> None:
        self._models = models
        self._least = least
        self._memory = memory
        self._running: list[LayerTraffic] = []
        self._paused: list[LayerTraffic] = []
        self._told: frozenset[str] = frozenset()

    def within(self, names: Iterable[str], room: int) -> dict[str, Layering]:
        """Return how models come that a step needs: each has its least, and of what is left its share by size."""
        # With buffers that are no part of a model's files: they come, too, and without them a size could be below its least.
        sizes = {name: placed_bytes(self._models[name]) for name in sorted(names)}
        left = room - sum(self._least[name] for name in sizes)
        lacking = {name: size - self._least[name] for name, size in sizes.items()}
        rooms = {name: self._least[name] + left * lacks // sum(lacking.values()) for name, lacks in lacking.items()}
        ahead = self._memory.copies_ahead
        return {name: layering(name, self._models[name], room, ahead) for name, room in rooms.items()}

    def open(self, found: Mapping[str, Layering], is_starved: bool = False) -> None:
        """Have models in parts for one step; after memory ran out, with as little at once as can be."""
        for name, layers in found.items():
            traffic = LayerTraffic(name, layers, self._memory)
            self._running.append(traffic)
            if is_starved:
                traffic.make_room()
            traffic.open()

    def close(self) -> list[LayerTraffic]:
        """Let all of them leave; return what there was."""
        self.pause()
        closed, self._paused = self._paused, []
        return closed

    def pause(self) -> None:
        """Let all of them leave in the middle of a step, for another run; `open` has them again."""
        while self._running:
            traffic = self._running.pop()
            self._paused.append(traffic)
            traffic.close()

    def tell(self, emit: Emit | None) -> None:
        """Say what has come and gone since it was last said.

        Only by this, when all of it is done: while somebody looks at an event, another run may have the device.
        """
        now = {traffic.name: traffic.held for traffic in self._running}
        gone, come = self._told - now.keys(), now.keys() - self._told
        self._told = frozenset(now)
        if emit is not None:
            for name in sorted(gone):
                emit(ComponentFreed(name))
            for name in sorted(come):
                emit(ComponentMoved(name, now[name]))

    def note_on(self, error: BaseException) -> None:
        """Say on an error of weights that are elsewhere why they may be."""
        if self._running and "same device" in str(error):
            names = ", ".join(traffic.name for traffic in self._running)
            error.add_note(
                f"{names} came layer by layer, because the step needs more than the budget. A network that reads a layer's weights without "
                "calling the layer cannot come so: raise the budget, or refuse it before the run by enable_auto_cpu_offload(..., layers=False)."
            )

    @property
    def gone(self) -> int:
        """Bytes that were there at once, at most, beyond those that are there now."""
        return sum(traffic.peak - traffic.held for traffic in self._running)

    @property
    def has_room_to_make(self) -> bool:
        """Whether less can be on the device at once."""
        return any(traffic.has_room_to_make for traffic in self._running)

    def make_room(self) -> None:
        """Let all leave but what is called."""
        for traffic in self._running:
            traffic.make_room()
