"""Hunyuan-DiT beside its classic pipelines, which know no other task than text to image.

That with ControlNets draws the control image's latents from torch's global generator, and for the two halves of guidance apart, so that no
seed makes its images again. Here, and in the rows, they are the VAE's most likely ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import diffusers
import torch
from coarse_images import band_map, half_mask, picture
from family_table import Family, Feature, Task
from tiny_language import bert, seeded, t5, vae

from brickwork import ClassifierFreeGuidance
from brickwork.presets.hunyuan_dit import (
    CONTROLNET_TEXT2IMAGE,
    DIFFERENTIAL_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    TEXT2IMAGE_BLOCKS,
)

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


@contextmanager
def likely(classic: Any) -> Iterator[None]:
    """Encode control images to the most likely latents."""
    encode = classic.vae.encode

    def encoded(pixels: Any) -> Any:
        found = encode(pixels)
        found.latent_dist.sample = found.latent_dist.mode
        return found

    classic.vae.encode = encoded
    try:
        yield
    finally:
        del classic.vae.encode


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
STEERING = {**ASKED, "control_image": picture(8, 32), "controlnet_conditioning_scale": 0.6}
OWN_SIZES = {"use_resolution_binning": False}
FAMILY = Family(
    "hunyuan_dit",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.HunyuanDiTPipeline, ASKED, classic_given=OWN_SIZES),
        # No pipeline of diffusers has these.
        "image2image": Task(IMAGE2IMAGE_BLOCKS, None, IMAGE),
        "inpainting": Task(INPAINT_BLOCKS, None, {**IMAGE, "mask_image": half_mask(32)}),
        "differential": Task(
            DIFFERENTIAL_BLOCKS,
            None,
            {**PICTURE, "num_inference_steps": 4, "change_map": band_map(0, 0.3, 0.7, 1, size=32)},
        ),
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
