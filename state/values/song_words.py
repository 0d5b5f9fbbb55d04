"""Words of music that the vocabulary has beside its own; see `vocabulary.py`."""

from __future__ import annotations

from typing import Annotated

from . import kinds as of
from .array_types import Tensor
from .value import Value

__all__ = [
    "AudioDuration",
    "BeatsPerMinute",
    "KeyScale",
    "Lyrics",
    "LyricsEmbeds",
    "LyricsMask",
    "NegativeSongEmbeds",
    "SongContext",
    "SongEmbeds",
    "SongTextEmbeds",
    "SongTextMask",
    "TimeSignature",
    "VocalLanguage",
]

Lyrics = Annotated[
    str | list[str],
    of.prompt(
        doc='What is sung, with marks such as [verse] and [chorus]; one for all prompts, or one for each; "" is music without words.'
    ),
]
VocalLanguage = Annotated[
    str | list[str], of.subject(doc='Language of the lyrics, as "en" or "ja"; one for all, or one for each prompt.')
]
AudioDuration = Annotated[float, of.size(doc="Seconds of the music.", low=0, open=True)]
BeatsPerMinute = Annotated[int, of.subject(doc="Beats of a minute; the denoiser finds some where absent.", low=1)]
KeyScale = Annotated[str, of.subject(doc='Key and scale, as "C major"; the denoiser finds one where absent.')]
TimeSignature = Annotated[str, of.subject(doc='Beats of a bar, as "4" for 4/4; the denoiser finds some where absent.')]
SongTextEmbeds = Annotated[
    Tensor, Value("b text_tokens text_width", "Hidden states of the description of the music.", dtype="float")
]
SongTextMask = Annotated[
    Tensor, Value("b text_tokens", "1 for tokens of the description, and 0 for padding.", dtype="bool")
]
LyricsEmbeds = Annotated[
    Tensor, Value("b lyrics_tokens text_width", "Embeddings of the tokens of the lyrics.", dtype="float")
]
LyricsMask = Annotated[Tensor, Value("b lyrics_tokens", "1 for tokens of the lyrics, and 0 for padding.", dtype="bool")]
SongEmbeds = Annotated[
    Tensor,
    Value("b song_tokens song_width", "What the denoiser is told of text, lyrics and timbre.", dtype="float"),
]
NegativeSongEmbeds = Annotated[
    Tensor, Value("b song_tokens song_width", "What it is told where it is told nothing.", dtype="float")
]
SongContext = Annotated[
    Tensor,
    Value(
        "b t context",
        "The sound that the music goes by, with 1 where it is drawn anew, as the denoiser reads it.",
        dtype="float",
    ),
]
