"""Files of sounds: what is written is read again, and what is none is refused in words."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from coarse_images import picture

from brickwork import ComponentError, InputError, export_to_sound, load_sound

soundfile = pytest.importorskip("soundfile")
TONES = torch.stack([torch.linspace(-1, 1, 50).sin(), torch.linspace(0, 3, 50).cos()])


@pytest.mark.parametrize("given", [TONES, TONES.numpy(), TONES.double()], ids=["tensor", "array", "doubles"])
def test_a_file_without_loss_has_the_samples_and_the_rate(tmp_path: Path, given: Any) -> None:
    path = export_to_sound(given, tmp_path / "a.wav", 16_000)
    waveform, rate = load_sound(path)
    assert torch.equal(waveform, TONES)
    assert rate == 16_000
    assert [each.name for each in tmp_path.iterdir()] == ["a.wav"]


def test_louder_numbers_than_one_are_kept_in_a_wav(tmp_path: Path) -> None:
    assert torch.equal(load_sound(export_to_sound(3 * TONES, tmp_path / "a.wav", 8))[0], 3 * TONES)


def test_flac_rounds_to_24_bits(tmp_path: Path) -> None:
    waveform, rate = load_sound(export_to_sound(TONES[0], tmp_path / "a.FLAC", 44_100))
    assert waveform.shape == (1, 50)
    assert rate == 44_100
    assert float((waveform[0] - TONES[0]).abs().max()) < 2**-22


@pytest.mark.parametrize(
    ("audio", "name", "rate", "words"),
    [
        (TONES, "a.mp3", 8, "'a.mp3' says no format of sounds; names end with .wav or .flac"),
        (TONES, "a.wav", 0, "sampling_rate is 0; give how many samples a second has"),
        (TONES, "a.wav", 8.5, "sampling_rate is 8.5; give"),
        (TONES[None], "a.wav", 8, r"audio is of float32 with the shape \[1, 2, 50\]; give one waveform of floats"),
        (TONES.numpy().astype("int16"), "a.wav", 8, r"audio is of int16 with the shape \[2, 50\]"),
        (TONES[:, :0], "a.wav", 8, r"audio is of float32 with the shape \[2, 0\]"),
        ([TONES], "a.wav", 8, "audio is list; give one waveform of floats"),
        (TONES / 0, "a.wav", 8, "audio has numbers that are not finite"),
    ],
)
def test_what_is_no_waveform_is_not_written(tmp_path: Path, audio: Any, name: str, rate: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        export_to_sound(audio, tmp_path / name, rate)
    assert not list(tmp_path.iterdir())


def test_what_is_no_sound_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(1, 32).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a.png cannot be read as a sound: "):
        load_sound(tmp_path / "a.png")
    soundfile.write(tmp_path / "a.au", np.zeros((4, 1)), 8, format="AU", subtype="FLOAT")
    with pytest.raises(InputError, match="is in the format AU, which is not read; give WAV, FLAC, OGG, MP3 or AIFF"):
        load_sound(tmp_path / "a.au")
    with pytest.raises(InputError, match="is an address; nothing is loaded from the net here"):
        load_sound("https://example.com/a.wav")
    with pytest.raises(InputError, match="nowhere"):
        load_sound(tmp_path / "nowhere.wav")
    path = export_to_sound(TONES, tmp_path / "b.wav", 8)
    monkeypatch.setattr("brickwork.blocks.audio.files.MOST_SAMPLES", 99)
    with pytest.raises(InputError, match="says it has 50 samples in 2 channels; at most 99 are decoded"):
        load_sound(path)


def test_a_file_that_promises_more_than_it_holds_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    held = io.BytesIO()
    soundfile.write(held, TONES.numpy().T, 8, format="WAV", subtype="FLOAT")
    data = bytearray(held.getvalue())
    place = data.index(b"data") + 4
    data[place : place + 4] = struct.pack("<I", 0x7FFFFFF8)
    (tmp_path / "a.wav").write_bytes(bytes(data))
    assert torch.equal(load_sound(tmp_path / "a.wav")[0], TONES)


def test_without_the_library_both_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    words = r"Files of sounds need the package soundfile.*pip install soundfile, or pip install 'brickwork\[audio\]'"
    with pytest.raises(ComponentError, match=words):
        load_sound(tmp_path / "a.wav")
    with pytest.raises(ComponentError, match=words):
        export_to_sound(TONES, tmp_path / "a.wav", 8)
