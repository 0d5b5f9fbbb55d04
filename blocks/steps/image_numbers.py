"""Arrays and tensors as images: where their channels are, how many bits they have, and in which range their numbers lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...state import InputError

if TYPE_CHECKING:
    import numpy.typing
    from PIL.Image import Image

    NDArray = numpy.typing.NDArray[Any]

CHANNELS = (1, 3, 4)
"""Grey, RGB and RGBA."""
# Rec. 601, as Pillow's own conversion to "L".
LUMA = (0.299, 0.587, 0.114)


def with_channels(value: Any, name: str, is_mask: bool) -> Any:
    """Return an array `[b h w c]` or a tensor `[b c h w]`, of one with channels first or last, and with or without a batch.

    Where both could be the channels, tensors have them first and arrays last. A mask of three dimensions is a batch, unless its last one
    is the channels, as diffusers reads it.

    Raises:
        InputError: its shape is not an image's.
    """
    first = hasattr(value, "detach")
    shape = given = tuple(value.shape)
    if value.ndim == 2:
        return value[None, None] if first else value[None, ..., None]
    if value.ndim == 3:
        if is_mask and shape[-1] not in CHANNELS:
            return value[:, None] if first else value[..., None]
        value, shape = value[None], (1, *shape)
    is_first, is_last = len(shape) == 4 and shape[1] in CHANNELS, shape[-1] in CHANNELS
    if value.ndim != 4 or not all(shape) or not (is_first or is_last):
        raise InputError(
            f"{name} has the shape {list(given)}, which no image has; give [height width 3] or [3 height width]."
        )
    if first:
        return value if is_first else value.movedim(-1, 1)
    return value if is_last else value.transpose(0, 2, 3, 1)


def is_whole(numbers: Any) -> bool:
    """Return whether they are whole numbers or bool, of which images of 8 bits are made; those of uint16 are, too."""
    import numpy as np

    return (
        not numbers.is_floating_point() if hasattr(numbers, "detach") else not np.issubdtype(numbers.dtype, np.floating)
    )


def eight_bit(numbers: NDArray, name: str) -> NDArray:
    """Return numbers as uint8: bool as 0 and 255, uint16 of 0..65535, other whole numbers of 0..255, floating-point ones of 0..1.

    Raises:
        InputError: they are out of range.
    """
    import numpy as np

    if numbers.dtype == np.bool_:
        return numbers.astype(np.uint8) * 255
    if numbers.dtype == np.uint16:
        return (numbers / 257.0).round().astype(np.uint8)
    if np.issubdtype(numbers.dtype, np.integer):
        if numbers.min() < 0 or numbers.max() > 255:
            raise InputError(
                f"{name} holds whole numbers from {numbers.min()} to {numbers.max()}; those of an image are in 0..255."
            )
        return numbers.astype(np.uint8)
    if not np.issubdtype(numbers.dtype, np.floating):
        raise InputError(f"{name} holds {numbers.dtype}, which are no numbers of an image.")
    checked_range(numbers, name)
    # As diffusers' `numpy_to_pil`, to the bit; but in float16, 255 times a number may land on the wrong side of a half.
    return (numbers.astype(np.promote_types(numbers.dtype, np.float32)) * 255).round().astype(np.uint8)


def checked_range(numbers: Any, name: str, lowest: float = 0.0) -> None:
    """Refuse floating-point numbers that are no image's.

    Raises:
        InputError: some are not finite, or out of range.
    """
    low, high = float(numbers.min()), float(numbers.max())
    # Refused and not clipped: numbers in -1..1 or 0..255 would make an image of the wrong brightness. NaN is not between the two, either.
    if not lowest <= low <= high <= 1:
        raise InputError(
            f"{name} holds numbers from {low:g} to {high:g}. Floating-point numbers of an image are in {lowest:g}..1: "
            "divide those in 0..255 by 255, and those in -1..1 are (x + 1) / 2."
        )


def of_sixteen_bits(image: Image, name: str) -> Image:
    """Return an image of 16 bits as one of 8.

    Raises:
        InputError: its numbers are beyond 16 bits.
    """
    import numpy as np
    import PIL.Image

    numbers = np.asarray(image)
    if numbers.min() < 0 or numbers.max() > 65535:
        raise InputError(
            f"{name} holds numbers from {numbers.min()} to {numbers.max()}; those of an image in {image.mode!r} are in 0..65535."
        )
    return PIL.Image.fromarray(eight_bit(numbers.astype(np.uint16), name))


def as_colours(numbers: Any) -> Any:
    """Return floating-point numbers with three channels: grey repeated, and what is transparent before white."""
    axis = 1 if hasattr(numbers, "detach") else -1
    if numbers.shape[axis] == 3:
        return numbers
    parts = _split(numbers)
    if len(parts) == 4:
        alpha = parts[3]
        return joined([part * alpha + (1 - alpha) for part in parts[:3]], axis)
    return joined(parts * 3, axis)


def as_grey(numbers: Any) -> Any:
    """Return floating-point numbers of a mask with one channel: the brightness, and what is transparent black."""
    parts = _split(numbers)
    if len(parts) == 1:
        return numbers
    grey = sum(weight * part for weight, part in zip(LUMA, parts, strict=False))
    return grey * parts[3] if len(parts) == 4 else grey


def _split(numbers: Any) -> list[Any]:
    if hasattr(numbers, "detach"):
        return [numbers[:, i : i + 1] for i in range(numbers.shape[1])]
    return [numbers[..., i : i + 1] for i in range(numbers.shape[-1])]


def joined(parts: list[Any], axis: int = 0) -> Any:
    """Return arrays, or tensors, as one, along an axis."""
    import numpy as np
    import torch

    return torch.cat(parts, axis) if hasattr(parts[0], "detach") else np.concatenate(parts, axis)
