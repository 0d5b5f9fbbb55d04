"""The part of `ComponentsManager` that turns the placing of components on a device on and off."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ...state import ComponentError
from ...state.errors import named_thing
from ..loading.weights import bytes_of
from .device_choice import DeviceChoice, device_name
from .device_memory import DeviceMemory, to_host
from .device_runs import DeviceRuns
from .group_offload import onload_device
from .host_files import checked_folder
from .host_memory import HostMemory
from .placement import Placement, Strategy
from .several_placements import SeveralPlacements
from .torch_memory import TorchMemory

if TYPE_CHECKING:
    import torch

    from .device_choice import Devices

_LEAST_FREE = 10**9
"""Bytes for values and workspace, where nothing is known of them."""


@frozen
class _Rules:
    """What holds for all devices of a manager.

    Attributes:
        strategy, layers, host: see `Placement`. runs: of those on them.
    """

    strategy: Strategy | None
    layers: bool
    host: HostMemory | None
    runs: DeviceRuns = field(factory=DeviceRuns)

    def serve(self, memories: Sequence[DeviceMemory]) -> None:
        """Let the host's memory serve these devices.

        Raises:
            ComponentError: the memory of one is the host's.
        """
        if self.host is None:
            return
        for memory in memories:
            if memory.is_unified:
                raise ComponentError(
                    f"host_memory= and {memory.device}: its memory is the host's, so what is on the device takes both. Leave host_memory out; "
                    "budget= limits what is there at once."
                )
        self.host.memories = memories

    def placement(self, memory: DeviceMemory, budget: int | None, margin: int | None, label: str = "") -> Placement:
        """Make the placement of a device that nothing is on; what is free on it is its budget, if none is said."""
        limit = memory.free_bytes() if budget is None else budget
        is_found = budget is None and limit is not None and margin is None
        unknown = max((limit or 0) // 10, _LEAST_FREE) if is_found else 0
        memory.host = self.host
        return Placement(
            memory, limit, margin or 0, self.strategy, unknown, self.layers, label, self.host, runs=self.runs
        )


class AutomaticPlacement:
    """Holds components on the host, and brings each to a device when a run needs it.

    Attributes:
        components: id to component. placement: what is on the device; None while nothing is placed automatically.
    """

    components: dict[str, Any]

    def __init__(self) -> None:
        self.placement: Placement | SeveralPlacements | None = None
        self._lock = threading.RLock()

    def enable_auto_cpu_offload(
        self,
        device: torch.device | str | None = None,
        budget: int | str | Mapping[str, int | str] | None = None,
        memory_reserve_margin: int | str | Mapping[str, int | str] | None = None,
        strategy: Strategy | None = None,
        memory: DeviceMemory | Mapping[str, DeviceMemory] | None = None,
        layers: bool = True,
        devices: Devices | None = None,
        host_memory: int | str | None = None,
        offload_folder: str | os.PathLike[str] | None = None,
    ) -> None:
        """Keep components on the host, and bring each to the device when a run needs it.

        What stays on the device between two steps is planned over the whole run, and the next one like it, so that the
        fewest bytes are moved. It holds for components that are added later, too. Runs on one device take turns. Models of
        which diffusers brings the layers (`enable_group_offload`) are left to it.

        Args:
            device: "cuda" if neither this nor `devices` is given.
            budget: bytes ("8GB") for components, and for values and workspace beside them as far as runs have measured these; what is
                free now by default. A run is refused if components alone take more. For several devices: of each, or a mapping from
                device to bytes.
            memory_reserve_margin: of it, bytes for values and workspace at least. Runs measure what their steps need; until
                then a tenth of the budget stays free, where a limit was found and not given, and at least 1 GB.
            strategy: a rule of your own for what goes, instead of the plan: see `Placement`.
            memory: does the moving and the counting; a recording `DeviceMemory` stands in for a device in tests. For several
                devices a mapping from some of them to that.
            layers: whether a model for which there is no room comes layer by layer, each before its call; it gives the same bits,
                and takes longer. False refuses such a run.
            devices: several devices. A mapping from component ("text_encoder") or role ("text_encoders") to device, with
                "default" for all others; or a list, over which each run is planned: what a step uses stands together, so that
                the fewest bytes are moved, then that the device changes least often.
            host_memory: bytes ("16GB") that weights may take in the host's memory. Those for which there is no room lie on disk, in
                the files that they were loaded from, and are read when a step needs them; it gives the same bits. All are in memory by default.
            offload_folder: where weights are written for which there is no room, and that no file has as they are (cast, fused, made
                here). Without it, a run is refused if these alone take more than `host_memory`.

        Raises:
            ComponentError: components that cannot be moved, such as models in bitsandbytes' formats; a device that is not
                there; a budget of a device that is none of `devices`; a folder to which nothing can be written.

        Example:
            >>> manager.enable_auto_cpu_offload(devices={"text_encoders": "cuda:1", "default": "cuda:0"})  # doctest: +SKIP
            >>> manager.enable_auto_cpu_offload(devices=["cuda:0", "cuda:1"], budget="20GB")  # doctest: +SKIP
            >>> manager.enable_auto_cpu_offload("cuda", host_memory="16GB", offload_folder="/scratch")  # doctest: +SKIP
        """
        # All that is given is looked at first: a call that is refused leaves an earlier placement as it is.
        _refuse_no_rule(strategy)
        if not isinstance(layers, bool):
            raise ComponentError(f"layers is {named_thing(layers)}; it is True or False.")
        rules = _Rules(strategy, layers, _host_memory(host_memory, offload_folder))
        made: Placement | SeveralPlacements
        if devices is None:
            made = self._one_placement(device, budget, memory_reserve_margin, memory, rules)
        else:
            if device is not None:
                raise ComponentError(
                    f"device={str(device)!r} and devices= were both given. A mapping says it with 'default', "
                    "a list has all devices in it."
                )
            made = self._several_placements(devices, budget, memory_reserve_margin, memory, rules)
        self.placement = made

    def _one_placement(self, device: Any, budget: Any, margin: Any, memory: Any, rules: _Rules) -> Placement:
        for what, given in (("budget", budget), ("memory_reserve_margin", margin), ("memory", memory)):
            if isinstance(given, Mapping):
                raise ComponentError(
                    f"{what} is a mapping from devices, and there is one device. Give devices= as well."
                )
        memory = TorchMemory("cuda" if device is None else device) if memory is None else memory
        _refuse_no_memory(memory)
        limits = _bytes_or_none(budget), _bytes_or_none(margin)
        rules.serve([memory])
        self._move_to_host([memory])
        return rules.placement(memory, *limits)

    def _several_placements(
        self, devices: Devices, budget: Any, margin: Any, memory: Any, rules: _Rules
    ) -> SeveralPlacements:
        if memory is not None and not isinstance(memory, Mapping):
            raise ComponentError("memory= of several devices is a mapping from device to DeviceMemory.")
        doubles = {device_name(key): each for key, each in (memory or {}).items()}
        choice = DeviceChoice.read(devices, doubles)
        budgets, margins = (
            {name: _bytes_or_none(each) for name, each in choice.each_of(given, what).items()}
            for given, what in ((budget, "budget"), (margin, "memory_reserve_margin"))
        )
        choice.by_name(doubles, "memory")
        _refuse_no_memory(*doubles.values())
        memories = {name: doubles.get(name) or TorchMemory(name) for name in choice.names}
        for each in memories.values():
            each.partners = [other for other in memories.values() if other is not each]
        rules.serve(list(memories.values()))
        self._move_to_host(list(memories.values()))
        placements = {
            name: rules.placement(each, budgets[name], margins[name], f" of {name}") for name, each in memories.items()
        }
        return SeveralPlacements(choice, placements, rules.runs, rules.host)

    def _move_to_host(self, memories: Sequence[DeviceMemory]) -> None:
        """Let all that can be placed lie on the host, and devices be as free as they can be.

        Raises:
            ComponentError: components cannot be moved.
        """
        earlier = self.placement
        with nullcontext() if earlier is None else _between_runs(earlier):
            with self._lock:
                components = dict(self.components)
            components = {name: each for name, each in components.items() if onload_device(each) is None}
            for memory in memories:
                memory.refuse(components, () if earlier is None else earlier.memories)
            # A second call may name another device, and the first's host copies hold the weights.
            self.disable_auto_cpu_offload()
        for component in components.values():
            to_host(component)
        for memory in memories:
            memory.release()

    def disable_auto_cpu_offload(self) -> None:
        """Take all components off the device, and place none any more. A run that goes on is waited for.

        Raises:
            ComponentError: a block or listener of such a run calls it.
        """
        placement = self.placement
        if placement is None:
            return
        # Not within `_lock`: a run holds the placement's lock, and takes `_lock` when it loads what is missing.
        with _between_runs(placement):
            placement.end()
            # Within, so that a run that has waited finds it gone.
            if self.placement is placement:
                self.placement = None

    def _take_off(self, components: Iterable[object]) -> None:
        """Let components leave the device that are not filed any more; after a run that computes with them."""
        if (placement := self.placement) is not None:
            for component in components:
                placement.forget(component)

    def set_offload_strategy(self, strategy: Strategy | None) -> None:
        """Set a rule of your own for what leaves the device; None is the plan.

        Raises:
            ComponentError: components are not placed automatically, or it is no function.
        """
        _refuse_no_rule(strategy)
        if self.placement is None:
            raise ComponentError("There is nothing to decide: call enable_auto_cpu_offload(device) first.")
        self.placement.strategy = strategy


@contextmanager
def _between_runs(placement: Placement | SeveralPlacements) -> Iterator[None]:
    """Let no run have the devices within; one that goes on is waited for.

    Raises:
        ComponentError: a block or listener of such a run asks for it.
    """
    if placement.runs.is_taken_here:
        raise ComponentError(
            f"A run computes on {_device_words(placement)} with these components, and one of its blocks or listeners would take them away. "
            "Turn placement on and off when the run is over."
        )
    with placement.runs.lock:
        yield


def _host_memory(budget: int | str | None, folder: str | os.PathLike[str] | None) -> HostMemory | None:
    if budget is not None:
        return HostMemory(bytes_of(budget), None if folder is None else checked_folder(folder))
    if folder is not None:
        raise ComponentError(
            f"offload_folder={str(folder)!r} is for weights that have no room in the host's memory, and there is no limit: give host_memory= as well."
        )
    return None


def _bytes_or_none(amount: int | str | None) -> int | None:
    return None if amount is None else bytes_of(amount)


def _refuse_no_memory(*memories: object) -> None:
    for each in memories:
        if not isinstance(each, DeviceMemory):
            raise ComponentError(
                f"memory is {named_thing(each)}; it is a DeviceMemory, or left out for the device's own."
            )


def _refuse_no_rule(strategy: object) -> None:
    if strategy is not None and not callable(strategy):
        raise ComponentError(
            f"strategy is {named_thing(strategy)}; it is a function of the bytes of each component, the bytes that are short, and how far away the "
            "next uses are, or None for the plan."
        )


def _device_words(placement: Placement | SeveralPlacements) -> str:
    return str(placement.device) if isinstance(placement, Placement) else ", ".join(placement.choice.names)
