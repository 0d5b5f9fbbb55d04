"""Words of videos that the vocabulary has beside its own; see `vocabulary.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ForwardRef

from . import kinds as of
from .value import Value

if TYPE_CHECKING:
    from torch import Tensor
else:
    Tensor = ForwardRef("Tensor", module="torch")

StartLatents = Annotated[
    Tensor,
    of.latents(
        "images c start rows columns",
        "Latents of the image that a video begins with, which are one frame.",
        dtype="float",
    ),
]
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
