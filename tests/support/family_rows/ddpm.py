"""Unconditional diffusion of pixels beside `DDPMPipeline` and `DDIMPipeline`."""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import band_map, half_mask, picture
from family_table import Family, Feature, Task

from brickwork.presets.ddpm import DIFFERENTIAL_BLOCKS, IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, UNCONDITIONAL_BLOCKS


def make() -> dict[str, Any]:
    unet = diffusers.UNet2DModel(
        sample_size=16,
        block_out_channels=(16, 32),
        layers_per_block=1,
        norm_num_groups=8,
        attention_head_dim=8,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )
    return {"unet": unet, "scheduler": diffusers.DDPMScheduler()}


GIVEN = {"batch_size": 2, "num_inference_steps": 5}
PICTURE = {**GIVEN, "num_inference_steps": 7, "image": picture(3, 16)}
IMAGE = {**PICTURE, "strength": 0.63}
FAMILY = Family(
    "ddpm",
    "unet",
    make,
    {
        "unconditional": Task(UNCONDITIONAL_BLOCKS, diffusers.DDPMPipeline, GIVEN),
        # No pipeline of diffusers has these.
        "image2image": Task(IMAGE2IMAGE_BLOCKS, None, IMAGE),
        "inpainting": Task(INPAINT_BLOCKS, None, {**IMAGE, "mask_image": half_mask(16)}),
        "differential": Task(DIFFERENTIAL_BLOCKS, None, {**PICTURE, "change_map": band_map(0, 0.3, 0.7, 1, size=16)}),
    },
    {
        "DDIM": Feature(
            {"eta": 0.4}, parts={"scheduler": diffusers.DDIMScheduler}, classic_class=diffusers.DDIMPipeline
        ),
        "seeds": Feature(
            {"seeds": [3, 4]}, parts={"scheduler": diffusers.DDIMScheduler}, classic_class=diffusers.DDIMPipeline
        ),
    },
)
