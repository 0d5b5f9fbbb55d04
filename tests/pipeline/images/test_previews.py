"""Previews of the embedded model show what the image will be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import brickwork
from brickwork import ModularPipeline
from brickwork.pipeline import Previews
from brickwork.presets.sdxl import SDXL


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
    assert len(previews.images) == 6
    errors = [float(np.abs(pixels(preview, 16) - pixels(image, 16)).mean()) for preview in previews.images]
    assert errors[-1] < 25
    assert errors[-1] < errors[2] < errors[0]


def test_the_older_name_warns() -> None:
    pipe = brickwork.embedded()
    previews = Previews(pipe.vae, pipe.family)
    with pytest.warns(DeprecationWarning, match="Previews.images"):
        assert previews.pictures is previews.images
