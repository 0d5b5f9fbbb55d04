"""The part of `ComponentsManager` that turns the placing of components on a device on and off."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ...state import ComponentError
from ..loading.weights import bytes_of
from .device_memory import DeviceMemory, to_host
from .placement import Placement, Strategy
from .torch_memory import TorchMemory

if TYPE_CHECKING:
    import torch


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
        memory_reserve_margin: int | str = 0,
        strategy: Strategy | None = None,
        memory: DeviceMemory | None = None,
    ) -> None:
        """Keep components on the host, and bring each to the device when a run needs it.

        What stays on the device between two steps is planned over the whole run, and the next one like it, so that the
        fewest bytes are moved. It holds for components that are added later, too. Runs on one device take turns.

        Args:
            budget: bytes ("8GB") for components, values and workspace together; what is free now by default.
            memory_reserve_margin: of it, bytes for values and workspace at least; runs measure what they need.
            strategy: a rule of your own for what goes, instead of the plan: see `Placement`.
            memory: does the moving and the counting; a recording `DeviceMemory` stands in for a device in tests.
        """
        memory = TorchMemory(device) if memory is None else memory
        limit = memory.free_bytes() if budget is None else bytes_of(budget)
        with self._lock:
            # A second call may name another device, and the first's host copies hold the weights.
            self.disable_auto_cpu_offload()
            for component in self.components.values():
                to_host(component)
            self.placement = Placement(memory, limit, bytes_of(memory_reserve_margin), strategy)

    def disable_auto_cpu_offload(self) -> None:
        """Take all components off the device, and place none any more."""
        with self._lock:
            if self.placement is not None:
                with self.placement.lock:
                    self.placement.keep_only(())
            self.placement = None

    def set_offload_strategy(self, strategy: Strategy | None) -> None:
        """Set a rule of your own for what leaves the device; None is the plan.

        Raises:
            ComponentError: components are not placed automatically.
        """
        if self.placement is None:
            raise ComponentError("There is nothing to decide: call enable_auto_cpu_offload(device) first.")
        self.placement.strategy = strategy
