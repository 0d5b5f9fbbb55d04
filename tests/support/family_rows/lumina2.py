"""Lumina-Image 2.0 beside its classic pipeline, which knows no other task than text to image, and predicts one branch after the other."""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import band_map, half_mask, picture
from family_table import Family, Feature, Task
from tiny_language import gemma2, seeded, vae

from brickwork import ClassifierFreeGuidance, NormKeptGuidance
from brickwork.presets.lumina2 import DIFFERENTIAL_BLOCKS, IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS


def transformer() -> Any:
    return diffusers.Lumina2Transformer2DModel(
        sample_size=4,
        in_channels=4,
        hidden_size=24,
        num_layers=1,
        num_refiner_layers=1,
        num_attention_heads=2,
        num_kv_heads=1,
        multiple_of=8,
        axes_dim_rope=(4, 4, 4),
        axes_lens=(512, 64, 64),
        cap_feat_dim=16,
    )


def make() -> dict[str, Any]:
    seeded()
    return {
        **gemma2(),
        "transformer": transformer(),
        "vae": vae(shift_factor=0.1),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
    }


def shifting_not() -> Any:
    return diffusers.FlowMatchEulerDiscreteScheduler(shift=6.0)


ASKED = {
    "prompt": ["a red circle", "two cat on the blue square of green"],
    "negative_prompt": ["a photo of a green square on the circle", "blue"],
    "num_inference_steps": 4,
    "guidance_scale": 4.0,
    "height": 32,
    "width": 32,
    "max_sequence_length": 96,
}
PICTURE = {**ASKED, "image": picture(3, 32), "num_inference_steps": 7}
IMAGE = {**PICTURE, "strength": 0.63}
FAMILY = Family(
    "lumina2",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.Lumina2Pipeline, ASKED),
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
        "plain norm": Feature(guider=ClassifierFreeGuidance, classic={"cfg_normalization": False}),
        "truncation": Feature(guider=lambda: NormKeptGuidance(stop=0.5), classic={"cfg_trunc_ratio": 0.5}),
        "constant shift": Feature(parts={"scheduler": shifting_not}),
        "own sigmas": Feature({"sigmas": [1.0, 0.8, 0.5, 0.2]}, without=("num_inference_steps",)),
    },
    batching="sequential",
)
