"""Components on several devices: a placement for each, one lock for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import define, field

from .device_choice import DeviceChoice
from .device_memory import DeviceMemory
from .device_runs import DeviceRuns
from .host_memory import HostMemory
from .placement import Placement, Strategy

if TYPE_CHECKING:
    import torch


@define(eq=False)
class SeveralPlacements:
    """Knows what is on which of several devices.

    Attributes:
        choice: what a person asked for. each: name of a device to what is on it. runs: those on all of them, since a run
            uses them together; those of each placement, too. host: see `Placement`.
    """

    choice: DeviceChoice
    each: Mapping[str, Placement]
    runs: DeviceRuns = field(repr=False)
    host: HostMemory | None = None

    @property
    def device(self) -> torch.device:
        """The device that stands for all where one is asked for."""
        return self.each[self.choice.main].device

    @property
    def memories(self) -> tuple[DeviceMemory, ...]:
        """What moves and counts, of each device."""
        return tuple(each.memory for each in self.each.values())

    @property
    def strategy(self) -> Strategy | None:
        """A rule of your own for what goes; the same on all devices."""
        return self.each[self.choice.main].strategy

    @strategy.setter
    def strategy(self, strategy: Strategy | None) -> None:
        for placement in self.each.values():
            placement.strategy = strategy

    def name_of(self, key: int) -> str | None:
        """Return the name of the device on which a component is, by identity; None if it is on none."""
        return next((name for name, each in self.each.items() if key in each.resident), None)

    def end(self) -> None:
        """Take all components off all devices, and let runs that wait for them find them gone."""
        for placement in self.each.values():
            placement.end()

    def forget(self, component: object) -> None:
        """Take a component off its device, because it is removed: at once, or when the run that goes on is over."""
        for placement in self.each.values():
            placement.forget(component)

    def leave_others(self, assigned: Mapping[int, str]) -> None:
        """Let components leave every device but their own; by identity to the name of that."""
        for name, placement in self.each.items():
            placement.keep_only(key for key in placement.resident if assigned.get(key, name) == name)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have all the devices for one run."""
        try:
            with self.runs.taken():
                yield
        finally:
            for placement in self.each.values():
                placement.settle()
