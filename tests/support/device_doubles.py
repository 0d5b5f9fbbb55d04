"""Stand-ins for a device, so that placement can be worked on without a GPU.

`CloneMemory`: the real `TorchMemory`, whose device is a second place in the host's memory: what stays behind, is lost or is
copied for nothing is seen. `AwayMemory`: of models that come in parts, also what is read too early or too late. `RecordedStreams`: beside it, a log of what was given to which stream, and what waits for what; `ClockedStreams`: and when.
`ElsewhereMemory`: a simulated device (simulated_device.py), of which there can be several: tensors of two of them must not meet.
`Counters`: an allocator that knows only numbers: what is there, and the peak. `Overflowing`: a network whose half-precision
results are not finite.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from simulated_device import DEVICE, on_device

from brickwork.registry.devices.device_memory import DeviceMemory
from brickwork.registry.devices.layers import Part
from brickwork.registry.devices.moved_tensors import HeldTensor, held_tensors
from brickwork.registry.devices.torch_memory import TorchMemory


def put_on_lines(components: Mapping[str, Any]) -> None:
    """Let numbers of models begin where the allocator puts them, as on a device: some kernels of the host (on AMD) round otherwise elsewhere,
    and files begin them anywhere.
    """
    for component in components.values():
        if isinstance(component, torch.nn.Module):
            for tensor in (*component.parameters(), *component.buffers()):
                tensor.data = tensor.data.clone()


class CloneMemory(TorchMemory):
    """A device that is a second place on the host.

    Attributes:
        allocated: sizes of the pieces that were allocated on it. on_host: of those that were on the host.
        strays: tensors that are said to be on the host, as both places are one device to torch; a test fills it.
    """

    def __init__(self, streams: Any = None) -> None:
        super().__init__("cpu")
        self.is_host = False
        self.streams = streams
        self.allocated: list[int] = []
        self.on_host: list[int] = []
        self.strays: list[Any] = []

    def _allocate(self, size: int) -> Any:
        self.allocated.append(size)
        if isinstance(self.streams, RecordedStreams):
            self.streams.log.append(("allocate", self.streams.current.name))
        return super()._allocate(size)

    def _is_there(self, tensor: Any) -> bool:
        return not any(tensor is each for each in self.strays)

    def _allocate_host(self, size: int) -> Any:
        self.on_host.append(size)
        return torch.empty(size, dtype=torch.uint8)

    def begin(self) -> None: ...

    def workspace(self) -> int:
        return 0

    def free_bytes(self) -> int | None:
        return None


class AwayMemory(CloneMemory):
    """A device on which a model's parts have no numbers but while they are there: whoever reads them else gets NaN."""

    def __init__(self, streams: Any = None) -> None:
        super().__init__(streams)
        self._away: dict[int, tuple[Any, Any]] = {}

    def bring(self, name: str, component: Any) -> None:
        self._return(component)
        super().bring(name, component)
        if isinstance(component, Part) and component.around is None:
            for part in _parts_in(component):
                self._take_away(part)

    def prefetch(self, name: str, component: Any) -> None:
        self._return(component)
        super().prefetch(name, component)

    def drop(self, name: str, component: Any) -> None:
        super().drop(name, component)
        if isinstance(component, Part):
            for part in _parts_in(component) if component.around is None else ():
                self._return(part)
            if component.around is not None:
                self._take_away(component)

    def _take_away(self, part: Part) -> None:
        for held in held_tensors(part):
            if held.tensor.is_floating_point() and id(held.tensor) not in self._away:
                self._away[id(held.tensor)] = held.tensor, held.tensor.data
                held.tensor.data = torch.full_like(held.tensor.data, torch.nan)

    def _return(self, part: Any) -> None:
        for held in held_tensors(part) if isinstance(part, Part) else ():
            if id(held.tensor) in self._away:
                held.tensor.data = self._away.pop(id(held.tensor))[1]


def _parts_in(part: Part) -> Iterator[Part]:
    for each in part.inner:
        yield each
        yield from _parts_in(each)


class ElsewhereMemory(DeviceMemory):
    """One of several simulated devices, `lazy:0`, `lazy:1`, ...; enter `SimulatedDevice` before it is used.

    It replaces parameters, and what is written on it is not copied back: it shows where things are computed.
    """

    def __init__(self, index: int) -> None:
        super().__init__(torch.device(DEVICE.type, index))
        self._host: dict[int, list[tuple[HeldTensor, Any]]] = {}

    def bring(self, name: str, component: object) -> None:
        if id(component) not in self._host:
            self._host[id(component)] = [(held, held.tensor) for held in held_tensors(component)]
            for held, tensor in self._host[id(component)]:
                held.replace(self._copy(tensor))
        super().bring(name, component)

    def drop(self, name: str, component: object) -> None:
        for held, tensor in self._host.pop(id(component), ()):
            held.replace(tensor)
        super().drop(name, component)

    def _copy(self, tensor: Any) -> Any:
        copy = on_device(tensor, torch.device(self.device))
        is_parameter = isinstance(tensor, torch.nn.Parameter)
        return torch.nn.Parameter(copy, tensor.requires_grad) if is_parameter else copy


class RecordedStream:
    """A stream that has only a name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


class RecordedStreams:
    """Streams that do nothing but say what they were given.

    Attributes:
        log: ("mark", stream, event), ("wait", stream, event), ("copy", stream) and what a test adds, such as a kernel.
    """

    def __init__(self) -> None:
        self.side = RecordedStream("side")
        self.current = RecordedStream("compute")
        self.log: list[tuple[Any, ...]] = []
        self._events = 0

    def mark(self, stream: RecordedStream) -> int:
        self._events += 1
        self.log.append(("mark", stream.name, self._events))
        return self._events

    def wait(self, stream: RecordedStream, event: int) -> None:
        self.log.append(("wait", stream.name, event))

    @contextmanager
    def on(self, stream: RecordedStream) -> Iterator[None]:
        self.log.append(("copy", stream.name))
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    def kernel(self, name: str) -> None:
        """Note a kernel on the stream that computes."""
        self.log.append(("kernel", self.current.name, name))

    def happens_before(self, first: int, second: int) -> bool:
        """Return whether the entry `first` of the log is sure to be done when `second` begins: by streams' orders and events."""
        done = {first}
        events: set[int] = set()
        reached: set[str] = {self.log[first][1]}
        for index in range(first + 1, second + 1):
            what, stream, *rest = self.log[index]
            if what == "wait":
                if rest[0] in events:
                    reached.add(stream)
            elif stream in reached:
                done.add(index)
                if what == "mark":
                    events.add(rest[0])
        return second in done


class ClockedStreams(RecordedStreams):
    """Streams with a clock each: a copy takes a second per byte, a kernel as long as it is said to, and who waits for an event is no earlier."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = {"side": 0.0, "compute": 0.0}
        self._at: dict[int, float] = {}

    def mark(self, stream: RecordedStream) -> int:
        event = super().mark(stream)
        self._at[event] = self.clock[stream.name]
        return event

    def wait(self, stream: RecordedStream, event: int) -> None:
        super().wait(stream, event)
        self.clock[stream.name] = max(self.clock[stream.name], self._at[event])

    def take(self, stream: RecordedStream, seconds: float) -> None:
        """Let a stream do something."""
        self.clock[stream.name] += seconds


class Counters(DeviceMemory):
    """An allocator that knows numbers alone.

    Attributes:
        other: bytes beside components now; a test sets them by `use`.
    """

    def __init__(self, free: int | None = None) -> None:
        super().__init__("cpu")
        self.other = 0
        self.free = free
        self._peak = 0

    def use(self, size: int) -> None:
        """Allocate so many bytes beside components, and free them again.

        Raises:
            torch.OutOfMemoryError: there is no room.
        """
        if self.free is not None and self.resident + size > self.free:
            raise torch.OutOfMemoryError(f"{size} bytes beside {self.resident} of {self.free}")
        self._peak = max(self._peak, self.resident + size)

    def bring(self, name: str, component: object) -> None:
        super().bring(name, component)
        if self.free is not None and self.resident > self.free:
            raise torch.OutOfMemoryError(f"{self.resident} bytes of components of {self.free}")
        self._peak = max(self._peak, self.resident + self.other)

    def begin(self) -> None:
        self._peak = self.resident + self.other

    def workspace(self) -> int:
        return max(0, self._peak - self.resident)

    def free_bytes(self) -> int | None:
        return self.free


class Overflowing(torch.nn.Module):
    """A network whose result is infinite in half precision, and fine in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((1,), 300.0))

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return value * self.weight * 1000 / 1000
