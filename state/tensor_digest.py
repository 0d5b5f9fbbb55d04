"""Digests of tensors, random generators and other values of torch, which is imported only where there are some."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import xxhash

from .errors import NoDigestError, capital_article

if TYPE_CHECKING:
    import torch

    from .digest import DigestWriter


def add_torch(writer: DigestWriter, value: object) -> bool:
    """Feed a value of torch; False if it is none."""
    cls = type(value)
    if not (cls.__module__.startswith("torch") or hasattr(type(value), "untyped_storage")):
        return False
    import torch

    if isinstance(value, torch.Tensor):
        found = tensor_digest(value)
        writer.watch.tensors.append((value, found))
        writer.put("tensor", found.encode())
        if vars(value):  # attributes that somebody has put on it, which blocks may go by
            writer.watch.places.append(vars(value))
            writer.add_all("attributes", sorted(vars(value).items()))
    elif isinstance(value, torch.Generator):
        writer.watch.can_tell = False
        writer.generators.append(value)
        writer.put("generator", str(value.device).encode())
        writer.put("state", value.get_state().numpy().data)
    elif isinstance(value, (torch.dtype, torch.device, torch.layout, torch.memory_format)):
        writer.put("torch", str(value).encode())
    elif isinstance(value, torch.Size):
        writer.put("size", str(tuple(value)).encode())
    else:
        return False
    return True


def tensor_digest(tensor: torch.Tensor) -> str:
    """Digest a tensor: shape, strides, dtype, device and bytes.

    Raises:
        NoDigestError: it is sparse, quantized, without memory, of a class that keeps its bytes elsewhere, or records gradients.
    """
    # Its graph can lead to gradients in other tensors, which a value from a cache would not reach.
    if tensor.requires_grad:
        raise NoDigestError("A tensor that records gradients stands for more than its bytes.")
    refuse_without_bytes(tensor)
    # Strides decide which kernel is taken, and the device which library: equal numbers give other last bits on
    # another.
    hashed = xxhash.xxh3_128(f"{tensor.dtype} {tuple(tensor.shape)} {tensor.stride()} {tensor.device}".encode())
    if tensor.is_conj() or tensor.is_neg():
        hashed.update(f"{tensor.is_conj()} {tensor.is_neg()}".encode())
        # The bits are noted, and the numbers are hashed as they read: in memory stand those without the bits.
        tensor = tensor.resolve_conj().resolve_neg()
    if tensor.numel():
        hashed.update(bytes_of(tensor))
    return str(hashed.hexdigest())


def refuse_without_bytes(tensor: torch.Tensor) -> None:
    """Refuse a tensor that is no plain block of numbers.

    Raises:
        NoDigestError: see `tensor_digest`.
    """
    import torch

    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
        raise NoDigestError(
            f"A tensor of layout {tensor.layout} on {tensor.device} has no bytes that could be compared."
            if not tensor.is_quantized
            else f"A quantized tensor ({tensor.dtype}) has no bytes that could be compared."
        )
    cls = type(tensor)
    # A subclass with a dispatch of its own may hold nothing where its memory should be, such as the wrappers of
    # torchao.
    if cls not in _plain_classes() and cls.__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
        raise NoDigestError(f"{capital_article(cls.__name__)} keeps its bytes elsewhere, so they cannot be compared.")


@cache
def _plain_classes() -> frozenset[Any]:
    import torch

    return frozenset({torch.Tensor, torch.nn.Parameter, torch.nn.Buffer})


def bytes_of(tensor: torch.Tensor) -> Any:
    """Return the content in one piece, on the host, for a hash to read."""
    import torch

    whole = tensor.detach().cpu().contiguous()
    # NumPy has no bfloat16 and no float8, so their bytes are handed over without a type.
    return (whole.reshape(-1).view(torch.uint8) if whole.dtype in _other_dtypes() else whole).numpy()


@cache
def _other_dtypes() -> frozenset[Any]:
    """Return dtypes that NumPy may not know."""
    import torch

    in_numpy = {torch.float32, torch.float64, torch.float16, torch.int64, torch.int32, torch.uint8, torch.bool}
    return frozenset(v for v in vars(torch).values() if isinstance(v, torch.dtype)) - in_numpy
