"""The demo draws what its command line says, into files of their own and one sheet."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from PIL import Image

from brickwork import ModularPipeline
from brickwork.app import demo
from brickwork.app.demo import COLUMNS, SCALES, SIDE, Shot, contact_sheet, draw, grid, main


def test_each_prompt_is_a_file_and_all_are_on_a_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "pictures"
    main(["a red circle", "A cat, 3d style!", "--out", str(out), "--steps", "2", "--seed", "5"])
    assert sorted(path.name for path in out.iterdir()) == ["a-cat-3d-style.png", "a-red-circle.png", "demo.png"]
    with Image.open(out / "a-cat-3d-style.png") as picture, Image.open(out / "demo.png") as sheet:
        assert picture.size == (64, 64)
        assert sheet.width == 2 * SIDE
    printed, said = capsys.readouterr()
    assert re.search(r"2 images in \d+\.\d s\.", printed)
    assert f"All of them: {(out / 'demo.png').resolve()}" in printed
    assert printed.endswith("\nA page to draw on, in the browser: brickwork serve embedded\n")
    assert "does not know" not in said


def test_words_that_the_model_does_not_know_are_said_before_it_draws(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def stop() -> ModularPipeline:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "embedded", stop)
    with pytest.raises(KeyboardInterrupt):
        main(["a pinguin and a zxqv", "--out", str(tmp_path)])
    said = capsys.readouterr().err
    assert (
        "'a pinguin and a zxqv': the embedded model does not know 'pinguin' (did you mean 'penguin'?) and 'zxqv'. "
        "--words lists what it knows."
    ) in said


def test_the_words_are_listed_and_nothing_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--words", "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert printed.startswith(("things:", "shapes:")) or "\n\nthings:" in printed
    assert "penguin" in printed
    assert not (tmp_path / "out").exists()


def test_the_contact_sheet_has_seeds_in_a_row_and_scales_in_a_row() -> None:
    shots = contact_sheet(3, 2.5)
    assert len({shot.label for shot in shots}) == len(shots)
    assert [shot.seed for shot in shots[-2 * COLUMNS : -COLUMNS]] == list(range(3, 3 + COLUMNS))
    assert tuple(shot.guidance_scale for shot in shots[-COLUMNS:]) == SCALES
    assert {shot.guidance_scale for shot in shots[:-COLUMNS]} == {2.5}
    assert len({shot.seed for shot in shots[-COLUMNS:]}) == 1


def test_pictures_come_in_the_order_of_the_shots_though_scales_are_drawn_together(
    embedded_pipe: ModularPipeline,
) -> None:
    shots = [Shot("a", "a cat", 1, 3.0), Shot("b", "a cat", 1, 1.0), Shot("c", "a red circle", 2, 3.0)]
    found = draw(embedded_pipe, shots, 2)
    for shot, picture in zip(shots, found, strict=True):
        (alone,) = embedded_pipe(
            prompt=shot.prompt,
            num_inference_steps=2,
            guidance_scale=shot.guidance_scale,
            generator=torch.Generator().manual_seed(shot.seed),
            output="images",
        )
        pairs = zip(picture.tobytes(), alone.tobytes(), strict=True)
        # In a batch sums are taken in another order, which may round a grey level otherwise.
        assert max(abs(one - other) for one, other in pairs) <= 1


def test_a_last_row_that_is_not_full_is_filled_with_white() -> None:
    images = [Image.new("RGB", (64, 64), "black")] * (COLUMNS + 1)
    sheet = grid(images, ["" for _ in images])
    assert sheet.width == COLUMNS * SIDE
    assert sheet.getpixel((sheet.width - 5, sheet.height - 5)) == (255, 255, 255)
    assert sheet.getpixel((5, 5)) == (0, 0, 0)
