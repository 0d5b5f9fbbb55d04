"""Images of a few coloured squares, and a mask, for tests that need no content."""

from __future__ import annotations

import numpy as np
from PIL import Image


def picture(seed: int = 0, size: int = 64) -> Image.Image:
    """Random colours in squares of 8 pixels."""
    pixels = np.random.default_rng(seed).integers(0, 255, (size // 8, size // 8, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((size, size))


def half_mask(size: int = 64) -> Image.Image:
    """Right half white, left half black."""
    mask = Image.new("L", (size, size), 0)
    mask.paste(255, (size // 2, 0, size, size))
    return mask


def square_mask(size: int = 64) -> Image.Image:
    """A small white rectangle in the middle."""
    mask = Image.new("L", (size, size), 0)
    mask.paste(255, (20, 24, 36, 40))
    return mask


def band_map(*levels: float, size: int = 64) -> Image.Image:
    """Upright bands of one width, each as bright as its level between 0 and 1."""
    width = size // len(levels)
    made = Image.new("L", (size, size), 0)
    for place, level in enumerate(levels):
        made.paste(round(255 * level), (place * width, 0, (place + 1) * width, size))
    return made
