"""AuraFlow beside its classic pipeline, which knows no other task than text to image."""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import band_map, half_mask, picture
from family_table import Family, Feature, Task
from tiny_language import seeded, umt5, vae

from brickwork.presets.auraflow import DIFFERENTIAL_BLOCKS, IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS


def make() -> dict[str, Any]:
    seeded()
    transformer = diffusers.AuraFlowTransformer2DModel(
        sample_size=4,
        num_mmdit_layers=1,
        num_single_dit_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=32,
        caption_projection_dim=16,
        pos_embed_max_size=64,
    )
    return {
        **umt5(),
        "transformer": transformer,
        "vae": vae(),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(shift=1.73),
    }


ASKED = {
    "prompt": ["a red circle", "two cat on the blue square of green"],
    "negative_prompt": ["a photo of a green square on the circle", "blue"],
    "num_inference_steps": 4,
    "guidance_scale": 3.0,
    "height": 32,
    "width": 32,
    "max_sequence_length": 24,
}
PICTURE = {**ASKED, "image": picture(3, 32), "num_inference_steps": 7}
IMAGE = {**PICTURE, "strength": 0.63}
FAMILY = Family(
    "auraflow",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.AuraFlowPipeline, ASKED),
        # No pipeline of diffusers has these.
        "image2image": Task(IMAGE2IMAGE_BLOCKS, None, IMAGE),
        "inpainting": Task(INPAINT_BLOCKS, None, {**IMAGE, "mask_image": half_mask(32)}),
        "differential": Task(
            DIFFERENTIAL_BLOCKS,
            None,
            {**PICTURE, "num_inference_steps": 4, "change_map": band_map(0, 0.3, 0.7, 1, size=32)},
        ),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}),
        "own sigmas": Feature({"sigmas": [1.0, 0.8, 0.5, 0.2]}, without=("num_inference_steps",)),
        "two images each": Feature({"num_images_per_prompt": 2}),
    },
)
