"""Moves components to a device and off it again, and counts what was moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...state import ComponentError
from .component_bytes import component_bytes

if TYPE_CHECKING:
    import torch


class DeviceMemory:
    """Keeps the books and moves nothing: it stands in for a device in tests, and under the ones that move.

    Attributes:
        device: where components are brought. moved: bytes brought in so far. peak: bytes that were there at most.
        log: what was done, as ("bring" or "drop", name).
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = device
        self.moved = 0
        self.peak = 0
        self.log: list[tuple[str, str]] = []
        self._there: dict[int, int] = {}

    def bring(self, name: str, component: object) -> None:
        """Make a component ready for computing on the device."""
        if id(component) in self._there:
            return
        size = component_bytes(component)
        self._there[id(component)] = size
        self.moved += size
        self.peak = max(self.peak, self.resident)
        self.log.append(("bring", name))

    def drop(self, name: str, component: object) -> None:
        """Free what a component takes on the device; its host copy serves again."""
        if self._there.pop(id(component), None) is not None:
            self.log.append(("drop", name))

    def prefetch(self, name: str, component: object) -> None:
        """Begin to bring a component while the current step computes."""
        self.bring(name, component)

    def size_of(self, key: int) -> int | None:
        """Return the bytes of a component on the device, by identity; None if it is not there."""
        return self._there.get(key)

    @property
    def resident(self) -> int:
        """Bytes of components on the device."""
        return sum(self._there.values())

    def workspace(self) -> int:
        """Return bytes that steps needed at most beside components, as measured since the last call; 0 if unknown."""
        return 0

    def free_bytes(self) -> int | None:
        """Return bytes that are free on the device now; None if there is no limit to know."""
        return None


class TorchMemory(DeviceMemory):
    """A real device. Host copies are kept (pinned for CUDA), so that dropping a component copies nothing.

    A component that was changed on the device is copied back when it is dropped.
    """

    def __init__(self, device: torch.device | str) -> None:
        import torch

        try:
            there = torch.device(device)
        except (RuntimeError, TypeError) as error:
            raise ComponentError(f"{device!r} is no device: {str(error).splitlines()[0]}") from None
        super().__init__(there)
        self._host: dict[int, list[tuple[Any, Any, int]]] = {}
        is_cuda = there.type == "cuda"
        self._stream: Any = torch.cuda.Stream(self.device) if is_cuda else None  # type: ignore[no-untyped-call]

    def bring(self, name: str, component: Any) -> None:
        """Copy every tensor to the device; what a prefetch has begun is waited for."""
        if id(component) not in self._there:
            self._copy(component)
        super().bring(name, component)
        if self._stream is not None:
            import torch

            # Without it a kernel could read weights of which the copy is still under way.
            torch.cuda.current_stream(self.device).wait_stream(self._stream)

    def prefetch(self, name: str, component: object) -> None:
        """Copy on a stream of its own, beside the computation."""
        import torch

        if self._stream is None or id(component) in self._there:
            return
        with torch.cuda.stream(self._stream):
            self._copy(component)
        super().bring(name, component)

    def drop(self, name: str, component: object) -> None:
        """Let the component's tensors be their host copies again."""
        for tensor, host, version in self._host.pop(id(component), ()):
            # A run may have trained, or fused a LoRA: then the host copy is older than what is dropped.
            if tensor._version != version:
                host.copy_(tensor.data)
            tensor.data = host
        super().drop(name, component)

    def workspace(self) -> int:
        """Return peak of allocated bytes beyond the components."""
        import torch

        if self._stream is None:
            return 0
        peak = torch.cuda.max_memory_allocated(self.device)
        # From peak to peak: the next step's need is its own.
        torch.cuda.reset_peak_memory_stats(self.device)
        return max(0, peak - self.resident)

    def free_bytes(self) -> int | None:
        """Return what the driver says is free, and what torch holds for later."""
        import torch

        if self._stream is None:
            return None
        # torch's allocator keeps freed blocks, which the driver counts as taken, and gives them to the next tensor.
        held = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return int(torch.cuda.mem_get_info(self.device)[0]) + held

    def _copy(self, component: Any) -> None:
        if not hasattr(component, "parameters"):
            return
        kept = []
        for tensor in (*component.parameters(), *component.buffers()):
            host = tensor.data.cpu()
            if self._stream is not None and not host.is_pinned():
                # Only from pinned memory does a copy run beside the computation.
                host = host.pin_memory()
            # `data`, so that the parameter object stays: optimizers, hooks and digests know it by identity.
            tensor.data = host.to(self.device, non_blocking=True)
            kept.append((tensor, host, tensor._version))
        self._host[id(component)] = kept


def to_host(component: object) -> None:
    """Move a model to the CPU."""
    if hasattr(component, "parameters") and hasattr(component, "to"):
        component.to("cpu")
