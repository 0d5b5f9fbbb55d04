"""The streams of a device, by torch's own calls: what stands in for them here records what it is told."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from device_doubles import CloneMemory

from brickwork.registry.devices.streams import DeviceStreams, streams_of


class Stream:
    """What of `torch.Stream` is used."""

    made: list[Stream] = []
    log: list[tuple[str, str, Any]] = []
    entered: list[Stream] = []

    def __init__(self, device: Any = None, name: str = "side") -> None:
        self.name, self.device = name, device
        Stream.made.append(self)

    def record_event(self) -> str:
        Stream.log.append(("record", self.name, None))
        return f"event {len(Stream.log)}"

    def wait_event(self, event: str) -> None:
        Stream.log.append(("wait", self.name, event))

    def __enter__(self) -> Stream:
        Stream.entered.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        Stream.entered.pop()


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> torch.device:
    Stream.made, Stream.log, Stream.entered = [], [], []
    compute = Stream(name="compute")
    monkeypatch.setattr(torch, "Stream", Stream)
    monkeypatch.setattr(torch.accelerator, "current_stream", lambda device: (Stream.entered or [compute])[-1])
    return torch.device("cuda", 1)


@pytest.mark.parametrize(("kind", "has"), [("cuda", True), ("xpu", True), ("cpu", False), ("mps", False)])
def test_devices_whose_copies_run_beside_have_streams(kind: str, has: bool, device: torch.device) -> None:
    assert (streams_of(torch.device(kind)) is not None) is has


def test_a_copy_ahead_is_given_to_the_side_and_both_wait(device: torch.device) -> None:
    streams = DeviceStreams(device)
    assert streams.side.device == device
    memory, model = CloneMemory(), torch.nn.Linear(3, 3)
    memory.streams = streams
    within: list[list[str]] = []
    copy = torch.Tensor.copy_

    def watched(self: torch.Tensor, other: Any, non_blocking: bool = False) -> torch.Tensor:
        within.append([stream.name for stream in Stream.entered])
        return copy(self, other, non_blocking)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "copy_", watched)
        memory.prefetch("model", model)
    # The first two bring the tensors together on the host; the third is the copy to the device.
    assert within == [[], [], ["side"]]
    assert Stream.log == [
        ("record", "compute", None),
        ("wait", "side", "event 1"),
        ("record", "side", None),
    ]
    memory.bring("model", model)
    assert Stream.log[3:] == [("wait", "compute", "event 3")]
    memory.drop("model", model)
    assert Stream.log[4:] == [("wait", "compute", "event 3")]
    assert Stream.entered == []
