"""Unconditional diffusion of pixels beside `DDPMPipeline` and `DDIMPipeline`."""

from __future__ import annotations

from typing import Any

import diffusers
from family_table import Family, Feature, Task

from brickwork.presets.ddpm import UNCONDITIONAL_BLOCKS


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


FAMILY = Family(
    "ddpm",
    "unet",
    make,
    {"unconditional": Task(UNCONDITIONAL_BLOCKS, diffusers.DDPMPipeline, {"batch_size": 2, "num_inference_steps": 5})},
    {
        "DDIM": Feature(
            {"eta": 0.4}, parts={"scheduler": diffusers.DDIMScheduler}, classic_class=diffusers.DDIMPipeline
        ),
        "seeds": Feature(
            {"seeds": [3, 4]}, parts={"scheduler": diffusers.DDIMScheduler}, classic_class=diffusers.DDIMPipeline
        ),
    },
)
