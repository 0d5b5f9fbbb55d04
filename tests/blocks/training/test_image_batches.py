"""Batches follow from their number; what lacks an image or a caption is named before anything is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from brickwork import InputError
from brickwork.blocks.training import ImageBatches


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(5):
        Image.new("RGB", (12, 8), (number * 40, 0, 0)).save(tmp_path / f"{number}.png")
        (tmp_path / f"{number}.txt").write_text(f"number {number}\n")
    return tmp_path


def test_every_image_comes_once_before_one_comes_again_in_another_order(folder: Path) -> None:
    batches = ImageBatches.of_folder(folder, batch_size=2, size=8)
    said = [text for number in range(5) for text in batches.batch(number)[1]]
    assert sorted(said[:5]) == sorted(said[5:]) == [f"number {number}" for number in range(5)]
    assert said[:5] != said[5:]


def test_a_batch_follows_from_its_number_and_images_belong_to_captions(folder: Path) -> None:
    batches = ImageBatches.of_folder(folder, batch_size=3, size=8, seed=1, flip=0.5)
    later = batches.batch(7)
    again = ImageBatches.of_folder(folder, batch_size=3, size=8, seed=1, flip=0.5).batch(7)
    assert torch.equal(later[0], again[0])
    assert later[1] == again[1]
    assert later[0].shape == (3, 3, 8, 8)
    for pixels, text in zip(*later, strict=True):
        assert pixels[0].unique().item() == pytest.approx(int(text[-1]) * 40 / 127.5 - 1)


def test_what_is_missing_is_named(folder: Path) -> None:
    (folder / "3.txt").unlink()
    with pytest.raises(InputError, match=r"3.png has no caption: 3.txt, or a line in metadata.jsonl"):
        ImageBatches.of_folder(folder, batch_size=1, size=8)
    lines = [{"file_name": "0.png", "text": "zero"}, {"file_name": "9.png", "text": "nine"}, {"file_name": "1.png"}]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(InputError, match="line 3: it has no file_name and text") as error:
        ImageBatches.of_folder(folder, batch_size=1, size=8)
    assert "9.png: there is no such image" in str(error.value)
    with pytest.raises(InputError, match="There is no folder"):
        ImageBatches.of_folder(folder / "none", batch_size=1, size=8)


def test_a_photo_is_turned_as_its_notes_say_and_what_is_no_image_is_refused(tmp_path: Path) -> None:
    lying = Image.new("RGB", (4, 8), "white")
    lying.paste("black", (0, 0, 4, 4))
    notes = Image.Exif()
    notes[0x0112] = 6  # to be turned to the right
    lying.save(tmp_path / "a.png", exif=notes)
    (tmp_path / "a.txt").write_text("black and white")
    pixels, _ = ImageBatches.of_folder(tmp_path, batch_size=1, size=4).batch(0)
    assert (pixels[0, 0, :, 0].tolist(), pixels[0, 0, :, -1].tolist()) == ([1.0] * 4, [-1.0] * 4)
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="a.png cannot be read as an image"):
        ImageBatches.of_folder(tmp_path, batch_size=1, size=4).batch(0)
