"""DeepFloyd IF: pixels, told a text by T5, with a learned variance."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import diffusers
import torch
from coarse_images import half_mask, picture

from classic_rows.row import Parts, Row
from classic_rows.t5 import encoder


def unet(**changes: Any) -> Any:
    return diffusers.UNet2DConditionModel(
        **{
            "sample_size": 16, "layers_per_block": 1, "block_out_channels": (16, 32), "norm_num_groups": 8, "in_channels": 3, "out_channels": 6,
            "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"), "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
            "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"), "cross_attention_dim": 32, "encoder_hid_dim": 32,
            "attention_head_dim": 8, "addition_embed_type": "text", "addition_embed_type_num_heads": 2, "cross_attention_norm": "group_norm",
            "resnet_time_scale_shift": "scale_shift", "act_fn": "gelu", **changes,
        }
    ).eval()  # fmt: skip


def parts(**changes: Any) -> Parts:
    @cache
    def made() -> Mapping[str, Any]:
        torch.manual_seed(0)
        solver = diffusers.DDPMScheduler(
            beta_schedule="squaredcos_cap_v2", thresholding=True, variance_type="learned_range", sample_max_value=1.5
        )
        noise = {"image_noising_scheduler": diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2")}
        return {**encoder(), "unet": unet(**changes), "scheduler": solver, **(noise if changes else {})}

    return made


LARGER = {
    "in_channels": 6,
    "class_embed_type": "timestep",
    "mid_block_scale_factor": 1.414,
    "time_embedding_act_fn": "gelu",
}
NO_CHECK = {"requires_safety_checker": False}
TEXT = {"prompt": "a red circle", "num_inference_steps": 2, "clean_caption": False, "output_type": "np"}
SMALL, LARGE = picture(3, 16), picture(4, 32)
FROM = {**TEXT, "image": SMALL, "num_inference_steps": 4, "strength": 0.6}

ROWS = {
    "IFPipeline": Row(parts(), {**TEXT, "height": 16, "width": 16}, NO_CHECK),
    "IFImg2ImgPipeline": Row(parts(), FROM, NO_CHECK),
    "IFInpaintingPipeline": Row(parts(), {**FROM, "mask_image": half_mask(16)}, NO_CHECK),
    "IFSuperResolutionPipeline": Row(parts(**LARGER), {**TEXT, "image": SMALL, "height": 32, "width": 32}, NO_CHECK),
    "IFImg2ImgSuperResolutionPipeline": Row(parts(**LARGER), {**FROM, "original_image": LARGE}, NO_CHECK),
    "IFInpaintingSuperResolutionPipeline": Row(
        parts(**LARGER), {**FROM, "original_image": LARGE, "mask_image": half_mask(32)}, NO_CHECK
    ),
}
