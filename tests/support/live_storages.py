"""An allocator's counters on the host: bytes of all storages that are made and still live, and their peak.

`LiveStorages` counts while it is entered. `LiveMemory` is a device whose allocator it is: its host copies do not count.
"""

from __future__ import annotations

from typing import Any

import torch
from device_doubles import CloneMemory
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves


class LiveStorages(TorchDispatchMode):
    """Counts the storages that operations make.

    Attributes:
        peak: of their bytes, since `restart`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._known: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        given = {each.untyped_storage()._cdata for each in _tensors((args, kwargs or {}))}
        for tensor in _tensors(made):
            storage = tensor.untyped_storage()
            # A view of what was there before is not made here.
            if storage._cdata not in given:
                self._known[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        self.peak = max(self.peak, self.live)
        return made

    @property
    def live(self) -> int:
        """Bytes that live now."""
        self._known = {key: each for key, each in self._known.items() if not each[0].expired()}
        return sum(size for _, size in self._known.values())

    def restart(self) -> None:
        """Count the peak from now on."""
        self.peak = self.live


def _tensors(values: Any) -> list[torch.Tensor]:
    return [each for each in tree_leaves(values) if isinstance(each, torch.Tensor)]


class LiveMemory(CloneMemory):
    """A device that measures as torch's allocator does: the peak of all that lives on it, without the components that are there.

    Attributes:
        top: bytes that lived on it at most, since a test set it to 0.
    """

    def __init__(self, storages: LiveStorages) -> None:
        super().__init__()
        self.storages = storages
        self.top = 0

    def begin(self) -> None:
        self._note()
        self.storages.restart()

    def workspace(self) -> int:
        self._note()
        return max(0, self.storages.peak - self.resident)

    def _note(self) -> None:
        self.top = max(self.top, self.storages.peak)

    def _allocate_host(self, size: int) -> Any:
        with _disable_current_modes():
            return super()._allocate_host(size)
