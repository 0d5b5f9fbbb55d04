"""Whether the weights of an adapter are numbers, also once they are in the format of the model that they are for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from ..state import ComponentError

if TYPE_CHECKING:
    import torch

_MOST = 3


def not_finite(tensors: Mapping[str, Any], formats: Collection[torch.dtype] = ()) -> str | None:
    """Say which tensors hold NaN or infinity, as the end of a sentence; None where all are finite.

    Args:
        tensors: by name; what is no tensor of fractions is passed over. formats: those that a tensor will be in; it has to fit each.
    """
    import torch

    read = {name: tensor for name, tensor in tensors.items() if _is_read(tensor)}
    own = _spoiled(read, None)
    if own:
        return f"NaN or infinity in {_some(own)}"
    for each in sorted(formats, key=lambda dtype: torch.finfo(dtype).max):
        # A format that holds no fewer numbers than the tensor's own makes no infinity.
        narrowed = {name: one for name, one in read.items() if torch.finfo(one.dtype).max > torch.finfo(each).max}
        large = _spoiled(narrowed, each)
        if large:
            word = str(each).removeprefix("torch.")
            return (
                f"numbers in {_some(large)} that become infinity as {word}, which ends at {torch.finfo(each).max:,.0f}"
            )
    return None


def refuse_not_finite(what: str, tensors: Mapping[str, Any], formats: Collection[torch.dtype] = ()) -> None:
    """Refuse an adapter of which every image would be black, or of noise.

    Args:
        what: the adapter, as the beginning of a sentence. tensors, formats: as of `not_finite`.

    Raises:
        ComponentError: some of it is no number.
    """
    found = not_finite(tensors, formats)
    if found is not None:
        more = "load the models in bfloat16 or float32, or " if "infinity as" in found else ""
        raise ComponentError(
            f"{what} has {found}: what is computed with it would be no numbers. The file is damaged, or its training has diverged; "
            f"{more}take another one."
        )


def format_of(model: Any) -> set[torch.dtype]:
    """Return the format that the adapters of a model come into; none where its weights are of no plain one, as quantized ones are."""
    import torch

    found = getattr(model, "dtype", None)
    return {found} if isinstance(found, torch.dtype) and found.is_floating_point and found.itemsize > 1 else set()


def _is_read(tensor: Any) -> bool:
    import torch

    return (
        isinstance(tensor, torch.Tensor)
        and tensor.is_floating_point()
        and not tensor.is_meta
        and tensor.layout is torch.strided
        and tensor.numel() > 0
    )


def _spoiled(tensors: Mapping[str, torch.Tensor], dtype: torch.dtype | None) -> list[str]:
    """Return the names of tensors that are not finite, in a format if one is given: one pass over each, and one answer of each device."""
    import torch

    by_device: dict[Any, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        # The extremes are finite only if all is, and they are what a smaller format loses first. Formats of 8 bits have no order in torch.
        known = tensor.detach() if tensor.dtype.itemsize > 1 else tensor.detach().float()
        ends = torch.stack(torch.aminmax(known))
        by_device.setdefault(tensor.device, {})[name] = (ends if dtype is None else ends.to(dtype)).isfinite().all()
    found: list[str] = []
    for each in by_device.values():
        found += [
            name for name, is_sound in zip(each, torch.stack([*each.values()]).tolist(), strict=True) if not is_sound
        ]
    return found


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MOST:,} more tensors" if len(names) > _MOST else ""
    return f"{', '.join(map(repr, names[:_MOST]))}{more}"
