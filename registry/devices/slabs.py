"""A component's numbers in a few large pieces of memory, which are copied as a whole.

An SDXL UNet has 1,680 tensors: one by one they are as many copies, and pinned one by one a third more memory, because
torch rounds each pinned piece up to a power of two (c10/core/CachingHostAllocator.h).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

if TYPE_CHECKING:
    import torch

PIECE = 2**26
"""Bytes of a piece at most; a tensor that is larger has one for itself. A power of two, so that pinning rounds nothing up."""
_ALIGNED = 256  # bytes: what kernels with wide loads ask for
_ROW = 4096  # bytes of a row in a digest
_PART = 2**23  # bytes that a digest looks at together


@frozen
class Seat:
    """Where in a slab a tensor's numbers lie.

    Attributes:
        start: first byte.
    """

    start: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: Any
    count: int

    def of(self, memory: torch.Tensor) -> torch.Tensor:
        """Return the tensor that lies here in some memory."""
        end = self.start + self.count * self.dtype.itemsize
        return memory[self.start : end].view(self.dtype).as_strided(self.size, self.stride)


@define
class Slab:
    """The tensors that share a piece.

    Attributes:
        indices: numbers of the tensors, as they were given. seats: where each lies. size: bytes of all.
    """

    indices: list[int] = field(factory=list)
    seats: list[Seat] = field(factory=list)
    size: int = 0

    def take(self, index: int, tensor: torch.Tensor) -> None:
        """Give a tensor the next seat; it keeps its memory format."""
        self.indices.append(index)
        self.seats.append(Seat(self.size, tuple(tensor.shape), _strides(tensor), tensor.dtype, tensor.numel()))
        self.size += _rounded(tensor.numel() * tensor.element_size(), _ALIGNED)

    @property
    def padded(self) -> int:
        """Bytes to allocate: whole rows of a digest, at least one."""
        return max(_ROW, _rounded(self.size, _ROW))

    def memory_of(self, tensors: Sequence[torch.Tensor]) -> torch.Tensor | None:
        """Return the memory in which its tensors lie already, each in its seat; None if they do not."""
        import torch

        storage = tensors[0].untyped_storage()
        fits = storage.nbytes() == self.padded and all(
            tensor.untyped_storage().data_ptr() == storage.data_ptr()
            and tensor.storage_offset() * tensor.element_size() == seat.start
            and tensor.stride() == seat.stride
            for tensor, seat in zip(tensors, self.seats, strict=True)
        )
        return torch.empty(0, dtype=torch.uint8).set_(storage) if fits else None


def slabs_of(tensors: Sequence[torch.Tensor]) -> list[Slab]:
    """Return how tensors share pieces: the largest first, each into the first piece that has room."""
    found: list[Slab] = []
    order = sorted(range(len(tensors)), key=lambda index: -tensors[index].numel() * tensors[index].element_size())
    open_from = 0
    for index in order:
        needed = _rounded(tensors[index].numel() * tensors[index].element_size(), _ALIGNED)
        # What is too full for the smallest so far may still take what comes, so only full pieces are passed over.
        while open_from < len(found) and found[open_from].size >= PIECE:
            open_from += 1
        slab = next((each for each in found[open_from:] if each.size + needed <= PIECE), None)
        if slab is None:
            found.append(slab := Slab())
        slab.take(index, tensors[index])
    return found


def digest(memory: torch.Tensor) -> torch.Tensor:
    """Return two numbers that differ where the bytes of a tensor do, without waiting for the device.

    Sums along rows and along columns, each weighted by its place: a change of values is seen, and so is an exchange of
    two. It costs two readings of the memory, and four times `_PART` as workspace.
    """
    import torch

    flat = memory.detach().contiguous().view(-1).view(torch.uint8)
    if flat.numel() % _ROW:
        flat = torch.nn.functional.pad(flat, (0, -flat.numel() % _ROW))
    rows = flat.view(torch.int32).view(-1, _ROW // 4)
    total = torch.zeros(2, dtype=torch.int64, device=memory.device)
    height = _PART // _ROW
    for number, part in enumerate(torch.split(rows, height)):
        for axis, first in ((1, number * height), (0, 0)):
            # In 64 bits: an even number of flipped signs would cancel where sums wrap around.
            along = part.sum(axis, dtype=torch.int64)
            places = torch.arange(first, first + along.numel(), device=memory.device)
            total[axis] += (along * (2 * places + 1)).sum()
    return total


def _strides(tensor: torch.Tensor) -> tuple[int, ...]:
    """Return strides that keep the order of axes, without the gaps of a view."""
    import torch

    return torch.empty_like(tensor, device="meta").stride()


def _rounded(size: int, step: int) -> int:
    return -(-size // step) * step
