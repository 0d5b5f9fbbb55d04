"""AnimateDiff with Stable Diffusion XL beside its classic pipeline."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from family_table import Family, Feature, Task
from tiny_sd import ASKED

from brickwork.presets.animatediff import XL_TEXT2VIDEO_BLOCKS, with_motion
from tiny_sdxl import make_pipeline, make_unet

from . import animatediff


def make() -> dict[str, Any]:
    parts = make_pipeline().components
    torch.manual_seed(5)
    moving = with_motion(make_unet(), animatediff.motion(use_motion_mid_block=False))
    given = {name: part for name, part in parts.items() if part is not None}
    return {
        **given,
        "unet": moving,
        "motion_adapter": animatediff.motion(use_motion_mid_block=False),
        "scheduler": animatediff.ddim(),
    }


FAMILY = Family(
    "animatediff_xl",
    "unet",
    make,
    {
        "text2video": Task(
            XL_TEXT2VIDEO_BLOCKS,
            diffusers.AnimateDiffSDXLPipeline,
            {**ASKED, **animatediff.SIZE, "num_inference_steps": 4, "num_frames": 3},
        )
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}),
        "sizes": Feature({"original_size": (48, 64), "target_size": (32, 40), "crops_coords_top_left": (4, 8)}),
        "denoised in part": Feature({"denoising_end": 0.6, "output_type": "latent"}),
    },
    output="videos",
    like="animatediff",
)
