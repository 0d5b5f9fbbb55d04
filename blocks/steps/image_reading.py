"""Images of bytes that somebody else may have made: named formats only, no larger than stated, and turned as their notes say."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from ...state import InputError
from ...state.limits import LARGEST_PICTURE_FILE, MOST_PIXELS
from ...state.reading import read_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM")
"""Formats that are read. Others are refused before a decoder sees them: some of Pillow's start programs, such as Ghostscript."""


def is_address(source: str) -> bool:
    """Return whether a text is an address of the net, and no path."""
    # By scheme and not by "://": a file may have a colon in its name, and "https:host" is an address, too.
    return source.partition(":")[0].lower() in ("http", "https")


def refuse_address(source: str | Path) -> None:
    """Refuse an address of the net where the path of a file is wanted.

    Raises:
        InputError: it is one.
    """
    if isinstance(source, str) and is_address(source):
        raise InputError(
            f"{source[:200]!r} is an address; nothing is loaded from the net here. Download it, and give the path of the file."
        )


def read_image(path: Path) -> Image:
    """Read a file.

    Raises:
        InputError: as `decoded_image`; or it is not there, or too large.
    """
    return decoded_image(read_bytes(path, LARGEST_PICTURE_FILE, InputError), str(path))


def decoded_image(data: bytes, name: str, formats: tuple[str, ...] = FORMATS, most_pixels: int | None = None) -> Image:
    """Decode an image, whole; `name` is for errors.

    Raises:
        InputError: it is of another format, damaged, or has too many pixels.
    """
    from PIL import Image, UnidentifiedImageError

    most_pixels = MOST_PIXELS if most_pixels is None else most_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of notes in it that are not as they should be
            # From memory: a file that is replaced while it is decoded would be two files.
            image = Image.open(io.BytesIO(data), formats=formats)
            count = image.width * image.height
            # The header says the size before a pixel is decoded; a file of some KB can unpack to gigabytes.
            if count <= most_pixels:
                image.load()
    except UnidentifiedImageError:
        raise InputError(
            f"{name} cannot be read as an image: it is none of the formats {', '.join(formats)}, or its beginning is damaged."
        ) from None
    except Exception as error:  # the decoders raise what they come across: SyntaxError, IndexError, struct.error, ...
        raise InputError(f"{name} cannot be read as an image: {error}") from error
    if count > most_pixels:
        raise InputError(f"{name} says it is {image.width}x{image.height}; at most {most_pixels:,} pixels are decoded.")
    return image


def in_mode(image: Image, mode: str, name: str) -> Image:
    """Give an image a mode.

    Raises:
        InputError: there is no such mode.
    """
    try:
        return image.convert(mode)
    except Exception as error:
        raise InputError(f"{name} cannot be made an image in {mode!r}: {error}") from error


def as_turned(image: Image, name: str) -> Image:
    """Turn an image as its notes say (EXIF); the same object where they say nothing.

    Raises:
        InputError: its data are damaged.
    """
    from PIL import ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of notes that are not as they should be: they turn nothing
            image.load()
            return image if image.getexif().get(_ORIENTATION, 1) == 1 else ImageOps.exif_transpose(image)
    except Exception as error:  # of a lazily read file, whatever its decoder comes across
        raise InputError(f"{name} cannot be made an upright image: {error}") from error


_ORIENTATION = 0x0112
