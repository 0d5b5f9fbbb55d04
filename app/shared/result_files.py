"""Which files values of a run are written into: videos and sounds in formats that other programs play, beside images and values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from attrs import frozen

from ...registry.loading.needed_packages import refuse_without
from ...state import InputError
from ...state.vocabulary import Audios, FrameRate, SamplingRate, Videos

IMAGES, FORM, LATENTS = "images", "output_type", "latent"
MEDIA_TYPES = {
    ".png": "image/png",
    ".mp4": "video/mp4",
    ".gif": "image/gif",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".safetensors": "application/octet-stream",
}
"""By the end of a file's name; what the server writes."""
Kind = Literal["video", "sound"]
ENDINGS: Mapping[Kind, Sequence[str]] = {"video": (".mp4", ".mov", ".mkv", ".gif"), "sound": (".wav", ".flac")}
"""Of names that a person may give; the first is the usual one."""
RECIPE_ENDING = ".recipe.json"
"""Of the file beside a video or a sound that has its recipe, since these formats have no place for one that programs keep."""
_PACKAGES: Mapping[Kind, tuple[str, str]] = {
    "video": ("av", "Files of videos need"),
    "sound": ("soundfile", "Files of sounds need"),
}

_TYPES: Sequence[tuple[Kind, Any, Any]] = (("video", Videos, FrameRate), ("sound", Audios, SamplingRate))
"""Types of results that are played, with those of their rates."""


@frozen
class Medium:
    """A result that is played.

    Attributes:
        kind: what it is. rate: the value that says how much of it a second has; None where the workflow has none.
    """

    kind: Kind
    rate: str | None

    @classmethod
    def of_data(cls, data: Sequence[Any]) -> Medium:
        """Return it from what `data` gave."""
        return cls(data[0], data[1])

    def data(self) -> list[str | None]:
        """Return it as data for JSON."""
        return [self.kind, self.rate]

    @property
    def endings(self) -> Sequence[str]:
        """Ends of names of its files."""
        return ENDINGS[self.kind]


def media_of(outputs: Iterable[Any]) -> dict[str, Medium]:
    """Return which outputs of blocks are videos or sounds, by the types that are declared."""
    # By what the vocabulary says of them: classes that a type names by text are there, or not yet.
    said = {str(each.name): _said(each.type_hint) for each in outputs}

    def named(hint: Any) -> list[str]:
        return [name for name, each in said.items() if each == _said(hint)]

    found: dict[str, Medium] = {}
    for kind, what, per_second in _TYPES:
        rate = next(iter(named(per_second)), None)
        found |= {name: Medium(kind, rate) for name in named(what)}
    return found


def _said(hint: Any) -> Any:
    """Return what an annotated type says beside its class."""
    return getattr(hint, "__metadata__", None)


def main_output(names: Iterable[str], media: Mapping[str, Medium]) -> str:
    """Return what a workflow gives where nothing is asked for: images, else the video or the sound that it makes."""
    return IMAGES if IMAGES in [*names] else next(reversed([IMAGES, *media]))


def with_rates(asked: Sequence[str], media: Mapping[str, Medium]) -> list[str]:
    """Return what is asked for, and what playing it needs beside."""
    return list(dict.fromkeys([*asked, *(media[name].rate or name for name in asked if name in media)]))


def refuse_unwritable(medium: Medium, name: str, ending: str) -> None:
    """Refuse a file of a video or a sound that could not be written, before anything is computed.

    Raises:
        InputError: nothing says its rate. ComponentError: a package is missing.
    """
    if medium.rate is None:
        rate = "FrameRate" if medium.kind == "video" else "SamplingRate"
        raise InputError(
            f"No block says how fast {name} is played: an output of the type {rate} is missing. It goes into a .safetensors file."
        )
    if ending != ".gif":
        refuse_without(*_PACKAGES[medium.kind])


def is_played(medium: Medium, form: object) -> bool:
    """Return whether a result is a video or a sound, and no latents; `form` is the run's `output_type`."""
    return medium.rate is not None and form != LATENTS


def write_media(medium: Medium, value: Any, rate: Any, paths: Sequence[Path]) -> None:
    """Write each of several videos or sounds to its file.

    Raises:
        InputError: it cannot be written in the format that the name says.
    """
    from ...blocks.audio.files import export_to_sound
    from ...blocks.video.files import export_to_video

    for one, path in zip(value, paths, strict=True):
        if medium.kind == "video":
            export_to_video(one, path, float(rate))
        else:
            export_to_sound(one, path, int(rate))
