"""The part of `ComponentsManager` that turns the placing of components on a device on and off."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ...state import ComponentError
from ...state.errors import named_thing
from ..loading.weights import bytes_of
from .device_memory import DeviceMemory, to_host
from .group_offload import onload_device
from .placement import Placement, Strategy
from .torch_memory import TorchMemory

if TYPE_CHECKING:
    import torch

_LEAST_FREE = 10**9
"""Bytes for values and workspace, where nothing is known of them."""


class AutomaticPlacement:
    """Holds components on the host, and brings each to a device when a run needs it.

    Attributes:
        components: id to component. placement: what is on the device; None while nothing is placed automatically.
    """

    components: dict[str, Any]

    def __init__(self) -> None:
        self.placement: Placement | None = None
        self._lock = threading.RLock()

    def enable_auto_cpu_offload(
        self,
        device: torch.device | str = "cuda",
        budget: int | str | None = None,
        memory_reserve_margin: int | str | None = None,
        strategy: Strategy | None = None,
        memory: DeviceMemory | None = None,
        layers: bool = True,
    ) -> None:
        """Keep components on the host, and bring each to the device when a run needs it.

        What stays on the device between two steps is planned over the whole run, and the next one like it, so that the
        fewest bytes are moved. It holds for components that are added later, too. Runs on one device take turns. Models of
        which diffusers brings the layers (`enable_group_offload`) are left to it.

        Args:
            budget: bytes ("8GB") for components, values and workspace together; what is free now by default.
            memory_reserve_margin: of it, bytes for values and workspace at least. Runs measure what their steps need; until
                then a tenth of the budget stays free, where a limit was found and not given, and at least 1 GB.
            strategy: a rule of your own for what goes, instead of the plan: see `Placement`.
            memory: does the moving and the counting; a recording `DeviceMemory` stands in for a device in tests.
            layers: whether a model for which there is no room comes layer by layer, each before its call; it gives the same bits,
                and takes longer. False refuses such a run.

        Raises:
            ComponentError: components that cannot be moved, such as models in bitsandbytes' formats.
        """
        _refuse_no_rule(strategy)
        memory = TorchMemory(device) if memory is None else memory
        # A second call may name another device, and the first's host copies hold the weights.
        self.disable_auto_cpu_offload()
        with self._lock:
            components = dict(self.components)
        components = {name: each for name, each in components.items() if onload_device(each) is None}
        memory.refuse(components)
        for component in components.values():
            to_host(component)
        memory.release()
        # Only now: what has just left the device is free.
        limit = memory.free_bytes() if budget is None else bytes_of(budget)
        is_found = budget is None and limit is not None and memory_reserve_margin is None
        self.placement = Placement(
            memory,
            limit,
            bytes_of(memory_reserve_margin or 0),
            strategy,
            max((limit or 0) // 10, _LEAST_FREE) if is_found else 0,
            layers,
        )

    def disable_auto_cpu_offload(self) -> None:
        """Take all components off the device, and place none any more. A run that goes on is waited for.

        Raises:
            ComponentError: a block or listener of such a run calls it.
        """
        placement = self.placement
        if placement is None:
            return
        if placement.is_taken_here:
            raise ComponentError(
                f"A run computes on {placement.memory.device} with these components, and one of its blocks or listeners would take them away. "
                "Turn placement on and off when the run is over."
            )
        # Not within `_lock`: a run holds the placement's lock, and takes `_lock` when it loads what is missing.
        with placement.lock:
            placement.keep_only(())
            placement.is_over = True
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


def _refuse_no_rule(strategy: object) -> None:
    if strategy is not None and not callable(strategy):
        raise ComponentError(
            f"strategy is {named_thing(strategy)}; it is a function of the bytes of each component, the bytes that are short, and how far away the "
            "next uses are, or None for the plan."
        )
