"""Values of a run on several devices: a step is given them where it computes, and who made them keeps them where they are."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs

from ..memory import tensor_bytes
from ..nodes import Values

if TYPE_CHECKING:
    import torch

_HOST = "cpu"


class MovedValues:
    """Lends steps copies of what lies on another of a run's devices.

    A copy is lent again as long as nobody writes into the tensor that it is of, so in a loop each is made once. What a step
    writes into a copy counts: the copy is the value from then on. What lies on the host, and was made by a step that computes
    elsewhere, is meant to lie there and stays.

    Attributes:
        moved: bytes that went from one device to another so far.

    Args:
        devices: on which steps compute. of_host: names of values that steps on the host make, of which a cache or an earlier
            run may have made them.
    """

    def __init__(self, devices: Iterable[torch.device], of_host: Iterable[str] = ()) -> None:
        self.moved = 0
        self._devices = set(devices)
        self._of_host = set(of_host)
        self._copies: dict[tuple[int, torch.device], tuple[weakref.ref[Any], int, Any]] = {}

    @contextmanager
    def lent(self, names: Iterable[str], values: Values, device: torch.device) -> Iterator[None]:
        """Let the values of these names lie on a device, for what is run within."""
        lent: dict[str, tuple[Any, Any, dict[int, tuple[Any, int]]]] = {}
        for name in names:
            if name in values:
                fresh: dict[int, tuple[Any, int]] = {}
                found = values[name]
                here = self._there(found, device, name in self._of_host, fresh)
                if here is not found:
                    values[name] = here
                    lent[name] = found, here, fresh
        yield
        # Not in a `finally`: a step that failed is tried again with these, or ends the run.
        for name, (found, here, fresh) in lent.items():
            if values.get(name) is here and not any(_version(copy) != version for copy, version in fresh.values()):
                values[name] = found

    def note_written(self, names: Iterable[str], device: torch.device) -> None:
        """Remember whether what a step has written was made on the host because the step computes there."""
        change = self._of_host.update if device.type == _HOST else self._of_host.difference_update
        change(names)

    def bring_state(self, component: object, device: torch.device) -> None:
        """Let what a component keeps of a run, such as a scheduler's timesteps, lie on a device."""
        for name, part in list(vars(component).items()):
            if hasattr(part, "set_timesteps"):  # a scheduler in a scheduler, as UniPC has one
                self.bring_state(part, device)
                continue
            here = self._there(part, device, False, {})
            if here is not part:
                vars(component)[name] = here

    def bytes_on(self, device: torch.device, values: Iterable[Any]) -> int:
        """Return the bytes of values, and of copies that are lent, on a device."""
        copies = [copy for (_, there), (_, _, copy) in self._copies.items() if there == device]
        return tensor_bytes([*_on(device, values), *copies])

    def _there(self, value: Any, device: torch.device, is_made_there: bool, fresh: dict[int, tuple[Any, int]]) -> Any:
        """Return a value with all tensors in it on a device; the same object if they are.

        Args:
            is_made_there: the host is a device of the run as others, for this value. fresh: takes the copies, with their versions.
        """

        def moved(tensor: Any) -> Any:
            here = tensor.device
            if here == device or here not in self._devices:
                return tensor
            # A scalar on the host may meet tensors of every device, and solvers read it without waiting.
            if here.type == _HOST and (not is_made_there or tensor.ndim == 0):
                return tensor
            copy = self._copy(tensor, device)
            fresh[id(copy)] = copy, _version(copy)
            return copy

        return mapped(value, moved)

    def _copy(self, tensor: Any, device: torch.device) -> Any:
        key, version = (id(tensor), device), _version(tensor)
        known = self._copies.get(key)
        if known is not None and known[0]() is tensor and known[1] == version and version >= 0:
            return known[2]
        copy = _copied(tensor, device)
        self.moved += copy.numel() * copy.element_size()
        # Of what records gradients each step has its own part of the graph.
        if not copy.requires_grad:
            copies = self._copies
            copies[key] = weakref.ref(tensor, lambda _: copies.pop(key, None)), version, copy
        return copy


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a value with all tensors in it changed, those in lists, tuples, dicts and attrs' objects too; the same object where none is."""
    if hasattr(type(value), "untyped_storage"):
        return change(value)
    if type(value) in (list, tuple):
        parts = [mapped(part, change) for part in value]
        return type(value)(parts) if any(new is not old for new, old in zip(parts, value, strict=True)) else value
    if type(value) is dict:
        items = {key: mapped(part, change) for key, part in value.items()}
        return items if any(items[key] is not value[key] for key in value) else value
    if attrs.has(type(value)):
        own = {each.name: each.alias for each in attrs.fields(type(value)) if each.init}
        new = {name: mapped(getattr(value, name), change) for name in own}
        changed = {own[name]: part for name, part in new.items() if part is not getattr(value, name)}
        return attrs.evolve(value, **changed) if changed else value
    return value


def _copied(tensor: Any, device: torch.device) -> Any:
    import torch

    if not torch.is_inference_mode_enabled():
        return tensor.to(device)
    # An ordinary tensor, of which torch counts the writes.
    with torch.inference_mode(False), torch.no_grad():
        return tensor.to(device)


def _version(tensor: Any) -> int:
    """Return how often a tensor was written into; -1 where torch does not count."""
    return -1 if tensor.is_inference() else int(tensor._version)


def _on(device: torch.device, values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []

    def note(tensor: Any) -> Any:
        if tensor.device == device:
            found.append(tensor)
        return tensor

    for value in values:
        mapped(value, note)
    return found
