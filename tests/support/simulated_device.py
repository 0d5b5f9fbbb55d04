"""A device that is none: its tensors compute on the host, and where a real one would make the host wait, that is noted.

Tensors on it say that they are elsewhere (`DEVICE`), so a tensor of the host that meets them is an error, as on a real device. What waits:
a number read back (`.item()`, `bool`, `.tolist()`, a place in a table of the host), a copy to the host, a copy to the device out of memory that is
not pinned, what finds out how many there are (`nonzero`, boolean masks), and solvers that look at their own result (`svd`, `eigh`).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from attrs import frozen
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

DEVICE = torch.device("lazy")
"""A kind that torch knows the name of and has nothing for, so that nothing real answers to it."""
_HOST = torch.device("cpu")

aten: Any = torch.ops.aten
_READ = {
    aten._local_scalar_dense.default: "item",
    aten.nonzero.default: "nonzero",
    aten.masked_select.default: "mask",
    aten.equal.default: "equal",
    aten._linalg_svd.default: "svd",
    aten._linalg_eigh.default: "eigh",
    aten._linalg_check_errors.default: "check",
    aten._unique2.default: "unique",
    aten.unique_consecutive.default: "unique",
    aten.repeat_interleave.Tensor: "repeat_interleave",
}
_INDEXED = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default}
_COPIED = {aten._to_copy.default, aten.copy_.default, aten.copy.default}
_SINGLE = {*_INDEXED, *_COPIED, aten.masked_fill_.Tensor, aten.masked_fill.Tensor}
"""What takes a tensor of the host beside one of the device."""
_pinned: set[int] = set()
"""Storages of the host that are pinned, by address."""


@frozen
class Wait:
    """One place where the host waits. kind: by what. where: file and line of the first caller outside of torch."""

    kind: str
    where: str


class OnDevice(torch.Tensor):
    """A tensor of the device, or of one of several. Its numbers are in `held`, a tensor of the host."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor, device: torch.device = DEVICE) -> Any:
        make: Any = torch.Tensor._make_wrapper_subclass
        return make(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=device,
        )

    def __init__(self, held: torch.Tensor, device: torch.device = DEVICE) -> None:
        self.held = held

    def untyped_storage(self) -> Any:
        return self.held.untyped_storage()

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _dispatched(func, args, kwargs or {}, _ignored)


def _ignored(_: str) -> None: ...


def on_device(value: torch.Tensor, device: torch.device = DEVICE) -> torch.Tensor:
    """Return a copy of a tensor of the host on the device."""
    return OnDevice(value.detach().clone(), device)


def held(value: Any) -> Any:
    """Return what a tensor of the device holds, without a wait being noted; others as they are."""
    return value.held if isinstance(value, OnDevice) else value


def _dispatched(func: Any, args: Any, kwargs: dict[str, Any], note: Callable[[str], None]) -> Any:
    """Compute on the host what the device would, and note where it waits.

    Raises:
        RuntimeError: a tensor of the host, of more than a number, meets one of the device, or one of a device meets one of another.
    """
    if func in (aten.detach.default, aten.alias.default) and not isinstance(args[0], OnDevice):
        return func(*args, **kwargs)
    mixed = {"device": False, "host": False}
    where: set[torch.device] = set()

    def plain(value: Any) -> Any:
        if isinstance(value, OnDevice):
            mixed["device"] = True
            where.add(value.device)
            return value.held
        if isinstance(value, torch.Tensor) and value.ndim > 0:
            mixed["host"] = True
        return value

    inner, options = _each(plain, args), _each(plain, kwargs)
    result_there = mixed["device"]
    asked = kwargs.get("device")
    if len(where) > 1 and func not in _COPIED:
        raise RuntimeError(f"{func} was given tensors of {' and '.join(sorted(map(str, where)))}.")
    target = _target(func, args, asked, where)
    if asked is not None:
        result_there = torch.device(asked).type == DEVICE.type
        options["device"] = _HOST
    if options.pop("pin_memory", False):
        made = func(*inner, **options)
        _pinned.add(made.untyped_storage().data_ptr())
        return made
    if func in _COPIED:
        _note_copy(func, args, kwargs, note)
        result_there = isinstance(args[0], OnDevice) if func is not aten._to_copy.default else result_there
    elif mixed["device"]:
        if func in _INDEXED:
            _note_index(args, note)
        elif mixed["host"] and func not in _SINGLE and asked is None:
            raise RuntimeError(f"{func} was given a tensor of the host beside one of the device.")
        elif func in _READ:
            note(_READ[func])
    made = func(*inner, **options)
    if not result_there:
        return made
    return _each(lambda each: OnDevice(each, target) if isinstance(each, torch.Tensor) else each, made)


def _each(change: Callable[[Any], Any], values: Any) -> Any:
    """Change every value in tuples, lists and dicts, which are all that operators take and give: torch's walk takes longer than computing does."""
    if isinstance(values, tuple | list):
        return type(values)([_each(change, each) for each in values])
    if isinstance(values, dict):
        return {name: _each(change, each) for name, each in values.items()}
    return change(values)


def _target(func: Any, args: Any, asked: Any, where: set[torch.device]) -> torch.device:
    """Return the device of the result, of a call that gives one of a device."""
    if func in _COPIED and func is not aten._to_copy.default and isinstance(args[0], OnDevice):
        return args[0].device
    if asked is not None and torch.device(asked).type == DEVICE.type:
        return torch.device(asked)
    return next(iter(where), DEVICE)


def _note_copy(func: Any, args: Any, kwargs: dict[str, Any], note: Callable[[str], None]) -> None:
    if func is aten._to_copy.default:
        source, target = args[0], kwargs.get("device")
        there = isinstance(source, OnDevice) if target is None else torch.device(target).type == DEVICE.type
    else:
        source, there = args[1], isinstance(args[0], OnDevice)
    waits = not (kwargs.get("non_blocking") or (func is not aten._to_copy.default and args[2:3] == (True,)))
    if isinstance(source, OnDevice) and not there:
        if waits:
            note("to host")
    elif not isinstance(source, OnDevice) and there and (waits or not _is_pinned(source)):
        # Even if it is asked not to: memory that is not pinned is read before the call returns, after what is queued.
        note("to device")


def _is_pinned(value: torch.Tensor) -> bool:
    return value.untyped_storage().data_ptr() in _pinned


def _note_index(args: Any, note: Callable[[str], None]) -> None:
    where, indices = args[0], [each for each in args[1] if each is not None]
    if not isinstance(where, OnDevice):
        raise RuntimeError("A tensor of the host is indexed by one of the device.")
    if any(not isinstance(each, OnDevice) for each in indices):
        note("index of the host")
    given = args[2] if len(args) > 2 else None
    filled = given is not None and given.numel() == 1 and not isinstance(given, OnDevice)
    if not filled and any(each.dtype in (torch.bool, torch.uint8) for each in indices):
        note("mask")


@contextmanager
def unseen() -> Iterator[None]:
    """Compute on the host as if no device were simulated, which is several times as fast: for what makes no tensor of it."""
    with _disable_current_modes(), torch._C.DisableTorchFunction():
        yield


class SimulatedDevice(TorchDispatchMode):
    """While it is entered, `DEVICE` can be computed on, and what waits is noted.

    Attributes:
        found: what waited, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Wait] = []
        self._functions = _Functions(self._note)

    def _note(self, kind: str) -> None:
        self.found.append(Wait(kind, _caller()))

    def __enter__(self) -> Any:
        entered = super().__enter__()
        self._functions.__enter__()
        return entered

    def __exit__(self, *failure: Any) -> None:
        self._functions.__exit__(*failure)
        super().__exit__(*failure)
        _pinned.clear()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _dispatched(func, args, kwargs or {}, self._note)

    def count(self) -> Counter[str]:
        """How often each place waited."""
        return Counter(f"{each.kind} at {each.where}" for each in self.found)


class _Functions(TorchFunctionMode):
    """What torch does below its dispatch: numbers and lists of Python that become tensors, and back."""

    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__()
        self._note = note

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        first = args[0] if args else None
        if func in (torch.tensor, torch.as_tensor, torch.asarray) and _is_there(kwargs.get("device")):
            device = kwargs.pop("device")
            return func(*args, **kwargs).to(device)
        if isinstance(first, OnDevice):
            if func is torch.Tensor.new_tensor:
                return torch.tensor(args[1], dtype=kwargs.get("dtype", first.dtype)).to(first.device)
            if func in (torch.Tensor.tolist, torch.Tensor.numpy):
                return func(first.cpu(), *args[1:], **kwargs)
            if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
                # A number stays on the host, as it does for CUDA.
                given = [
                    torch.tensor(each, dtype=first.dtype) if isinstance(each, float | int) else each
                    for each in args[2:]
                ]
                return func(first, _indices(args[1]), *given)
            if func in (torch.Tensor.is_pinned, torch.Tensor.pin_memory):
                return False if func is torch.Tensor.is_pinned else _refused()
        if func is torch.Tensor.is_pinned:
            return _is_pinned(first)
        if func is torch.Tensor.pin_memory:
            pinned = first.clone()
            _pinned.add(pinned.untyped_storage().data_ptr())
            return pinned
        if kwargs.pop("pin_memory", False):
            made = func(*args, **kwargs)
            _pinned.add(made.untyped_storage().data_ptr())
            return made
        return func(*args, **kwargs)


class SimulatedMarks:
    """Makes marks of a device that lags behind: each is reached when so many more were made, and a second after the one before.

    In place of `brickwork.engine.device_times.mark_on`.

    Attributes:
        made: how many. waits: how often the host waited for one.
    """

    def __init__(self, behind: int) -> None:
        self.behind = behind
        self.made = 0
        self.waits = 0
        self.reached = 0

    def __call__(self, device: torch.device) -> SimulatedMark:
        self.made += 1
        self.reached = max(self.reached, self.made - self.behind)
        return SimulatedMark(self, self.made)


@frozen
class SimulatedMark:
    marks: SimulatedMarks
    number: int

    def query(self) -> bool:
        return self.number <= self.marks.reached

    def synchronize(self) -> None:
        self.marks.waits += 1
        self.marks.reached = max(self.marks.reached, self.number)

    def elapsed_time(self, other: SimulatedMark) -> float:
        if not (self.query() and other.query()):
            raise RuntimeError("A mark is read that the device has not reached.")
        return 1000.0 * (other.number - self.number)


def _is_there(device: Any) -> bool:
    return device is not None and torch.device(device).type == DEVICE.type


def _refused() -> Any:
    raise RuntimeError("Only memory of the host can be pinned.")


def _indices(given: Any) -> Any:
    """Return lists as tensors of the host, which they become."""
    if isinstance(given, list):
        return torch.tensor(given)
    if isinstance(given, tuple):
        return tuple(torch.tensor(each) if isinstance(each, list) else each for each in given)
    return given


def _caller() -> str:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if "/torch/" not in file and not file.endswith("simulated_device.py"):
            return f"{'/'.join(file.split('/')[-2:])}:{frame.f_lineno}"
        frame = frame.f_back
    return "?"
