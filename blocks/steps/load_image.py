"""Images from files, arrays and, where the caller allows it, from the net."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...state import InputError, TrustError
from ...state.errors import capital_article
from ...state.limits import LARGEST_PICTURE_FILE
from .given_image import pil_images, without_alpha
from .image_numbers import of_sixteen_bits, with_channels
from .image_reading import as_turned, decoded_image, in_mode, is_address, read_image
from .public_net import download

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST_FILE = LARGEST_PICTURE_FILE
"""Bytes that are read of an image's file, or downloaded."""


def load_image(source: object, *, allow_urls: bool = False, mode: str = "RGB") -> Image:
    """Return an image: of a file, a URL, a PIL image, or an array or tensor `[height width 3]` or `[3 height width]`.

    Where both the first and the last axis could be the channels (1, 3 or 4), tensors have them first and arrays last, as for the
    images of a call. Files are in PNG, JPEG, WEBP, AVIF, GIF, BMP, TIFF or PPM, and are turned as their notes say (EXIF).

    Args:
        source: path, address, image or numbers; floating-point numbers are in 0..1, whole ones in 0..255.
        allow_urls: load addresses ("https://..."); without it they are refused, so that a name from elsewhere cannot make this
            machine send requests. Addresses of private networks, and of protocols other than http and https, are refused in every
            case, also behind a redirection.
        mode: of the result, as PIL names it ("RGB", "L"). What is transparent lies before white in "RGB", and before black in "L", as
            masks have it.

    Raises:
        InputError: it is no image, too large, or cannot be had. TrustError: an address is not allowed.

    Example:
        >>> load_image(torch.ones(3, 4, 6)).size
        (6, 4)
    """
    from PIL import Image

    name = str(source)[:200] if isinstance(source, (str, Path)) else "The image"
    if isinstance(source, str) and is_address(source):
        if not allow_urls:
            raise TrustError(f"{source[:100]!r} is an address; load_image(..., allow_urls=True) loads such.")
        image = decoded_image(download(source, LARGEST_FILE), source)
    elif isinstance(source, (str, Path)):
        image = read_image(Path(source))
    elif isinstance(source, Image.Image):
        image = source
    else:
        image = _of_numbers(source)
    return in_mode(_shown(as_turned(image, name), mode, name), mode, name)


def _shown(image: Image, mode: str, name: str) -> Image:
    """Return it without transparency and more than 8 bits, where the mode has none of these."""
    if image.mode.startswith("I;16") or (image.mode == "I" and mode != "I"):
        image = of_sixteen_bits(image, name)
    if mode in ("RGB", "L") and image.has_transparency_data:
        return without_alpha(image, "white" if mode == "RGB" else "black")
    return image


def _of_numbers(source: object) -> Image:
    import numpy as np

    if not isinstance(source, np.ndarray) and not hasattr(source, "detach"):
        raise InputError(
            f"{capital_article(type(source).__name__)} is no image; give a path, a PIL image, an array or a tensor."
        )
    given: Any = source
    numbers = with_channels(given, "The image", is_mask=False)
    if len(numbers) != 1:
        raise InputError(
            f"The image has the shape {list(given.shape)}, which is of {len(numbers)} images; give one of them."
        )
    return pil_images(numbers, "The image")[0]
