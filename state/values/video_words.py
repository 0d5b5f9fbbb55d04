"""Words of videos that the vocabulary has beside its own; see `vocabulary.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ForwardRef

from . import kinds as of
from .value import Value

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = ForwardRef("Tensor", module="torch")

__all__ = [
    "DecodeNoiseScale",
    "DecodeTimestep",
    "KeptFrames",
    "KeptLatents",
    "SolverMemory",
    "StartLatents",
    "ToldFrameRate",
]

StartLatents = Annotated[
    Tensor,
    of.latents(
        "images c start rows columns",
        "Latents of the image that a video begins with, which are one frame.",
        dtype="float",
    ),
]
KeptLatents = Annotated[
    Tensor,
    of.latents(
        "b c kept rows columns",
        "Latents of the frames that each video begins with, which stay as they are.",
        dtype="float",
    ),
]
KeptFrames = Annotated[
    Tensor, Value("b", "How many latents along time are given, and have no noise, for denoisers that are told it.")
]
ToldFrameRate = Annotated[Tensor, Value("b", "How many frames of a second each video has, as the denoiser is told it.")]
DecodeTimestep = Annotated[
    float | list[float],
    of.part(
        doc="Noise level that VAEs which were trained with noise are told; a list has one for each video.",
        low=0,
        high=1,
    ),
]
DecodeNoiseScale = Annotated[
    float | list[float],
    of.part(doc="How much noise these are given; as much as `decode_timestep` says where absent.", low=0, high=1),
]
SolverMemory = Annotated[Any, Value(doc="What a solver is given again that it said in the step before.")]
