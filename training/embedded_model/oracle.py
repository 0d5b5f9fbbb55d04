"""Says what is in a picture: background, shapes with colours and places, or which everyday thing. No learning in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from torch.nn import functional as F

from .palette import HUES, hue_distance, nearest_colour, rgb_to_hsv, rgb_to_lab
from .scenes import Scene
from .shapes import SHAPES, shape_masks
from .sprites import SIZE, SpritePool, sprite_pool

Picture = NDArray[np.float32]
"""One picture, `[64, 64, 3]` in 0..1."""

SMALLEST = 20
"""Pixels; smaller specks are no objects."""


@frozen
class Found:
    """One shape: its kind, colour, area in pixels, and centre in 0..1."""

    shape: str
    colour: str
    area: int
    x: float
    y: float


def as_picture(image: Image.Image | torch.Tensor | Picture) -> Picture:
    """Pixels in 0..1 of a PIL image, of a tensor `[3, 64, 64]` in 0..1, or of an array `[64, 64, 3]` in 0..1."""
    if isinstance(image, Image.Image):
        return np.asarray(image.convert("RGB"), np.float32) / 255
    if isinstance(image, torch.Tensor):
        return image.detach().float().cpu().permute(1, 2, 0).numpy()
    return image


def background_pixel(picture: Picture) -> Picture:
    """Median of the outermost two rows and columns."""
    edges = [picture[:2], picture[-2:], picture[:, :2], picture[:, -2:]]
    return np.median(np.concatenate([edge.reshape(-1, 3) for edge in edges]), 0).astype(np.float32)


def background_colour(picture: Picture) -> str:
    """Palette name of the background."""
    return nearest_colour(background_pixel(picture))


def foreground(picture: Picture, threshold: float = 22) -> NDArray[np.bool_]:
    """Pixels that differ from the background as eyes see it, by so much (CIE L*a*b*)."""
    distance = rgb_to_lab(picture) - rgb_to_lab(background_pixel(picture))
    return np.sqrt((distance**2).sum(-1)) > threshold


def _fitted(mask: NDArray[np.float32]) -> tuple[NDArray[np.bool_], float]:
    """A mask brought to 32x32 within its box, and the box's width by height."""
    rows, columns = np.where(mask > 0.5)
    box = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    small = F.interpolate(torch.tensor(box)[None, None], size=(32, 32), mode="bilinear")[0, 0].numpy() > 0.5
    return small, box.shape[1] / box.shape[0]


@cache
def _models(names: tuple[str, ...]) -> list[tuple[NDArray[np.bool_], float]]:
    return [_fitted(mask) for mask in shape_masks(names=names)]


def _kind(mask: NDArray[np.float32], names: tuple[str, ...]) -> str:
    """The shape whose mask overlaps most, less for another ratio of sides."""
    fitted, ratio = _fitted(mask)
    scores = [
        (model & fitted).sum() / max(1, (model | fitted).sum()) - 0.3 * abs(np.log(ratio / model_ratio))
        for model, model_ratio in _models(names)
    ]
    return names[int(np.argmax(scores))]


def find_shapes(picture: Picture, names: tuple[str, ...] = SHAPES) -> list[Found]:
    """All shapes, from left to right, each the most like of `names`."""
    labels, _ = ndimage.label(foreground(picture), structure=np.ones((3, 3)))
    found = []
    for label in range(1, labels.max() + 1):
        mask = labels == label
        if mask.sum() < SMALLEST:
            continue
        inner = ndimage.binary_erosion(mask)
        pixels = picture[inner if inner.sum() > 5 else mask]
        y, x = ndimage.center_of_mass(mask)
        colour = nearest_colour(np.median(pixels, 0))
        kind = _kind(mask.astype(np.float32), names)
        found.append(Found(kind, colour, int(mask.sum()), float(x) / SIZE, float(y) / SIZE))
    return sorted(found, key=lambda shape: shape.x)


def dominant_colour(picture: Picture) -> str | None:
    """The hue that most of the foreground has, by name."""
    hsv = rgb_to_hsv(picture.astype(np.float64))
    weight = foreground(picture, 15) * hsv[..., 1] * hsv[..., 2]
    if weight.sum() < 1:
        return None
    return max(HUES, key=lambda name: weight[hue_distance(hsv[..., 0], HUES[name]) < 0.06].sum())


def judge_shapes(scene: Scene, picture: Picture, names: tuple[str, ...] = SHAPES) -> dict[str, bool]:
    """Compare a picture of shapes with what its scene says; one verdict per attribute, and "all"."""
    found = find_shapes(picture, names)
    verdict = {
        "background": background_colour(picture) == scene.background,
        "count": len(found) == len(scene.shapes),
        "colour": [f.colour for f in found] == [colour for _, colour in scene.shapes],
        "shape": [f.shape for f in found] == [shape for shape, _ in scene.shapes],
    }
    largest = max(found, key=lambda f: f.area, default=None)
    if scene.position:
        verdict["position"] = largest is not None and _is_at(largest, scene.position)
    if scene.size:
        verdict["size"] = largest is not None and (largest.area < 900) == (scene.size == "small")
    return {**verdict, "all": all(verdict.values())}


def _is_at(found: Found, position: str) -> bool:
    places = {"left": found.x < 0.4, "right": found.x > 0.6, "top": found.y < 0.4, "bottom": found.y > 0.6}
    return bool(places[position])


class ThingOracle:
    """Names the drawing that is nearest to a picture, over small shifts. It knows the training drawings."""

    def __init__(self, pool: SpritePool | None = None) -> None:
        pool = pool or sprite_pool()
        self.keys = list(pool.index)
        self.nouns = pool.nouns
        layers = F.interpolate(pool.layers[list(pool.index.values())], size=(32, 32), mode="area").flatten(2)
        self._drawn, self._clear = layers[:, :3].flatten(1), 1 - layers[:, 3]
        """Of each drawing the light that it gives, `[n, 3 * 1024]`, and the share of the background that is seen, `[n, 1024]`."""
        self._squares = (
            (self._drawn**2).sum(1, keepdim=True),
            (layers[:, :3] * self._clear[:, None]).sum(2),
            (self._clear**2).sum(1, keepdim=True),
        )

    def ranking(self, picture: Picture) -> list[tuple[int, str]]:
        """Things with the style of their nearest drawing, nearest first."""
        ground = torch.tensor(background_pixel(picture))
        small = F.interpolate(torch.tensor(picture).permute(2, 0, 1)[None], size=(32, 32), mode="area")
        shifts = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        rolled = torch.cat([torch.roll(small, shift, (2, 3)) for shift in shifts]).flatten(2)
        order = self._distances(ground, rolled).amin(1).argsort().tolist()
        seen: dict[int, str] = {}
        for index in order:
            thing, style, _ = self.keys[index]
            seen.setdefault(thing, style)
        return list(seen.items())

    def _distances(self, ground: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
        """Squared distances, `[n, m]`, of each drawing on a background to pictures `[m, 3, 1024]`.

        The square of drawn + clear * ground - picture is multiplied out, because that is a few products of matrices: making every
        drawing on every background takes ten times as long.
        """
        drawn, both, clear = self._squares
        square = drawn + 2 * (both @ ground)[:, None] + clear * (ground**2).sum()
        product = self._drawn @ pictures.flatten(1).T + self._clear @ torch.einsum("mcp,c->pm", pictures, ground)
        return square - 2 * product + (pictures**2).sum((1, 2))

    def thing(self, picture: Picture) -> str:
        """The canonical noun of the nearest thing."""
        return self.nouns[self.ranking(picture)[0][0]][0]


def judge_things(oracle: ThingOracle, scenes: Sequence[Scene], pictures: Sequence[Picture]) -> list[dict[str, bool]]:
    """Compare pictures of things with their scenes: thing, background, and style and colour where they were named."""
    verdicts = []
    for scene, picture in zip(scenes, pictures, strict=True):
        ranking = oracle.ranking(picture)
        verdict = {
            "thing": ranking[0][0] == scene.thing,
            "thing among five": scene.thing in [thing for thing, _ in ranking[:5]],
            "background": background_colour(picture) == scene.background,
        }
        if scene.style_named:
            verdict["style"] = ranking[0][1] == scene.style
        if scene.colour_named:
            verdict["colour"] = dominant_colour(picture) == scene.colour
        verdicts.append(verdict)
    return verdicts


class Oracle:
    """What tests ask about a picture; it takes PIL images, tensors and arrays."""

    def __init__(self, pool: SpritePool | None = None) -> None:
        self.things = ThingOracle(pool)

    def background(self, image: Image.Image | torch.Tensor | Picture) -> str:
        """Palette name of the background."""
        return background_colour(as_picture(image))

    def shapes(self, image: Image.Image | torch.Tensor | Picture) -> list[tuple[str, str]]:
        """Shape and colour of each object, from left to right: as many as it counts."""
        return [(found.shape, found.colour) for found in find_shapes(as_picture(image))]

    def places(self, image: Image.Image | torch.Tensor | Picture) -> list[tuple[float, float]]:
        """Centre of each object, (x, y) in 0..1 from the top left."""
        return [(found.x, found.y) for found in find_shapes(as_picture(image))]

    def thing(self, image: Image.Image | torch.Tensor | Picture) -> str:
        """Canonical noun of the everyday thing that is nearest."""
        return self.things.thing(as_picture(image))

    def colour(self, image: Image.Image | torch.Tensor | Picture) -> str | None:
        """The hue that most of the foreground has; None for gray pictures."""
        return dominant_colour(as_picture(image))
