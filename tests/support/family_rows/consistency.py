"""Consistency models beside their classic pipeline."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from coarse_images import band_map, half_mask, picture
from family_table import Family, Feature, Task

from brickwork.presets.consistency import CLASS2IMAGE_BLOCKS, DIFFERENTIAL_BLOCKS, IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS


def unet(**changes: Any) -> Any:
    return diffusers.UNet2DModel(
        **{
            "sample_size": 16,
            "block_out_channels": (8, 16),
            "layers_per_block": 1,
            "norm_num_groups": 4,
            "attention_head_dim": 8,
            "num_class_embeds": 10,
            "down_block_types": ("ResnetDownsampleBlock2D", "AttnDownBlock2D"),
            "up_block_types": ("AttnUpBlock2D", "ResnetUpsampleBlock2D"),
            "resnet_time_scale_shift": "scale_shift",
            **changes,
        }
    )


def make() -> dict[str, Any]:
    return {"unet": unet(), "scheduler": diffusers.CMStochasticIterativeScheduler()}


GIVEN = {"batch_size": 2, "class_labels": [3, 7], "num_inference_steps": 3}
PICTURE = {**GIVEN, "image": picture(3, 16), "num_inference_steps": 7}
IMAGE = {**PICTURE, "strength": 0.63}
FAMILY = Family(
    "consistency",
    "unet",
    make,
    {
        # Of a list the classic makes int32, with the same embeddings.
        "class2image": Task(
            CLASS2IMAGE_BLOCKS,
            diffusers.ConsistencyModelPipeline,
            GIVEN,
            classic_given={"class_labels": torch.tensor([3, 7])},
        ),
        # No pipeline of diffusers has these.
        "image2image": Task(IMAGE2IMAGE_BLOCKS, None, IMAGE),
        "inpainting": Task(INPAINT_BLOCKS, None, {**IMAGE, "mask_image": half_mask(16)}),
        "differential": Task(DIFFERENTIAL_BLOCKS, None, {**PICTURE, "change_map": band_map(0, 0.3, 0.7, 1, size=16)}),
    },
    {
        "one step": Feature({"num_inference_steps": 1}),
        "own timesteps": Feature({"timesteps": [22, 0]}, classic={"num_inference_steps": None}),
        "no classes": Feature(
            {"class_labels": None},
            classic={"class_labels": None},
            parts={"unet": lambda: unet(num_class_embeds=None)},
            formats=("float32", "bfloat16"),
        ),
        "seeds": Feature({"seeds": [3, 4]}),
        "one class": Feature({"class_labels": 3}, classic={"class_labels": torch.tensor([3, 3])}),
        "not clipped": Feature(
            parts={"scheduler": lambda: diffusers.CMStochasticIterativeScheduler(clip_denoised=False, sigma_max=3.0)}
        ),
    },
)
