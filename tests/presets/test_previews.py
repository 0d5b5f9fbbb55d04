"""Previews of the embedded model show what the picture will be, and those in the docs are drawn by their code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import brickwork
from brickwork import ModularPipeline
from brickwork.blocks import Previews
from brickwork.presets.sdxl import SDXL

SHOWN = Path(__file__).parents[2] / "docs" / "images" / "previews.png"


def pixels(image: Any, size: int) -> Any:
    return np.asarray(image.resize((size, size), Image.Resampling.BOX), dtype=float)


def test_previews_come_near_the_picture_step_by_step(embedded_pipe: ModularPipeline) -> None:
    previews = Previews(embedded_pipe.vae, SDXL, every=2)
    embedded_pipe.configure(listeners=[previews])
    image = embedded_pipe(
        prompt="a red apple on a blue background",
        num_inference_steps=12,
        generator=torch.Generator().manual_seed(3),
        output="images",
    )[0]
    embedded_pipe.configure(listeners=[])
    assert len(previews.pictures) == 6
    errors = [float(np.abs(pixels(preview, 16) - pixels(image, 16)).mean()) for preview in previews.pictures]
    assert errors[-1] < 25
    assert errors[-1] < errors[2] < errors[0]


def test_the_strip_of_the_docs_is_what_its_code_draws(embedded_pipe: ModularPipeline) -> None:
    previews = Previews(embedded_pipe.vae, SDXL)
    embedded_pipe.configure(listeners=[previews])
    final = embedded_pipe(
        prompt="a penguin", num_inference_steps=24, generator=torch.Generator().manual_seed(3), output="images"
    )[0]
    embedded_pipe.configure(listeners=[])
    row = brickwork.make_image_grid([*previews.pictures[2::3], final], rows=1, cols=9)
    shown = Image.open(SHOWN).convert("RGB")
    last = shown.crop((0, shown.height - row.height, shown.width, shown.height))
    assert last.size == row.size
    assert (
        np.abs(np.asarray(last, dtype=float) - np.asarray(row, dtype=float)).mean() < 2.0
    )  # other CPUs round otherwise
