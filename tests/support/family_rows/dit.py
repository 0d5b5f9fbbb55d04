"""Diffusion transformers that are told a class, beside `DiTPipeline`."""

from __future__ import annotations

from typing import Any

import diffusers
from family_table import Family, Feature, Task

from brickwork.presets.dit import CLASS2IMAGE_BLOCKS


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
FAMILY = Family(
    "dit",
    "transformer",
    make,
    {"class2image": Task(CLASS2IMAGE_BLOCKS, diffusers.DiTPipeline, GIVEN)},
    {"no guidance": Feature({"guidance_scale": 1.0})},
    conditional_first=2,
)
