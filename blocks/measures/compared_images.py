"""Images as numbers that measures compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...state import InputError
from ..steps.given_image import as_pil, given_image

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


def pixels_of_images(value: Any, name: str) -> Tensor:
    """Return images as a tensor `[b 3 h w]` in 0..1 and float64, on the CPU.

    Raises:
        InputError: it is no image, or images are of several sizes.
    """
    import numpy as np
    import torch

    made = given_image(value, name)
    if isinstance(made, torch.Tensor):
        return made.detach().cpu().double()
    if not isinstance(made, list) and not hasattr(made, "getbbox"):
        return torch.as_tensor(np.asarray(made, np.float64)).movedim(-1, 1)
    listed: Sequence[Image] = made if isinstance(made, list) else [made]
    sizes = list(dict.fromkeys(each.size for each in listed))
    if len(sizes) != 1:
        said = " and ".join(f"{width}x{height}" for width, height in sizes[:2])
        raise InputError(f"{name} has images of {said} pixels; measure images of one size at once.")
    # Divided in float64, so that what was a byte is the same number whichever way it came.
    return torch.as_tensor(np.stack([np.asarray(each, np.float64) for each in listed])).movedim(-1, 1) / 255


def listed_images(value: Any, name: str) -> list[Image]:
    """Return images as a list of PIL images.

    Raises:
        InputError: it is no image.
    """
    made = as_pil(value, name)
    return made if isinstance(made, list) else [made]


def compared_pixels(images: Any, reference: Any) -> tuple[Tensor, Tensor]:
    """Return images and what they are compared with, each `[b 3 h w]` as of `pixels_of_images`.

    Raises:
        InputError: they differ in number or size.
    """
    one, other = pixels_of_images(images, "images"), pixels_of_images(reference, "reference_images")
    if one.shape[1:] != other.shape[1:]:
        sizes = [f"{each.shape[-1]}x{each.shape[-2]}" for each in (one, other)]
        raise InputError(
            f"images are {sizes[0]} pixels, and reference_images {sizes[1]}; they are compared pixel by pixel. Bring both to one size."
        )
    return one, other.expand(_count_of(len(other), len(one), "reference_images"), -1, -1, -1)


def for_each_image(given: Any, count: int, name: str) -> list[Any]:
    """Return what belongs to each of so many images: of fewer texts or images, each counts for as many neighbours.

    As pipelines draw them: with `num_images_per_prompt=2`, two images of the first prompt, then two of the second.

    Raises:
        InputError: they cannot be shared out evenly.
    """
    listed = [given] if isinstance(given, str) or not isinstance(given, (list, tuple)) else list(given)
    if not listed or count % len(listed):
        raise InputError(
            f"{name} has {len(listed)} for {count} images; give one for all, one for each, or a number that divides theirs."
        )
    return [each for each in listed for _ in range(count // len(listed))]


def _count_of(found: int, wanted: int, name: str) -> int:
    if found not in (1, wanted):
        raise InputError(f"{name} has {found} for {wanted} images; give one for all, or one for each.")
    return wanted
