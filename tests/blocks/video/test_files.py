"""Files of videos: what is written is read again, and what is none is refused in words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from coarse_images import picture
from PIL import Image

from brickwork import ComponentError, InputError, export_to_video, load_video

FRAMES = [picture(seed, 32) for seed in range(3)]
av = pytest.importorskip("av")


@pytest.mark.parametrize("as_what", ["images", "array", "tensor"])
def test_a_file_without_loss_has_the_frames_and_the_rate(tmp_path: Path, as_what: str) -> None:
    array = np.stack([np.asarray(each, dtype="float32") / 255 for each in FRAMES])
    given: dict[str, Any] = {"images": FRAMES, "array": array, "tensor": torch.from_numpy(array).movedim(-1, 1)}
    path = export_to_video(given[as_what], tmp_path / "a.mkv", 12.5)
    frames, rate = load_video(path)
    assert [each.tobytes() for each in frames] == [each.tobytes() for each in FRAMES]
    assert rate == 12.5
    assert [each.name for each in tmp_path.iterdir()] == ["a.mkv"]


@pytest.mark.parametrize("end", [".mp4", ".MOV", ".gif"])
def test_other_formats_have_as_many_frames_of_that_size(tmp_path: Path, end: str) -> None:
    frames, rate = load_video(export_to_video(FRAMES, tmp_path / f"a{end}", 10))
    assert [each.size for each in frames] == [(32, 32)] * 3
    assert rate == 10
    near = np.abs(np.asarray(frames[1], dtype=int) - np.asarray(FRAMES[1], dtype=int)).mean()
    assert near < 40


def test_the_first_frames_of_a_long_video_are_read(tmp_path: Path) -> None:
    path = export_to_video(FRAMES, tmp_path / "a.mkv", 8)
    assert len(load_video(path, most_frames=2)[0]) == 2
    with pytest.raises(InputError, match="most_frames is 0; give 1 or more"):
        load_video(path, most_frames=0)


SMALL = Image.new("RGB", (16, 16))


@pytest.mark.parametrize(
    ("video", "name", "rate", "words"),
    [
        (FRAMES, "a.wmv", 8, "'a.wmv' says no format of videos; names end with .mp4, .mov, .mkv, .gif"),
        (FRAMES, "a.mp4", 0, "frame_rate is 0; give how many frames a second has"),
        (FRAMES, "a.mp4", float("inf"), "frame_rate is inf"),
        ([], "a.mp4", 8, "video has no frames"),
        ([FRAMES], "a.mp4", 8, "video holds list; give the frames of one video, as state.videos"),
        ([*FRAMES, SMALL], "a.mp4", 8, "video has frames of 32x32 and 16x16; give frames of one size"),
        (torch.zeros(1, 2, 3, 8, 8), "a.mp4", 8, r"video has the shape \[1, 2, 3, 8, 8\]; give one video"),
        ([Image.new("RGB", (15, 16))], "a.mp4", 8, "The frames are 15x16, and .mp4 takes even sides"),
        ([Image.new("RGB", (16, 15))], "a.mp4", 8, "The frames are 16x15, and .mp4 takes even sides"),
    ],
)
def test_what_is_no_video_is_not_written(tmp_path: Path, video: Any, name: str, rate: float, words: str) -> None:
    with pytest.raises(InputError, match=words):
        export_to_video(video, tmp_path / name, rate)
    assert not list(tmp_path.iterdir())


def test_what_is_no_video_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video" * 100)
    with pytest.raises(InputError, match=r"a.mp4 cannot be read as a video: "):
        load_video(tmp_path / "a.mp4")
    picture(1, 32).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="is in the format png_pipe, which is not read; give MP4"):
        load_video(tmp_path / "a.png")
    with pytest.raises(InputError, match="is an address; nothing is loaded from the net here"):
        load_video("https://example.com/a.mp4")
    with pytest.raises(InputError, match="nowhere"):
        load_video(tmp_path / "nowhere.mp4")


def test_a_large_frame_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = export_to_video(FRAMES, tmp_path / "a.mkv", 8)
    monkeypatch.setattr("brickwork.blocks.video.files.MOST_PIXELS", 1000)
    with pytest.raises(InputError, match="says it is 32x32; at most 1,000 pixels are decoded"):
        load_video(path)


def test_a_file_of_sound_holds_no_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), mode="w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype="float32"), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(InputError, match="holds no video"):
        load_video(path)


def test_without_the_library_both_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    words = r"PyAV, which is not installed: pip install 'brickwork\[video\]'"
    with pytest.raises(ComponentError, match=words):
        load_video(tmp_path / "a.mp4")
    with pytest.raises(ComponentError, match=words):
        export_to_video(FRAMES, tmp_path / "a.mp4", 8)
    assert export_to_video(FRAMES, tmp_path / "a.gif", 8).stat().st_size > 100


def test_a_build_without_an_encoder_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av, "codecs_available", set())
    with pytest.raises(InputError, match="This PyAV has no encoder for .mkv: ffv1. Write a .gif"):
        export_to_video(FRAMES, tmp_path / "a.mkv", 8)
