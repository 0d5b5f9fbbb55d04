"""Hunyuan-DiT beside its classic pipelines, which know no other task than text to image.

That with ControlNets draws the control image's latents from torch's global generator, and for the two halves of guidance apart, so that no
seed makes its images again. Here, and in the rows, they are the VAE's most likely ones.
"""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from asked_of_texts import ASKED, free_tasks
from coarse_images import picture
from family_table import Family, Feature, Task
from tiny_language import bert, seeded, t5, vae

from brickwork import ClassifierFreeGuidance
from brickwork.presets import hunyuan_dit
from brickwork.presets.hunyuan_dit import CONTROLNET_TEXT2IMAGE, TEXT2IMAGE_BLOCKS
from family_rows.sd3 import likely

CONFIG: dict[str, Any] = {
    "num_attention_heads": 2,
    "attention_head_dim": 8,
    "in_channels": 4,
    "patch_size": 2,
    "sample_size": 4,
    "hidden_size": 16,
    "cross_attention_dim": 16,
    "cross_attention_dim_t5": 32,
    "pooled_projection_dim": 8,
}


def make() -> dict[str, Any]:
    seeded()
    return {
        **bert(),
        **t5("text_encoder_2", "tokenizer_2"),
        "transformer": diffusers.HunyuanDiT2DModel(**CONFIG, num_layers=2),
        "vae": vae(),
        # Its own solver draws noise for both halves of guidance at once.
        "scheduler": diffusers.DPMSolverMultistepScheduler(
            beta_start=0.00085, beta_end=0.018, beta_schedule="scaled_linear"
        ),
    }


def deep() -> Any:
    """A transformer with a way from an early block to a late one, on which nets steer."""
    return diffusers.HunyuanDiT2DModel(**CONFIG, num_layers=4)


def net() -> Any:
    """A ControlNet whose layers that begin with zeros have some weight, as training would give them."""
    seeded(3)
    made = diffusers.HunyuanDiT2DControlNetModel(**CONFIG, transformer_num_layers=4)
    for parameter in made.parameters():
        if not parameter.any():
            parameter.data = 0.1 * torch.randn(parameter.shape)
    return made.eval()


def nets() -> Any:
    return diffusers.HunyuanDiT2DMultiControlNetModel([net(), net()])


STEERING = {**ASKED, "control_image": picture(8, 32), "controlnet_conditioning_scale": 0.6}
OWN_SIZES = {"use_resolution_binning": False}
FAMILY = Family(
    "hunyuan_dit",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.HunyuanDiTPipeline, ASKED, classic_given=OWN_SIZES),
        **free_tasks(hunyuan_dit),
        "controlnet text2image": Task(
            CONTROLNET_TEXT2IMAGE,
            diffusers.HunyuanDiTControlNetPipeline,
            STEERING,
            likely,
            parts={"controlnet": net, "transformer": deep},
            classic_given=OWN_SIZES,
        ),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}),
        "another size": Feature(
            {"height": 48, "original_size": (512, 64), "target_size": (48, 64), "crops_coords_top_left": (8, 16)},
            tasks=("text2image",),
        ),
        "rescaled guidance": Feature(
            guider=lambda: ClassifierFreeGuidance(guidance_rescale=0.7),
            classic={"guidance_rescale": 0.7},
            tasks=("text2image",),
        ),
        "two nets": Feature(
            {"control_image": [picture(8, 32), picture(9, 32)], "controlnet_conditioning_scale": [0.5, 0.8]},
            parts={"controlnet": nets},
            tasks=("controlnet text2image",),
        ),
    },
    {"requires_safety_checker": False, "safety_checker": None, "feature_extractor": None},
)
