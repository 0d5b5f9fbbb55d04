"""How numbers lie in memory, and back: strides of tensors and arrays, and the two bits by which torch reads numbers as others.

Blocks may go by them, and digests count them, so what comes back from a file lies as it lay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch

_GAPS, _LITTLE = 16, 4096
"""How much more memory than numbers a layout may take, and what any may take: notes of a file could claim any stride."""
NEGATIVE, CONJUGATE = "negative", "conjugate"


def own_strides(tensor: torch.Tensor) -> list[int] | None:
    """Return the strides of a tensor; None where its numbers lie as those of a new one, also where one of a single row
    says other strides.
    """
    import torch

    # On the meta device nothing is allocated; torch itself says which strides a new tensor would have.
    plain = torch.empty(tensor.shape, device="meta").stride()
    strides = list(tensor.stride())
    return None if strides == list(plain) or any(stride >= 1 << 31 for stride in strides) else strides


def with_strides(tensor: torch.Tensor, strides: Sequence[int]) -> Any:
    """Return the same numbers in another order in memory; where that would have large gaps, they lie as those of a new
    tensor.

    Raises:
        ValueError: there are others strides than dimensions, or numbers that share a place are not the same.
    """
    import torch

    if len(strides) != tensor.ndim:
        raise ValueError(f"{len(strides)} strides are of no tensor of {list(tensor.shape)}")
    if not tensor.numel():
        return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype)
    each = tensor
    for dimension, stride in enumerate(strides):
        # Stride 0 says that all rows are one: it is written once, and compared with the others below.
        each = each.narrow(dimension, 0, 1) if stride == 0 else each
    extent = 1 + sum((size - 1) * stride for size, stride in zip(each.shape, strides, strict=True))
    # A view of one column of a large matrix would be written down as the matrix.
    if extent > _GAPS * tensor.numel() + _LITTLE:
        return tensor
    placed = torch.zeros(extent, dtype=tensor.dtype)
    placed.as_strided(each.shape, strides).copy_(each)
    found = placed.as_strided(tensor.shape, strides)
    if (0 in strides or extent < each.numel()) and not torch.equal(_bytes(found), _bytes(tensor)):
        raise ValueError("numbers that share a place in memory are not the same")
    return found


def bits_of(tensor: torch.Tensor) -> list[str]:
    """Return by which bits torch reads a tensor's numbers as others."""
    return [NEGATIVE] * tensor.is_neg() + [CONJUGATE] * tensor.is_conj()


def behind_bits(tensor: torch.Tensor, bits: Sequence[str]) -> Any:
    """Return what lies in memory where a tensor has these bits."""
    tensor = tensor.conj_physical() if CONJUGATE in bits else tensor
    return tensor.neg() if NEGATIVE in bits else tensor


def with_bits(tensor: torch.Tensor, bits: Sequence[str]) -> Any:
    """Return a view that reads numbers in memory as others."""
    import torch

    tensor = tensor.conj() if CONJUGATE in bits else tensor
    return torch._neg_view(tensor) if NEGATIVE in bits else tensor


def array_with_strides(array: np.ndarray[Any, Any], strides: Sequence[int]) -> Any:
    """Return the same array in another order in memory, in bytes; where that would have large gaps, as a new one.

    Raises:
        ValueError: as `with_strides`.
    """
    import numpy as np

    if len(strides) != array.ndim:
        raise ValueError(f"{len(strides)} strides are of no array of {list(array.shape)}")
    if not array.size:
        return np.lib.stride_tricks.as_strided(array, strides=strides)
    steps = [(size - 1) * stride for size, stride in zip(array.shape, strides, strict=True)]
    # Arrays may run backwards; their first element then lies behind the beginning of the memory.
    first = -sum(step for step in steps if step < 0)
    extent = first + sum(step for step in steps if step > 0) + array.itemsize
    if extent > _GAPS * array.nbytes + _LITTLE:
        return array
    placed: Any = np.ndarray(array.shape, array.dtype, np.zeros(extent, np.uint8), first, tuple(strides))
    placed[...] = array
    if placed.tobytes() != array.tobytes():
        raise ValueError("numbers that share a place in memory are not the same")
    return placed


def _bytes(tensor: torch.Tensor) -> Any:
    import torch

    return tensor.contiguous().reshape(-1).view(torch.uint8)
