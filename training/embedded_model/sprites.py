"""Drawings of everyday things, in three styles, and in other colours where one hue carries the thing."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .palette import HUES, hsv_to_rgb, hue_distance, rgb_to_hsv
from .shapes import shape_masks

DATA = Path(__file__).parent / "data"
STYLE_WORDS = {"noto": "cartoon", "3d": "3d", "flat": "flat"}
STYLES = tuple(STYLE_WORDS)
SIZE = 64

Key = tuple[int, str, str | None]
"""Thing, style, and the colour that it was changed to."""


class SpritePool:
    """All layers that a scene can place: things, recoloured things, and white shapes.

    Attributes:
        labels: CLDR name per thing. nouns: words that captions use, the first is canonical.
        layers: premultiplied RGBA, `[n, 4, 64, 64]` in 0..1.
        index: layer of a thing in a style and changed colour.
        own: the palette colour that a drawing has by itself, where one hue dominates.
        first_shape: where the shapes of `SHAPES` begin in `layers`.
    """

    def __init__(self) -> None:
        things: dict[str, list[str]] = json.loads((DATA / "things.json").read_text())
        sprites: NDArray[np.float32] = np.load(DATA / "sprites.npz")["rgba"].astype(np.float32) / 255
        self.labels = list(things)
        self.nouns = list(things.values())
        self.index: dict[Key, int] = {}
        self.own: dict[tuple[int, str], str] = {}
        self.recolours: dict[tuple[int, str], list[str]] = {}
        pool: list[NDArray[np.float32]] = []
        for thing in range(len(self.labels)):
            for order, style in enumerate(STYLES):
                drawing = sprites[thing, order]
                self.index[thing, style, None] = len(pool)
                pool.append(drawing)
                own, recoloured = _recolour(drawing)
                if own:
                    self.own[thing, style] = own
                for colour, changed in recoloured.items():
                    self.recolours.setdefault((thing, style), []).append(colour)
                    self.index[thing, style, colour] = len(pool)
                    pool.append(changed)
        self.first_shape = len(pool)
        pool.extend(np.concatenate([np.ones((SIZE, SIZE, 3), np.float32), m[..., None]], -1) for m in shape_masks(SIZE))
        stacked = np.stack(pool)
        stacked[..., :3] *= stacked[..., 3:]
        self.layers: Tensor = torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous()


@cache
def sprite_pool() -> SpritePool:
    """The pool, which takes seconds to make and 270 MB: nobody changes it."""
    return SpritePool()


def _recolour(drawing: NDArray[np.float32]) -> tuple[str | None, dict[str, NDArray[np.float32]]]:
    """The colour that dominates a drawing, and copies whose dominant hue is turned to each other colour."""
    hsv = rgb_to_hsv(drawing[..., :3])
    weight = drawing[..., 3] * hsv[..., 1] * hsv[..., 2]
    total = weight.sum()
    if total < 0.18 * drawing[..., 3].sum():
        return None, {}
    mean = (weight * np.exp(2j * np.pi * hsv[..., 0])).sum() / total
    hue = float((np.angle(mean) / 2 / np.pi) % 1)
    distance = hue_distance(hsv[..., 0], hue)
    dominant = (weight * (distance < 0.09)).sum() / total
    own = min(HUES, key=lambda c: hue_distance(np.array(HUES[c]), hue)) if dominant > 0.55 else None
    if dominant <= 0.6:
        return own, {}
    # What is transparent counts as black wherever it is placed.
    seen = drawing[..., 3] > 0
    moved = np.clip(1.6 - distance[seen] / 0.09, 0, 1)
    copies = {}
    for colour, target in HUES.items():
        if hue_distance(np.array(target), hue) < 0.05:
            continue
        turned = hsv[seen]
        turned[..., 0] = (turned[..., 0] + moved * ((target - hue + 0.5) % 1 - 0.5)) % 1
        if colour == "pink":
            turned[..., 1] *= 0.65
            turned[..., 2] = np.clip(turned[..., 2] * 1.1, 0, 1)
        copy = drawing.copy()
        copy[seen, :3] = hsv_to_rgb(turned)
        copies[colour] = copy
    return own, copies
