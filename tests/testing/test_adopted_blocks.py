"""`check_block` takes blocks of diffusers' modular pipelines, as they are: adopted ones are run by their own code."""

from __future__ import annotations

import torch
from diffusers.modular_pipelines.stable_diffusion_xl.before_denoise import StableDiffusionXLInputStep

from brickwork.testing import check_block

EMBEDS = {
    "prompt_embeds": torch.ones(2, 4, 6),
    "negative_prompt_embeds": torch.zeros(2, 4, 6),
    "pooled_prompt_embeds": torch.ones(2, 5),
    "negative_pooled_prompt_embeds": torch.zeros(2, 5),
    "num_images_per_prompt": 2,
}


def test_an_adopted_block_is_checked_as_ours_are() -> None:
    report = check_block(StableDiffusionXLInputStep, inputs=EMBEDS, raise_faults=False)
    assert report
