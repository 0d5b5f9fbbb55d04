"""Image to image with a depth beside the latents, beside `StableDiffusionDepth2ImgPipeline`.

The classic estimates depth in autocast, which in float32 does nothing and warns; there is a row in bfloat16.
"""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from family_table import Family, Feature, Task
from transformers import DPTConfig, DPTForDepthEstimation, DPTImageProcessor

from brickwork.presets.sd import DEPTH2IMAGE_BLOCKS
from family_rows import stable_diffusion


def make() -> dict[str, Any]:
    config = DPTConfig(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=8,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        is_hybrid=False,
    )
    return {
        **stable_diffusion.make(),
        "unet": stable_diffusion.unet(in_channels=5),
        "depth_estimator": DPTForDepthEstimation(config),
        "feature_extractor": DPTImageProcessor(size={"height": 32, "width": 32}),
    }


DEPTH = torch.rand(1, 40, 48, generator=torch.Generator().manual_seed(2))
GIVEN = {**stable_diffusion.ASKED, **stable_diffusion.PICTURE, "depth_map": DEPTH}
FAMILY = Family(
    "stable_diffusion_depth",
    "unet",
    make,
    {"image2image": Task(DEPTH2IMAGE_BLOCKS, diffusers.StableDiffusionDepth2ImgPipeline, GIVEN)},
    {
        "estimated": Feature(without=("depth_map",), formats=("bfloat16",)),
        "two images each": Feature({"num_images_per_prompt": 2}),
    },
)
