"""Pictures from files, arrays and, where the caller allows it, from the net."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..state import InputError, TrustError
from .public_net import download

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST_FILE = 100_000_000
"""Bytes that are read of a picture's file, or downloaded."""
LARGEST_PICTURE = 100_000_000
"""Pixels."""


def load_image(source: Any, *, allow_urls: bool = False, mode: str = "RGB") -> Image:
    """Return a picture: of a file, a URL, a PIL image, or an array or tensor `[height width 3]` or `[3 height width]`.

    Files are turned as their notes say (EXIF).

    Args:
        source: path, address, picture or numbers; floating-point numbers are in 0..1, whole ones in 0..255.
        allow_urls: load addresses ("https://..."); without it they are refused, so that a name from elsewhere cannot make this
            machine send requests. Addresses of private networks, and of protocols other than http and https, are refused in every
            case, also behind a redirection.
        mode: of the result, as PIL names it ("RGB", "L").

    Raises:
        InputError: it is no picture, too large, or cannot be had. TrustError: an address is not allowed.

    Example:
        >>> load_image(torch.ones(3, 4, 6)).size
        (6, 4)
    """
    from PIL import Image, ImageOps

    if isinstance(source, str) and source.partition(":")[0].lower() in ("http", "https"):
        if not allow_urls:
            raise TrustError(f"{source[:100]!r} is an address; load_image(..., allow_urls=True) loads such.")
        picture = _decoded(download(source, LARGEST_FILE), source)
    elif isinstance(source, (str, Path)):
        picture = _decoded(_read(Path(source)), str(source))
    elif isinstance(source, Image.Image):
        picture = source
    else:
        picture = _of_numbers(source)
    return ImageOps.exif_transpose(picture).convert(mode)


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise InputError(f"{path} has {size:,} bytes; at most {LARGEST_FILE:,} are read.")
    return path.read_bytes()


def _decoded(data: bytes, name: str) -> Image:
    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(io.BytesIO(data))
        if picture.width * picture.height > LARGEST_PICTURE:
            raise InputError(
                f"{name} says it is {picture.width}x{picture.height}; at most {LARGEST_PICTURE:,} pixels are decoded."
            )
        picture.load()
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} cannot be read as a picture: {error}") from None
    return picture


def _of_numbers(source: Any) -> Image:
    import numpy as np
    from PIL import Image

    numbers = source.detach().cpu().numpy() if hasattr(source, "detach") else source
    if not isinstance(numbers, np.ndarray):
        raise InputError(f"A {type(source).__name__} is no picture; give a path, a PIL image, an array or a tensor.")
    if numbers.ndim == 3 and numbers.shape[0] in (1, 3) and numbers.shape[-1] not in (1, 3):
        numbers = numbers.transpose(1, 2, 0)
    if numbers.ndim == 3 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    if numbers.ndim not in (2, 3) or (numbers.ndim == 3 and numbers.shape[-1] not in (3, 4)):
        raise InputError(f"Numbers of the shape {list(numbers.shape)} are no picture; one has [height width 3].")
    if np.issubdtype(numbers.dtype, np.floating):
        if not np.isfinite(numbers).all() or numbers.min() < 0 or numbers.max() > 1:
            raise InputError("Floating-point numbers of a picture are in 0..1.")
        numbers = (numbers.astype(np.float64) * 255).round()
    return Image.fromarray(numbers.astype(np.uint8))
