"""Captions and the pictures that they describe: drawn by a procedure, so every caption is exactly true."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Sequence

import torch
from attrs import evolve, field, frozen
from torch import Tensor
from torch.nn import functional as F

from .palette import COLOURS
from .shapes import SHAPES
from .sprites import SIZE, STYLE_WORDS, STYLES, sprite_pool

MASS_NOUNS = frozenset(
    {
        "grapes",
        "cherries",
        "bread",
        "cheese",
        "french fries",
        "fire",
        "scissors",
        "ice cream",
        "corn",
        "broccoli",
        "pancakes",
        "popcorn",
        "beer",
        "yarn",
        "sunglasses",
        "jeans",
        "socks",
        "headphones",
        "dice",
    }
)
OPENINGS = ("",) * 8 + ("a picture of ", "an image of ", "an icon of ")


@frozen
class Layer:
    """One drawing of the pool: tint (a palette colour; None leaves it), scale, and centre in -1..1."""

    sprite: int
    tint: str | None
    scale: float
    x: float
    y: float


@frozen
class Scene:
    """What is in a picture, as data: the truth that the oracle's findings are compared with."""

    caption: str
    background: str
    layers: tuple[Layer, ...]
    thing: int | None = None
    style: str | None = None
    colour: str | None = None
    colour_named: bool = False
    shapes: tuple[tuple[str, str], ...] = ()
    position: str | None = None
    size: str | None = None
    original_size: int = SIZE
    crop: tuple[int, int] = (0, 0)
    key: str = field(default="", repr=False)

    @property
    def style_named(self) -> bool:
        """Whether the caption says in which style the thing is drawn."""
        return any(word in self.caption.replace(",", "").split() for word in STYLE_WORDS.values())

    @property
    def held_out(self) -> bool:
        """Whether this composition is kept from training, to measure what was not learned by heart."""
        return bool(self.key) and zlib.crc32(self.key.encode()) % 8 == 0


def with_article(words: str, noun: str | None = None) -> str:
    """Put "a" or "an" before words, unless their noun takes none."""
    if noun in MASS_NOUNS:
        return words
    vowel = words[0] in "aeiou" and not words.startswith(("uni", "ufo"))
    return ("an " if vowel else "a ") + words


class SceneSource:
    """Draw random scenes from a random generator of the caller."""

    def __init__(self) -> None:
        self.pool = sprite_pool()

    def scene(self, rng: random.Random, kind: str | None = None) -> Scene:
        """Make one scene: a thing (72 %) or shapes, or what `kind` ("thing" or "shapes") says."""
        kind = kind or ("thing" if rng.random() < 0.72 else "shapes")
        background = "white" if rng.random() < 0.4 else rng.choice(list(COLOURS))
        scene = self.thing_scene(rng, background) if kind == "thing" else self.shape_scene(rng, background)
        return evolve(scene, caption=rng.choice(OPENINGS) + scene.caption)

    def thing_scene(self, rng: random.Random, background: str) -> Scene:
        """One everyday thing in a style, perhaps with its colour changed or named."""
        pool = self.pool
        thing, style = rng.randrange(len(pool.labels)), rng.choice(STYLES)
        noun = rng.choice(pool.nouns[thing])
        own = pool.own.get((thing, style))
        recolours = pool.recolours.get((thing, style), [])
        changed = rng.choice(recolours) if recolours and rng.random() < 0.35 else None
        named = changed or (own if own and rng.random() < 0.3 else None)
        words = f"{named} {noun}" if named else noun
        style_at = rng.random()
        if style_at < 0.25:
            words = f"{STYLE_WORDS[style]} {words}"
        caption = with_article(words, words if words == noun else noun)
        if 0.25 <= style_at < 0.5:
            caption += f", {STYLE_WORDS[style]} style"
        layer = Layer(
            pool.index[thing, style, changed],
            None,
            rng.uniform(0.86, 1.02),
            rng.uniform(-0.05, 0.05),
            rng.uniform(-0.05, 0.05),
        )
        return Scene(
            caption + _on(rng, background),
            background,
            (layer,),
            thing=thing,
            style=style,
            colour=changed or own,
            colour_named=named is not None,
            key=f"{noun}/{named}/{background}" if named else "",
        )

    def shape_scene(self, rng: random.Random, background: str) -> Scene:
        """One to three shapes of a colour, or two shapes of two colours."""
        mode = rng.choice(["plain", "plain", "size", "position", "count", "two"])
        colour = rng.choice([c for c in COLOURS if c != background])
        shape = rng.choice(SHAPES)
        picture = _SHAPE_MODES[mode](rng, shape, colour, background)
        layers = tuple(
            Layer(self.pool.first_shape + SHAPES.index(name), tint, scale, x, y)
            for (name, tint), (scale, x, y) in zip(picture.shapes, picture.places, strict=True)
        )
        return Scene(
            picture.words + _on(rng, background),
            background,
            layers,
            shapes=picture.shapes,
            position=picture.position,
            size=picture.size,
            key=f"{picture.shapes}/{background}",
        )

    def training_scene(self, rng: random.Random, kind: str | None = None) -> Scene:
        """A scene that is not held out; a fifth are cropped or small originals, so that size ids mean something."""
        scene = self.scene(rng, kind)
        while scene.held_out:
            scene = self.scene(rng, kind)
        chance = rng.random()
        if chance < 0.12:
            size = rng.choice([72, 80, 88])
            return evolve(
                scene, original_size=size, crop=(rng.randrange(size - SIZE + 1), rng.randrange(size - SIZE + 1))
            )
        if chance < 0.2:
            return evolve(scene, original_size=SIZE // 2)
        return scene

    def draw(self, scenes: Sequence[Scene]) -> Tensor:
        """Pictures of scenes, `[b, 3, 64, 64]` in -1..1."""
        grounds = torch.tensor([COLOURS[s.background] for s in scenes], dtype=torch.float32) / 255
        picture = grounds.view(-1, 3, 1, 1).expand(-1, 3, SIZE, SIZE).clone()
        for chosen, layers, sprite in self._placed(scenes):
            tints = [COLOURS[layer.tint] if layer.tint else (255, 255, 255) for layer in layers]
            tint = (torch.tensor(tints, dtype=torch.float32) / 255).view(-1, 3, 1, 1)
            picture[chosen] = sprite[:, :3] * tint + picture[chosen] * (1 - sprite[:, 3:])
        small = [i for i, s in enumerate(scenes) if s.original_size < SIZE]
        if small:
            half = F.interpolate(picture[small], scale_factor=0.5, mode="area")
            picture[small] = F.interpolate(half, scale_factor=2, mode="bilinear", align_corners=False)
        return picture * 2 - 1

    def layout(self, scenes: Sequence[Scene]) -> Tensor:
        """Where something lies, `[b, 1, 64, 64]` in 0..1: what a ControlNet for layout is shown."""
        covered = torch.zeros(len(scenes), 1, SIZE, SIZE)
        for chosen, _, sprite in self._placed(scenes):
            covered[chosen] = torch.maximum(covered[chosen], sprite[:, 3:])
        return covered

    def _placed(self, scenes: Sequence[Scene]) -> Iterator[tuple[list[int], list[Layer], Tensor]]:
        """Layers from back to front: which scenes have one, which, and its premultiplied RGBA where it lies."""
        for depth in range(max(len(s.layers) for s in scenes)):
            chosen = [i for i, s in enumerate(scenes) if len(s.layers) > depth]
            layers = [scenes[i].layers[depth] for i in chosen]
            places = torch.tensor([_affine(scenes[i], scenes[i].layers[depth]) for i in chosen])
            grid = F.affine_grid(places, [len(layers), 4, SIZE, SIZE], align_corners=False)
            drawings = self.pool.layers[[layer.sprite for layer in layers]]
            yield chosen, layers, F.grid_sample(drawings, grid, align_corners=False)


def time_ids(scene: Scene) -> list[float]:
    """SDXL's micro-conditioning: original size, crop corner and target size, each as (height, width)."""
    return [scene.original_size, scene.original_size, *scene.crop, SIZE, SIZE]


def _affine(scene: Scene, layer: Layer) -> list[list[float]]:
    window = SIZE / max(scene.original_size, SIZE)
    whole = max(scene.original_size, SIZE)
    shift_y, shift_x = ((2 * corner + SIZE) / whole - 1 for corner in scene.crop)
    return [
        [window / layer.scale, 0, (shift_x - layer.x) / layer.scale],
        [0, window / layer.scale, (shift_y - layer.y) / layer.scale],
    ]


def _on(rng: random.Random, background: str) -> str:
    if background == "white" and rng.random() >= 0.3:
        return ""
    return f" on {with_article(background)} background"


@frozen
class _Arrangement:
    words: str
    shapes: tuple[tuple[str, str], ...]
    places: tuple[tuple[float, float, float], ...]
    position: str | None = None
    size: str | None = None


def _jitter(rng: random.Random) -> float:
    return rng.uniform(-0.04, 0.04)


def _plain(rng: random.Random, shape: str, colour: str, _background: str, size: str | None = None) -> _Arrangement:
    scale = {"small": 0.36, "large": 0.95, None: rng.uniform(0.55, 0.8)}[size]
    words = with_article(" ".join(filter(None, [size, colour, shape])))
    return _Arrangement(words, ((shape, colour),), ((scale, _jitter(rng), _jitter(rng)),), size=size)


def _sized(rng: random.Random, shape: str, colour: str, background: str) -> _Arrangement:
    return _plain(rng, shape, colour, background, rng.choice(["small", "large"]))


def _placed(rng: random.Random, shape: str, colour: str, _background: str) -> _Arrangement:
    position = rng.choice(["left", "right", "top", "bottom"])
    x, y = {"left": (-0.48, 0.0), "right": (0.48, 0.0), "top": (0.0, -0.48), "bottom": (0.0, 0.48)}[position]
    where = f" on the {position}" if x else f" at the {position}"
    place = (0.46, x + _jitter(rng), y + _jitter(rng))
    return _Arrangement(with_article(f"{colour} {shape}") + where, ((shape, colour),), (place,), position=position)


def _counted(rng: random.Random, shape: str, colour: str, _background: str) -> _Arrangement:
    number, scale, centres = rng.choice([("two", 0.42, (-0.46, 0.46)), ("three", 0.29, (-0.62, 0.0, 0.62))])
    plural = shape + ("es" if shape == "cross" else "s")
    places = tuple((scale, x, _jitter(rng)) for x in centres)
    return _Arrangement(f"{number} {colour} {plural}", ((shape, colour),) * len(centres), places)


def _two(rng: random.Random, shape: str, colour: str, background: str) -> _Arrangement:
    other = rng.choice(SHAPES)
    other_colour = rng.choice([c for c in COLOURS if c not in (background, colour)])
    words = f"{with_article(f'{colour} {shape}')} and {with_article(f'{other_colour} {other}')}"
    places = tuple((0.44, x, _jitter(rng)) for x in (-0.47, 0.47))
    return _Arrangement(words, ((shape, colour), (other, other_colour)), places)


_SHAPE_MODES = {"plain": _plain, "size": _sized, "position": _placed, "count": _counted, "two": _two}
