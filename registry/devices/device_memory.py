"""Moves components to a device and off it again, and counts what was moved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from .layers import Part
from .moved_tensors import placed_bytes

if TYPE_CHECKING:
    import torch

    from .host_memory import HostMemory


class DeviceMemory:
    """Keeps the books and moves nothing: it stands in for a device in tests, and under the ones that move.

    Attributes:
        device: where components are brought. moved: bytes brought in so far. peak: bytes that were there at most.
        log: what was done, as ("bring" or "drop", name); of models that come in parts, nothing: in a long run it would never end.
        partners: memories of the manager's other devices; a component leaves them before it comes here.
        host: what knows which tensors lie in files; None where all are in the host's memory. is_unified: whether
            the device's memory is the host's.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = device
        self.moved = 0
        self.peak = 0
        self.partners: Collection[DeviceMemory] = ()
        self.host: HostMemory | None = None
        self.is_unified = False
        self.log: list[tuple[str, str]] = []
        self._there: dict[int, int] = {}
        self._parts: dict[int, int] = {}
        self._whole: int | None = None

    def refuse(self, components: Mapping[str, object], leaving: Collection[DeviceMemory] = ()) -> None:
        """Raise ComponentError, before anything is moved, if some of the components cannot be; here nothing is moved.

        Args:
            leaving: memories that all components leave before any comes here.
        """

    def bring(self, name: str, component: object) -> None:
        """Make a component ready for computing on the device."""
        if id(component) in self._there:
            return
        size = self._there[id(component)] = placed_bytes(component)
        self.moved += size
        if isinstance(component, Part):
            self._count_part(component, size)
            return
        self._whole = None
        self.peak = max(self.peak, self.resident)
        self.log.append(("bring", name))

    def drop(self, name: str, component: object) -> None:
        """Free what a component takes on the device; its host copy serves again."""
        if self._there.pop(id(component), None) is None:
            return
        if isinstance(component, Part):
            del self._parts[id(component)]
        else:
            self._whole = None
            self.log.append(("drop", name))

    def _count_part(self, part: Part, size: int) -> None:
        """Keep the peak, without going through all tensors that are there at each call of a layer."""
        self._parts[id(part)] = size
        if self._whole is None:
            self._whole = self.resident - sum(self._parts.values())
        self.peak = max(self.peak, self._whole + sum(self._parts.values()))

    def prefetch(self, name: str, component: object) -> None:
        """Begin to bring a component while the current step computes."""
        self.bring(name, component)

    def size_of(self, key: int) -> int | None:
        """Return the bytes of a component on the device, by identity; None if it is not there."""
        return self._there.get(key)

    @property
    def copies_ahead(self) -> bool:
        """Whether `prefetch` brings a component beside the computation; else it comes when it is used."""
        return True

    @property
    def computes_on_host(self) -> bool:
        """Whether the device is the host, so that kernels read the host's numbers where they lie."""
        return True

    def has(self, tensor: Any) -> bool:  # noqa: ARG002 - for those that move
        """Return whether the numbers with which a tensor stands in its modules are on the device."""
        return False

    def numbers_of(self, tensor: Any) -> Any:
        """Return the host's numbers of a tensor."""
        return tensor.data

    def put_numbers(self, tensor: Any, numbers: Any, is_in_file: bool) -> None:  # noqa: ARG002 - for those that move
        """Let the host have the numbers of a tensor elsewhere."""
        tensor.data = numbers

    @property
    def resident(self) -> int:
        """Bytes of components on the device."""
        return sum(self._there.values())

    def begin(self) -> None:
        """Begin to measure what a step needs, now that its components are there."""

    def workspace(self) -> int:
        """Return bytes that were taken at most since `begin`, beside components; 0 if that is not known."""
        return 0

    def release(self) -> None:
        """Give the device back what the allocator keeps for later."""

    def free_bytes(self) -> int | None:
        """Return bytes that are free on the device now; None if there is no limit to know."""
        return None


def to_host(component: object) -> None:
    """Move a model to the CPU."""
    if hasattr(component, "parameters") and hasattr(component, "to"):
        component.to("cpu")
