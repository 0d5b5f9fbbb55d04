"""CogView4 beside its classic pipeline, which knows no other task than text to image, and predicts one branch after the other."""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import band_map, half_mask, picture
from family_table import Family, Feature, Task
from tiny_language import glm, seeded, vae

from brickwork.presets.cogview4 import DIFFERENTIAL_BLOCKS, IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS


def make() -> dict[str, Any]:
    seeded()
    transformer = diffusers.CogView4Transformer2DModel(
        in_channels=4,
        out_channels=4,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        text_embed_dim=16,
        time_embed_dim=8,
        condition_dim=4,
        sample_size=4,
        rope_axes_dim=(16, 16),
    )
    return {
        **glm(),
        "transformer": transformer,
        "vae": vae(),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(
            use_dynamic_shifting=True, base_shift=0.25, max_shift=0.75, time_shift_type="linear"
        ),
    }


def constant() -> Any:
    return diffusers.FlowMatchEulerDiscreteScheduler(shift=2.0)


ASKED = {
    "prompt": ["a red circle", "two cat on the blue square of green"],
    "negative_prompt": ["a photo of a green square on the circle", "blue"],
    "num_inference_steps": 4,
    "guidance_scale": 4.0,
    "height": 32,
    "width": 32,
}
PICTURE = {**ASKED, "image": picture(3, 32), "num_inference_steps": 7}
IMAGE = {**PICTURE, "strength": 0.63}
FAMILY = Family(
    "cogview4",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.CogView4Pipeline, ASKED),
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
        "another size": Feature({"height": 48, "original_size": (128, 64), "crops_coords_top_left": (8, 16)}),
        "constant shift": Feature(parts={"scheduler": constant}),
        "own sigmas": Feature({"sigmas": [1.0, 0.8, 0.5, 0.2]}),
        "cut prompts": Feature({"max_sequence_length": 20}),
    },
    batching="sequential",
)
