"""Words of images that the vocabulary has beside its own: what networks see in them, and what they are told of them; see `vocabulary.py`."""

from __future__ import annotations

from typing import Annotated, Literal, Union

from . import kinds as of
from .array_types import Image, NDArray, Tensor
from .value import Value

__all__ = [
    "DepthImage",
    "EnlargedNoise",
    "HintPixels",
    "KeepsSize",
    "LongSide",
    "NoisedVectors",
    "Resampling",
    "SeenLatents",
    "SeenSize",
    "SmallPixels",
    "VectorNoise",
]

LongSide = Annotated[
    int,
    of.of_image_pixels(doc="Longer side in pixels in which the image is looked at; 0 is the image's own.", low=0),
]
SeenSize = Annotated[
    tuple[int, int], Value(doc="Height and width in pixels of what was looked at, without its margin.")
]
SeenLatents = Annotated[
    Tensor,
    Value(
        "b extra h w", "Latents of the image that is looked at, which the denoiser reads before its own.", dtype="float"
    ),
]
Resampling = Annotated[
    Literal["nearest", "nearest-exact", "bilinear", "bicubic", "area"], of.of_image(doc="How sizes are changed.")
]
KeepsSize = Annotated[
    bool, of.output(doc="Whether results have the size of the image, and not that in which it was looked at.")
]
DepthImage = Annotated[
    Union[Image, list[Image], list[NDArray], list[Tensor], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    of.image(doc="Image whose depth steers: one for all prompts, or one for each."),
]
SmallPixels = Annotated[
    Tensor,
    of.latents(
        "images 3 rows columns",
        "Small images that are made larger, in -1..1, as the stage before has drawn them.",
        dtype="float",
    ),
]
EnlargedNoise = Annotated[
    int, of.of_image(doc="Timestep whose noise is put on the small image after it was enlarged.", low=0, high=999)
]
NoisedVectors = Annotated[
    Tensor,
    of.embeds(
        "b noised_vector", "One vector per image with noise on it, and behind it how much that is.", dtype="float"
    ),
]
VectorNoise = Annotated[
    int,
    of.of_image(
        doc="Timestep whose noise is put on the vector of an image: with more, results are less like it.",
        low=0,
        high=999,
    ),
]
HintPixels = Annotated[
    Tensor, Value("b 3 height width", "Image that steers the denoiser itself, in 0..1.", dtype="float")
]
