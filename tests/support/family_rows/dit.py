"""Diffusion transformers that are told a class, beside `DiTPipeline`."""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import band_map, half_mask, picture
from family_table import Family, Feature, Task

from brickwork.presets.dit import (
    CLASS2IMAGE_BLOCKS,
    DIFFERENTIAL_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    VARIATION_BLOCKS,
)


def make() -> dict[str, Any]:
    transformer = diffusers.DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        in_channels=4,
        out_channels=8,
        num_layers=3,
        sample_size=8,
        patch_size=2,
        num_embeds_ada_norm=1000,
        norm_num_groups=8,
    )
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
        latent_channels=4,
    )
    return {"transformer": transformer, "vae": vae, "scheduler": diffusers.DDIMScheduler()}


GIVEN = {"class_labels": [3, 207], "num_inference_steps": 4, "guidance_scale": 4.0}
PICTURE = {**GIVEN, "image": picture(3, 16), "num_inference_steps": 7}
IMAGE = {**PICTURE, "strength": 0.63}
FAMILY = Family(
    "dit",
    "transformer",
    make,
    {
        "class2image": Task(CLASS2IMAGE_BLOCKS, diffusers.DiTPipeline, GIVEN),
        # No pipeline of diffusers has these.
        "image2image": Task(IMAGE2IMAGE_BLOCKS, None, IMAGE),
        "inpainting": Task(INPAINT_BLOCKS, None, {**IMAGE, "mask_image": half_mask(16)}),
        "differential": Task(DIFFERENTIAL_BLOCKS, None, {**PICTURE, "change_map": band_map(0, 0.3, 0.7, 1, size=16)}),
        "variation": Task(
            VARIATION_BLOCKS,
            None,
            {"batch_size": 2, "image": picture(3, 16), "num_inference_steps": 7, "strength": 0.63},
        ),
    },
    {"no guidance": Feature({"guidance_scale": 1.0})},
    conditional_first=2,
)
