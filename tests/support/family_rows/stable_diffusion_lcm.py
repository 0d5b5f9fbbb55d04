"""Latent consistency models beside `LatentConsistencyModelPipeline` and its image to image."""

from __future__ import annotations

from typing import Any

import diffusers
from family_table import Family, Task

from brickwork.presets.sd import LCM_BLOCKS, LCM_IMAGE2IMAGE_BLOCKS
from family_rows import stable_diffusion


def make() -> dict[str, Any]:
    scheduler = diffusers.LCMScheduler(**stable_diffusion.BETAS, clip_sample=False)
    return {
        **stable_diffusion.make(),
        "unet": stable_diffusion.unet(time_cond_proj_dim=16),
        "scheduler": scheduler,
    }


# Neither steps nor strength of guidance: both have the same defaults.
GIVEN = {"prompt": stable_diffusion.ASKED["prompt"]}
FAMILY = Family(
    "stable_diffusion_lcm",
    "unet",
    make,
    {
        "text2image": Task(LCM_BLOCKS, diffusers.LatentConsistencyModelPipeline, GIVEN),
        "image2image": Task(
            LCM_IMAGE2IMAGE_BLOCKS,
            diffusers.LatentConsistencyModelImg2ImgPipeline,
            {**GIVEN, **stable_diffusion.PICTURE},
        ),
    },
    classic_options=stable_diffusion.FAMILY.classic_options,
)
