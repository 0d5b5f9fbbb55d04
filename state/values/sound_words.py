"""Words of sound that the vocabulary has beside its own; see `vocabulary.py`."""

from __future__ import annotations

from typing import Annotated, Literal, Union

from . import kinds as of
from .array_types import NDArray, Tensor
from .value import Value

__all__ = [
    "Audios",
    "DurationEmbeds",
    "InputAudio",
    "InputSamplingRate",
    "NegativeSoundEmbeds",
    "SamplingRate",
    "SoundEmbeds",
    "SoundEnd",
    "SoundOutputType",
    "SoundStart",
]

Audios = Annotated[
    Union[NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    Value(doc='Finished waveforms, a tensor or array "b channels samples" around -1..1, or latents "b c t".'),
]
SamplingRate = Annotated[int, Value(doc="Samples of a waveform that are played in a second.", low=1)]
SoundOutputType = Annotated[Literal["pt", "np", "latent"], of.output(doc="Form of the finished waveforms.")]
InputSamplingRate = Annotated[
    int, of.of_image(doc="Samples of a second of the given sound; those of the VAE where absent.", low=1)
]
InputAudio = Annotated[
    Union[list[NDArray], list[Tensor], NDArray, Tensor],  # noqa: UP007 - forward references have no "|"
    of.of_image(
        doc="The sound to begin from: one for all prompts, or one for each, `[channels samples]` in -1..1, in the VAE's sampling rate."
    ),
]
SoundStart = Annotated[
    float, of.size(doc="Second of the sound that the denoiser is told, at which the waveform begins.", low=0)
]
SoundEnd = Annotated[
    float, of.size(doc="Second at which the waveform ends; as long as the denoiser can where absent.", low=0, open=True)
]
SoundEmbeds = Annotated[
    Tensor,
    Value("b sound_tokens sound_width", "What the denoiser is told of a text, and of begin and end.", dtype="float"),
]
NegativeSoundEmbeds = Annotated[
    Tensor,
    Value(
        "b negative_sound_tokens sound_width",
        "The same of what the sound shall not be; zeros for nothing.",
        dtype="float",
    ),
]
DurationEmbeds = Annotated[
    Tensor, Value("b one duration_width", "What the denoiser is told of begin and end alone.", dtype="float")
]
