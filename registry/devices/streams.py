"""Order between the stream that computes and the one that copies ahead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


class DeviceStreams:
    """The streams of one device that has such: CUDA's and XPU's.

    Memory that a copy ahead fills is allocated on the stream that computes. So it lies in that stream's pool, and what is
    freed there is used again only after the kernels that read it: the order of one stream protects it. The copy waits for
    that stream at its start, and who reads waits for the copy.
    """

    def __init__(self, device: torch.device) -> None:
        import torch

        self.device = device
        self.side: Any = torch.Stream(device=device)

    @property
    def current(self) -> Any:
        """The stream on which this thread computes."""
        import torch

        return torch.accelerator.current_stream(self.device)

    def mark(self, stream: Any) -> Any:
        """Return an event that is reached when all that the stream was given until now is done."""
        return stream.record_event()

    def wait(self, stream: Any, event: Any) -> None:
        """Let what a stream is given from now on wait for an event; this thread goes on."""
        stream.wait_event(event)

    @contextmanager
    def on(self, stream: Any) -> Iterator[None]:
        """Give what is called within to a stream."""
        with stream:
            yield


def streams_of(device: torch.device) -> DeviceStreams | None:
    """Return the streams of a device; None of one whose copies are in order anyhow."""
    return DeviceStreams(device) if device.type in ("cuda", "xpu") else None
