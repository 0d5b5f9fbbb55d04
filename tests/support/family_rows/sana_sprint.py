"""Sana-Sprint beside its classic pipelines."""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import half_mask, picture
from family_table import Family, Feature, Task
from tiny_language import gemma2, seeded

from brickwork.presets.sana import SPRINT_IMAGE2IMAGE_BLOCKS, SPRINT_INPAINT_BLOCKS, SPRINT_TEXT2IMAGE_BLOCKS
from family_rows.sana import transformer, vae


def make() -> dict[str, Any]:
    seeded()
    return {
        **gemma2(),
        "transformer": transformer(guidance_embeds=True, qk_norm="rms_norm_across_heads"),
        "vae": vae(),
        "scheduler": diffusers.SCMScheduler(),
    }


ASKED = {
    "prompt": ["a Red circle ", "two cat on the blue square of green"],
    "num_inference_steps": 2,
    "guidance_scale": 4.0,
    "height": 32,
    "width": 32,
    "max_sequence_length": 48,
}
IMAGE = {**ASKED, "image": picture(3, 32), "num_inference_steps": 7, "strength": 0.63}
OWN_SIZES = {"use_resolution_binning": False}
MORE = {"classic": {"intermediate_timesteps": None}}
FAMILY = Family(
    "sana_sprint",
    "transformer",
    make,
    {
        "text2image": Task(SPRINT_TEXT2IMAGE_BLOCKS, diffusers.SanaSprintPipeline, ASKED, classic_given=OWN_SIZES),
        "image2image": Task(
            SPRINT_IMAGE2IMAGE_BLOCKS,
            diffusers.SanaSprintImg2ImgPipeline,
            IMAGE,
            classic_given={**OWN_SIZES, "intermediate_timesteps": None},
        ),
        # No pipeline of diffusers has it.
        "inpainting": Task(SPRINT_INPAINT_BLOCKS, None, {**IMAGE, "mask_image": half_mask(32)}),
    },
    {
        "four steps": Feature({"num_inference_steps": 4}, tasks=("text2image",), **MORE),
        "one step": Feature({"num_inference_steps": 1}, tasks=("text2image",), **MORE),
        "two steps": Feature(
            {"num_inference_steps": 2}, tasks=("image2image",), classic={"intermediate_timesteps": 1.3}
        ),
        "seeds": Feature({"seeds": [3, 4]}, tasks=("text2image",)),
    },
)
