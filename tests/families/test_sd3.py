"""What is particular to Stable Diffusion 3, beside the table of families."""

from __future__ import annotations

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from family_table import families

from brickwork import InputError
from brickwork.families.sd3 import SD3

SHAPE = (1, 16, 128, 128)
FAMILY = families()["sd3"]


def test_only_schedulers_that_shift_by_size_are_told_a_shift() -> None:
    """Of 4,096 tokens, 64 by 64: the greater shift itself."""
    assert SD3.schedule(FlowMatchEulerDiscreteScheduler(shift=3.0), 28, SHAPE) == {}
    shifting = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    assert SD3.schedule(shifting, 28, SHAPE)["mu"] == pytest.approx(shifting.config.max_shift)
    assert SD3.schedule(shifting, 28, None) == {}


@pytest.mark.parametrize("task", ["image2image", "inpainting"])
@pytest.mark.parametrize(("rows", "columns"), [(12, 8), (8, 12)])
def test_an_image_that_is_latents_of_another_size_is_refused(task: str, rows: int, columns: int) -> None:
    """The schedule has been set for the size of the run."""
    latents = torch.zeros(1, 16, rows, columns)
    with pytest.raises(
        InputError,
        match=f"image is latents of {8 * rows}x{8 * columns} pixels, and the run is for 64x64: give height={8 * rows} and width={8 * columns}",
    ):
        FAMILY.draw(task, image=latents)


def test_embeddings_of_another_width_are_refused_before_the_run() -> None:
    embeds = {"prompt_embeds": torch.zeros(1, 5, 24), "pooled_prompt_embeds": torch.zeros(1, 32)}
    with pytest.raises(
        InputError, match=r"prompt_embeds has the shape \[1, 5, 24\], and transformer reads embeddings that are 32 wide"
    ):
        FAMILY.draw("text2image", without=("prompt", "negative_prompt"), guidance_scale=1.0, **embeds)
