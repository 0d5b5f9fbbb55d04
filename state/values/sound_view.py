"""Waveforms as a notebook plays them."""

from __future__ import annotations

import base64
import io
import wave
from typing import Any

from ..html_view import Html, escaped

MOST_SOUNDS = 8
"""That are shown of one value."""
MOST_BYTES = 20_000_000
"""Of one sound in a page; a longer one is played from its beginning."""


def players(audios: Any, sampling_rate: int) -> Html | None:
    """Return something to play waveforms `[b channels samples]` with, in 16 bits; None where the value holds none, as latents do not.

    Args:
        audios: a tensor or array. sampling_rate: samples of a second.
    """
    shape: Any = getattr(audios, "shape", ())
    # More than two channels no browser plays as they are meant: latents have as many.
    if len(shape) != 3 or shape[1] not in (1, 2) or not shape[2]:
        return None
    shown = [_player(each, sampling_rate) for each in audios[:MOST_SOUNDS]]
    more = shape[0] - len(shown)
    return Html("".join(shown) + (f" and {more} more" if more else ""))


def _player(audio: Any, rate: int) -> str:
    import numpy as np

    samples = audio.detach().float().cpu().numpy() if hasattr(audio, "detach") else np.asarray(audio)
    channels, count = samples.shape
    whole = np.nan_to_num(samples[:, : MOST_BYTES // (2 * channels)].clip(-1, 1)) * 32767
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(whole.T.round().astype("<i2")).tobytes())
    data = base64.b64encode(buffer.getvalue()).decode()
    title = escaped(f"{count / rate:.1f} seconds, {channels} channel{'s' * (channels > 1)}")
    return f"<audio controls title='{title}' src='data:audio/wav;base64,{data}'></audio>"
