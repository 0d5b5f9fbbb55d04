"""Words of videos that the vocabulary has beside its own; see `vocabulary.py`."""

from __future__ import annotations

from typing import Annotated, Any, Union

from . import kinds as of
from .array_types import Image, NDArray, Tensor
from .value import Value

__all__ = [
    "DecodeNoiseScale",
    "DecodeTimestep",
    "DecodedFrames",
    "EarlyTimesteps",
    "FirstLateStep",
    "ImageBeside",
    "KeptFrames",
    "KeptLatents",
    "LateTimesteps",
    "LayerScales",
    "MotionAmount",
    "MotionIds",
    "MotionRate",
    "ReferenceImages",
    "SecondGuidanceScale",
    "SeenImage",
    "SolverMemory",
    "StartLatents",
    "StartNoise",
    "ToldFrameRate",
    "ToldLayerScales",
    "VideoControl",
    "VideoMask",
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
VideoMask = Annotated[
    Union[list[Any], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    of.of_image(
        doc="White where the given video is drawn anew, black where it stays: a mask for each frame, or lists of such, one for each prompt."
    ),
]
ReferenceImages = Annotated[
    Union[Image, list[Image], list[NDArray], list[Tensor], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    of.image(doc="What the videos shall look like: one image or several, which are all shown to each video."),
]
VideoControl = Annotated[
    Tensor,
    Value(
        "b steering h w",
        "Latents of what stays, of what is drawn anew, and the mask, as the denoiser reads them.",
        dtype="float",
    ),
]
LayerScales = Annotated[
    float | list[float],
    of.of_image(doc="Weight of what steers the video; a list has one for each layer that reads it.", low=0),
]
ToldLayerScales = Annotated[Tensor, Value("b steered_layers", "The same for each video.", dtype="float")]
SolverMemory = Annotated[Any, Value(doc="What a solver is given again that it said in the step before.")]
DecodedFrames = Annotated[
    int,
    of.size(
        doc="Frames that the VAE decodes at once: fewer need less memory; as many as a video has where absent.", low=1
    ),
]
MotionRate = Annotated[int, of.size(doc="Frames of a second that the denoiser is told, and the video has.", low=1)]
MotionAmount = Annotated[
    int, of.of_image(doc="How much moves, in the steps of the training: more is more motion.", low=0)
]
StartNoise = Annotated[
    float, of.of_image(doc="Strength of the noise on the given image: with more the video keeps less to it.", low=0)
]
ImageBeside = Annotated[
    Tensor,
    Value("b beside rows columns", "Latents of an image that the denoiser reads beside each frame.", dtype="float"),
]
MotionIds = Annotated[
    Tensor, Value("b ids", "Rate of frames, amount of motion, and strength of the noise on the image.", dtype="float")
]
EarlyTimesteps = Annotated[Tensor, Value("early_steps", "The timesteps of the first of two networks.")]
LateTimesteps = Annotated[Tensor, Value("late_steps", "The timesteps of the second, which goes on from there.")]
FirstLateStep = Annotated[
    int, Value(doc="Which iteration of the loop is the first of the second network, from 0.", low=0)
]
SecondGuidanceScale = Annotated[
    float, of.guidance(doc="Strength of guidance of the second network in this run; the first's where absent.", low=0)
]
SeenImage = Annotated[
    Tensor,
    of.embeds("images seen_tokens seen_width", "Hidden states of an encoder that sees the images.", dtype="float"),
]
