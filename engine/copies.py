"""Copies of values, with all that is in them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, TypeGuard

from ..state.errors import NoDigestError, with_article

if TYPE_CHECKING:
    import torch


def own_copy(value: Any) -> Any:
    """Copy a value with all that is in it; a tensor keeps its strides.

    Raises:
        NoDigestError: it cannot be copied.
    """
    if is_strided(value):
        # The memory of a lazy conjugate or negative holds other numbers than it shows, and `as_strided` would read
        # the memory.
        if value.is_conj() or value.is_neg():
            return value.clone()
        # `clone` alone may choose other strides for views with gaps or overlaps. Strides decide which kernel runs, so
        # they decide last bits, and they count in digests.
        flat = value.detach().as_strided((extent(value),), (1,), value.storage_offset()).clone()
        return flat.as_strided(value.shape, value.stride(), 0)
    if hasattr(type(value), "initial_seed"):
        import torch

        # `copy.deepcopy` refuses generators of torch.
        generator = torch.Generator(value.device)
        generator.set_state(value.get_state())
        return generator
    if type(value).__module__.startswith("PIL."):
        return value.copy()
    try:
        return copy.deepcopy(value)
    except (TypeError, ValueError, AttributeError, RuntimeError, NotImplementedError, copy.Error) as error:
        raise NoDigestError(f"{with_article(type(value).__name__)} cannot be copied ({error})") from None


def is_strided(value: object) -> TypeGuard[torch.Tensor]:
    """Return whether a value is a tensor with memory in steps, as most are."""
    # By attribute, so that torch need not be imported to look at a value that is none of its own.
    return hasattr(type(value), "untyped_storage") and str(getattr(value, "layout", None)) == "torch.strided"


def extent(tensor: torch.Tensor) -> int:
    """Return elements from the first to the last that a tensor sees."""
    if not tensor.numel():
        return 0
    return 1 + sum((int(count) - 1) * int(step) for count, step in zip(tensor.shape, tensor.stride(), strict=True))
