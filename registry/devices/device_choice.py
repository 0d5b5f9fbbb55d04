"""Which device each component is on, as a person says it: `devices=`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from attrs import field, frozen

from ...state import ComponentError
from ...state.errors import did_you_mean, nearest
from ..loading.dtype_names import WORDS

if TYPE_CHECKING:
    import torch

    Device = torch.device | str | int
    Devices = Mapping[str, Device] | Sequence[Device]
    """A mapping from component or role to device, "default" for all others; or a list of devices, over which runs are planned."""

T = TypeVar("T")

DEFAULT = "default"
"""What stands for the components that a mapping does not name."""


@frozen
class DeviceChoice:
    """A mapping from component or role to device, or devices alone, over which each run is planned.

    Attributes:
        names: of the devices, in the order given ("cuda:1"). of: component, role or "default" to a device's name; empty where
            runs are planned.
    """

    names: tuple[str, ...]
    of: Mapping[str, str] = field(factory=dict)

    @classmethod
    def read(cls, devices: Devices, doubles: Collection[str] = ()) -> DeviceChoice:
        """Read what a person gave.

        Args:
            doubles: names of devices that something stands in for, so that this machine need not have them.

        Raises:
            ComponentError: a device is unknown, not there, or given twice; or it is neither a mapping nor a list.
        """
        if isinstance(devices, Mapping):
            odd = [key for key in devices if not isinstance(key, str)]
            if odd:
                raise ComponentError(f"devices= maps names of components or roles to devices; {odd[0]!r} is no name.")
            named = dict(_each(devices.items(), doubles))
            return cls(_refuse_none(dict.fromkeys(named.values())), named)
        if isinstance(devices, str) or not isinstance(devices, Sequence):
            raise ComponentError(
                f"devices= is {devices!r}; it takes a mapping from component or role to device, or a list of devices over which to plan. "
                "For one device: enable_auto_cpu_offload('cuda:0')."
            )
        found = [name for _, name in _each(((str(each), each) for each in devices), doubles)]
        twice = sorted({name for name in found if found.count(name) > 1})
        if twice:
            raise ComponentError(f"devices= has {', '.join(twice)} twice; a device is planned for once.")
        kinds = sorted({name.partition(":")[0] for name in found})
        if len(kinds) > 1:
            raise ComponentError(
                f"devices= lists devices of several kinds ({', '.join(kinds)}), which round differently, so results would depend on the plan. "
                f"Say what is where: devices={{'text_encoders': {found[-1]!r}, '{DEFAULT}': {found[0]!r}}}."
            )
        return cls(_refuse_none(found))

    @property
    def is_planned(self) -> bool:
        """Whether each run is planned, because no component has a device."""
        return not self.of

    @property
    def main(self) -> str:
        """The device that stands for all where one is asked for."""
        return self.of.get(DEFAULT, self.names[0])

    def for_components(
        self, names: Iterable[str], roles: Mapping[str, Collection[str]], known: Collection[str]
    ) -> dict[str, str]:
        """Return the device of each component, by name. A component's own name goes before its role, and that before "default".

        Args:
            names: of models that a run uses. roles: role to the components that play it. known: components that there are.

        Raises:
            ComponentError: the mapping names what is neither component nor role, or leaves out a model.
        """
        there = {*known, *roles, DEFAULT}
        faults = [
            f"devices= names {name!r}, which is neither a component nor a role. {did_you_mean(name, there)}"
            for name in self.of
            if name not in there
        ]
        roles_of = {name: role for role, members in roles.items() if role in self.of for name in members}
        found = {}
        for name in names:
            key = next((each for each in (name, roles_of.get(name), DEFAULT) if each in self.of), None)
            if key is not None:
                found[name] = self.of[key]
            else:
                faults.append(
                    f"{name!r} has no device. Name it, or say where all others are: devices={{..., '{DEFAULT}': '{self.main}'}}."
                )
        if faults:
            raise ComponentError.of("The devices of components are not clear", faults)
        return found

    def each_of(self, given: T | Mapping[str, T], what: str) -> dict[str, T]:
        """Return what is given for each device: one value stands for every one of them.

        Raises:
            ComponentError: a mapping names another device, or leaves one out.
        """
        if not isinstance(given, Mapping):
            return dict.fromkeys(self.names, given)
        named = self.by_name(given, what)
        faults = [f"{what} says nothing of {name!r}." for name in self.names if name not in named]
        if faults:
            raise ComponentError.of(f"{what} does not fit the devices", faults)
        return named

    def by_name(self, given: Mapping[str, T], what: str) -> dict[str, T]:
        """Return what is given for some of the devices, by their names.

        Raises:
            ComponentError: it names another device.
        """
        named = {device_name(key): value for key, value in given.items()}
        faults = [
            f"{what} names {key!r}, which is no device of devices=. {did_you_mean(key, self.names)}"
            for key in named
            if key not in self.names
        ]
        if faults:
            raise ComponentError.of(f"{what} does not fit the devices", faults)
        return named


def device_name(device: Device) -> str:
    """Return the name of a device with its number: "cuda" without means the one that is current now.

    Raises:
        ComponentError: there is no such kind of device.
    """
    return str(with_index(device))


def with_index(device: Device) -> torch.device:
    """Return a device with its number: one without means another in each thread, after `set_device`.

    Raises:
        ComponentError: there is no such kind of device.
    """
    import torch

    try:
        found = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ComponentError(f"{device!r} is no device: {str(error).splitlines()[0]}") from None
    if found.type == "cpu" or str(found) != found.type or not torch.accelerator.is_available():
        return found
    return torch.device(found.type, torch.accelerator.current_device_index())


def placing_device(device: Device) -> torch.device:
    """Return a device of this machine with its number, to place components on; the host is one.

    Raises:
        ComponentError: the machine has none of that name.
    """
    import torch

    found = with_index(device)
    if found.type == "cpu":
        return found
    there = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    count = torch.accelerator.device_count() if there is not None else 0
    if there is None or there.type != found.type or (found.index or 0) >= count:
        names = ", ".join(["cpu", *(f"{there.type}:{index}" for index in range(count) if there is not None)])
        raise ComponentError(f"This machine has no device {str(device)!r} to place components on. There are: {names}.")
    return found


def present_device(device: Device) -> torch.device:
    """Return a device that this machine has.

    Raises:
        ComponentError: it has none of that name, or no device is named.
    """
    import torch

    if isinstance(device, bool) or not isinstance(device, (str, int, torch.device)):
        raise ComponentError(
            f"{device!r} is no device; it takes one: 'cuda', 'cuda:1', a number, or a torch.device. {_SEVERAL}"
        )
    there = ["cpu"]
    if torch.accelerator.is_available():
        kind = torch.accelerator.current_accelerator()
        there += [f"{kind.type if kind else ''}:{index}" for index in range(torch.accelerator.device_count())]
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    # AssertionError: torch was built without CUDA.
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        meant = _meant(str(device))
        said = meant or f"({str(error).partition(chr(10))[0]})"
        raise ComponentError(
            f"This machine has no device {str(device)!r}. There are: {', '.join(there)}. {said}"
        ) from None
    return found


def _meant(name: str) -> str:
    """Say which device or dtype a misspelt name is near to, as `pipe.to` takes both; nothing for the name of a device that torch knows."""
    import torch

    if name in _MAPS:
        return f"{name!r} divides models over devices. {_SEVERAL}"
    try:
        torch.device(name)
    except RuntimeError:
        kind, colon, index = name.partition(":")
        if kind == "gpu":
            return "A GPU has the name of its kind: 'cuda' (NVIDIA and AMD), 'mps' (Apple) or 'xpu' (Intel)."
        near = nearest(kind, [*_KINDS, *WORDS])
    else:
        return ""
    if near in _KINDS:
        return f"Did you mean {near + (colon + index if index.isdigit() else '')!r}?"
    return "" if near is None else f"Did you mean the dtype {near!r}?"


_KINDS = ("cpu", "cuda", "mps", "xpu")
"""Kinds of devices that people name."""

_MAPS = ("auto", "balanced", "balanced_low_0", "sequential")
"""What `device_map` of other libraries is called."""

_SEVERAL = (
    "A manager has components on several: enable_auto_cpu_offload(devices=['cuda:0', 'cuda:1']), or with "
    f"devices={{'text_encoders': 'cuda:1', '{DEFAULT}': 'cuda:0'}}."
)


def _each(given: Iterable[tuple[str, Device]], doubles: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield what is given with the names of its devices; all that are wrong are said at once."""
    faults = []
    for key, device in given:
        try:
            name = device_name(device)
            if name not in doubles:
                placing_device(name)
            yield key, name
        except ComponentError as error:
            faults.append(f"{key}: {error}" if key != str(device) else str(error))
    if faults:
        raise ComponentError.of("devices= names devices that are not there", faults)


def _refuse_none(names: Iterable[str]) -> tuple[str, ...]:
    found = tuple(names)
    if not found:
        raise ComponentError(
            "devices= is empty; give a mapping from component or role to device, or a list of devices."
        )
    return found
