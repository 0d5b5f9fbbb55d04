"""The shapes, drawn once as soft masks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "triangle", "star", "heart", "diamond", "ring", "cross")
"""What the model was trained on."""
ARROW = "arrow"
"""What it learns from a LoRA (train_lora.py)."""
_CANVAS = 256


def _polygon(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]]) -> None:
    draw.polygon([(x * _CANVAS, y * _CANVAS) for x, y in points], fill=255)


def _box(draw: ImageDraw.ImageDraw, kind: str, low: float, high: float, fill: int = 255) -> None:
    getattr(draw, kind)([low * _CANVAS, low * _CANVAS, high * _CANVAS, high * _CANVAS], fill=fill)


def _star(draw: ImageDraw.ImageDraw) -> None:
    points = []
    for index in range(10):
        radius = 0.48 * (1 if index % 2 == 0 else 0.42)
        angle = index * math.pi / 5
        points.append((0.5 + radius * math.sin(angle), 0.53 - radius * math.cos(angle)))
    _polygon(draw, points)


def _heart(draw: ImageDraw.ImageDraw) -> None:
    t = np.linspace(0, 2 * np.pi, 200)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    _polygon(draw, list(zip(0.5 + x / 36, 0.47 - y / 36, strict=True)))


def _ring(draw: ImageDraw.ImageDraw) -> None:
    _box(draw, "ellipse", 0.06, 0.94)
    _box(draw, "ellipse", 0.3, 0.7, fill=0)


def _arrow(draw: ImageDraw.ImageDraw) -> None:
    head = [(0.5, 0.1), (0.97, 0.5), (0.5, 0.9)]
    _polygon(draw, [*head, (0.5, 0.64), (0.04, 0.64), (0.04, 0.36), (0.5, 0.36)])


def _cross(draw: ImageDraw.ImageDraw) -> None:
    n = _CANVAS
    draw.rectangle([0.35 * n, 0.06 * n, 0.65 * n, 0.94 * n], fill=255)
    draw.rectangle([0.06 * n, 0.35 * n, 0.94 * n, 0.65 * n], fill=255)


_DRAWERS: dict[str, Callable[[ImageDraw.ImageDraw], None]] = {
    "circle": lambda draw: _box(draw, "ellipse", 0.06, 0.94),
    "square": lambda draw: _box(draw, "rectangle", 0.1, 0.9),
    "triangle": lambda draw: _polygon(draw, [(0.5, 0.07), (0.95, 0.9), (0.05, 0.9)]),
    "star": _star,
    "heart": _heart,
    "diamond": lambda draw: _polygon(draw, [(0.5, 0.04), (0.86, 0.5), (0.5, 0.96), (0.14, 0.5)]),
    "ring": _ring,
    "cross": _cross,
    ARROW: _arrow,
}


def shape_masks(size: int = 64, names: Sequence[str] = SHAPES) -> NDArray[np.float32]:
    """One mask per name, `[n, size, size]` in 0..1."""
    masks = []
    for name in names:
        image = Image.new("L", (_CANVAS, _CANVAS))
        _DRAWERS[name](ImageDraw.Draw(image))
        masks.append(np.asarray(image.resize((size, size), Image.Resampling.LANCZOS), dtype=np.float32) / 255)
    return np.stack(masks)
