"""Sounds as files: read and written in memory by soundfile, with their sampling rate."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...registry.loading.needed_packages import refuse_without
from ...state import InputError
from ...state.atomic import beside
from ...state.limits import LARGEST_PICTURE_FILE
from ...state.reading import read_bytes
from ..steps.image_reading import refuse_address

if TYPE_CHECKING:
    from torch import Tensor

_FORMATS = {".wav": ("WAV", "FLOAT"), ".flac": ("FLAC", "PCM_24")}
"""Format and numbers of a file by the end of its name: floats are kept as they are, FLAC rounds to 24 bits."""
READ = ("WAV", "WAVEX", "FLAC", "OGG", "MP3", "AIFF")
"""Formats that are read. soundfile knows further ones, some of which say nothing of their own length."""
LARGEST_SOUND_FILE = 4 * LARGEST_PICTURE_FILE
MOST_SAMPLES = 500_000_000
"""Of all channels; a small file of FLAC may hold many."""


def load_sound(path: str | Path) -> tuple[Tensor, int]:
    """Return the waveform of a file, `[channels samples]` in -1..1, and how many samples a second has.

    Files are in WAV, FLAC, OGG, MP3 or AIFF.

    Raises:
        InputError: it is no sound, damaged or too large, or an address of the net. ComponentError: soundfile is not installed.

    Example:
        >>> waveform, rate = load_sound("bird.flac")  # doctest: +SKIP
    """
    import torch

    name = str(path)[:200]
    refuse_address(path)
    library = _library()
    data = read_bytes(Path(path), LARGEST_SOUND_FILE, InputError)
    try:
        with library.SoundFile(io.BytesIO(data)) as file:
            if file.format not in READ:
                raise InputError(
                    f"{name} is in the format {file.format}, which is not read; give WAV, FLAC, OGG, MP3 or AIFF."
                )
            if file.frames * file.channels > MOST_SAMPLES:
                raise InputError(
                    f"{name} says it has {file.frames:,} samples in {file.channels} channels; at most {MOST_SAMPLES:,} are decoded."
                )
            samples = file.read(dtype="float32", always_2d=True)
            return torch.from_numpy(samples.T.copy()), int(file.samplerate)
    except library.SoundFileError as error:
        raise InputError(f"{name} cannot be read as a sound: {error}") from error


def export_to_sound(audio: Any, path: str | Path, sampling_rate: int) -> Path:
    """Write one waveform to a file, and return its path; what was there is replaced when all is written.

    Args:
        audio: a tensor or array `[channels samples]`, as an item of `audios` is. path: its end says the format: .wav (floats, without loss)
            or .flac (24 bits, of -1..1). sampling_rate: samples of a second.

    Raises:
        InputError: it is no waveform, has numbers that are none, or the format is another. ComponentError: soundfile is not installed.

    Example:
        >>> export_to_sound(state.audios[0], "bird.flac", state.sampling_rate)  # doctest: +SKIP
    """
    target = Path(path)
    found = _FORMATS.get(target.suffix.lower())
    if found is None:
        raise InputError(f"{target.name!r} says no format of sounds; names end with {' or '.join(_FORMATS)}.")
    if not isinstance(sampling_rate, int) or sampling_rate < 1:
        raise InputError(f"sampling_rate is {sampling_rate!r}; give how many samples a second has, as a whole number.")
    samples = _as_samples(audio)
    library = _library()
    held = io.BytesIO()
    library.write(held, samples.T, sampling_rate, format=found[0], subtype=found[1])
    with beside(target) as begun:
        begun.write_bytes(held.getvalue())
    return target


def _as_samples(audio: Any) -> Any:
    """Return one waveform as an array `[channels samples]` of float32."""
    import numpy as np

    if hasattr(audio, "detach"):
        audio = audio.detach().float().cpu().numpy()
    if not isinstance(audio, np.ndarray) or audio.dtype.kind != "f" or audio.ndim not in (1, 2) or not audio.size:
        shape = list(audio.shape) if isinstance(audio, np.ndarray) else None
        said = type(audio).__name__ if shape is None else f"of {audio.dtype} with the shape {shape}"
        raise InputError(f"audio is {said}; give one waveform of floats, [channels samples], as state.audios[0] is.")
    if not np.isfinite(audio).all():
        raise InputError("audio has numbers that are not finite (NaN or infinity), and no file holds these.")
    return np.atleast_2d(audio).astype("float32")


def _library() -> Any:
    refuse_without("soundfile", "Files of sounds need")
    import soundfile

    return soundfile
