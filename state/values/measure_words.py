"""Words of measures that the vocabulary has beside its own; see `vocabulary.py`."""

from __future__ import annotations

from typing import Annotated, Union

from . import kinds as of
from .array_types import Image, NDArray, Tensor
from .value import Value

__all__ = [
    "ComparedImages",
    "ImageFiles",
    "ImageScores",
    "MeasuredAtOnce",
    "MeasuredFeatures",
    "SetScore",
    "SourcePrompt",
]

ComparedImages = Annotated[
    Union[Image, list[Image], list[NDArray], list[Tensor], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    of.image(doc="Images that others are compared with: one for all, or one for each."),
]
SourcePrompt = Annotated[
    str | list[str], of.prompt(doc="What the images show that others were made from: one for all, or one for each.")
]
ImageScores = Annotated[list[float], Value(doc="A number for each image.")]
SetScore = Annotated[float, Value(doc="A number for all images together.")]
MeasuredFeatures = Annotated[
    list[Tensor],
    Value(doc='What a network says of images, "b features" of each batch that was gathered, in float32 on the CPU.'),
]
ImageFiles = Annotated[list[str], Value(doc="Paths of images.")]
MeasuredAtOnce = Annotated[int, of.of_image(doc="Images that are read and measured at once.", low=1)]
