"""The colours that captions name, and the colour arithmetic of drawing and judging."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]
"""Pictures or pixels with three channels last, each in 0..1."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "orange": (245, 140, 30),
    "yellow": (250, 215, 50),
    "green": (50, 165, 75),
    "blue": (45, 105, 225),
    "purple": (135, 65, 190),
    "pink": (245, 130, 185),
    "brown": (130, 80, 45),
    "black": (25, 25, 28),
    "gray": (140, 140, 145),
    "white": (255, 255, 255),
}
HUES: dict[str, float] = {
    "red": 0.0,
    "orange": 0.085,
    "yellow": 0.145,
    "green": 0.36,
    "blue": 0.61,
    "purple": 0.76,
    "pink": 0.91,
}

_XYZ = np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]], np.float32)
_D65 = np.array([0.9505, 1, 1.089], np.float32)


def hue_distance(hue: NDArray, other: float) -> NDArray:
    """Distance of hues on their circle, 0 to 0.5."""
    return np.abs((hue - other + 0.5) % 1 - 0.5)


def rgb_to_hsv(rgb: NDArray) -> NDArray:
    """Hue, saturation and value in 0..1 of pixels in 0..1."""
    high, low = rgb.max(-1), rgb.min(-1)
    chroma = high - low
    hue = np.zeros_like(high)
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    safe = np.maximum(chroma, 1e-6)
    hue = np.where(high == red, ((green - blue) / safe) % 6, hue)
    hue = np.where((high == green) & (high != red), (blue - red) / safe + 2, hue)
    hue = np.where((high == blue) & (high != red) & (high != green), (red - green) / safe + 4, hue)
    hue = np.where(chroma > 1e-6, hue, 0)
    return np.stack([hue / 6, np.where(high > 0, chroma / np.maximum(high, 1e-6), 0), high], -1)


def hsv_to_rgb(hsv: NDArray) -> NDArray:
    """Inverse of `rgb_to_hsv`."""
    sector, saturation, value = hsv[..., 0] * 6, hsv[..., 1], hsv[..., 2]
    index = (np.floor(sector) % 6).astype(np.intp)
    part = sector - np.floor(sector)
    p, q, t = value * (1 - saturation), value * (1 - saturation * part), value * (1 - saturation * (1 - part))
    table = [(value, t, p), (q, value, p), (p, value, t), (p, q, value), (t, p, value), (value, p, q)]
    return np.stack([np.choose(index, [row[channel] for row in table]) for channel in range(3)], -1)


def rgb_to_lab(rgb: NDArray) -> Pixels:
    """CIE L*a*b* (D65) of sRGB pixels in 0..1: distances in it are about what eyes see."""
    rgb = np.asarray(rgb, np.float32)
    linear = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92) @ _XYZ / _D65
    f = np.where(linear > 0.008856, np.cbrt(linear), 7.787 * linear + 16 / 116)
    lab = [116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])]
    return np.stack(lab, -1).astype(np.float32)


_NAMES = list(COLOURS)
_NAMED_LAB = rgb_to_lab(np.array(list(COLOURS.values()), np.float32) / 255)


def nearest_colour(rgb: NDArray) -> str:
    """Name of the palette colour that is nearest to one pixel in 0..1."""
    return _NAMES[int(((rgb_to_lab(rgb) - _NAMED_LAB) ** 2).sum(-1).argmin())]
