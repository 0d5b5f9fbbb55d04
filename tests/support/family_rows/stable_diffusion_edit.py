"""Editing an image as a text says, beside `StableDiffusionInstructPix2PixPipeline`."""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import picture
from family_table import Family, Feature, Task

from brickwork.guiders import ImageTextGuidance
from brickwork.presets.sd import EDIT_BLOCKS
from family_rows import stable_diffusion


def make() -> dict[str, Any]:
    return {**stable_diffusion.make(), "unet": stable_diffusion.unet(in_channels=8)}


GIVEN = {**stable_diffusion.ASKED, "num_inference_steps": 4, "image": picture(3)}
FAMILY = Family(
    "stable_diffusion_edit",
    "unet",
    make,
    {"edit": Task(EDIT_BLOCKS, diffusers.StableDiffusionInstructPix2PixPipeline, GIVEN)},
    {
        "Euler": Feature(parts={"scheduler": lambda: diffusers.EulerDiscreteScheduler(**stable_diffusion.BETAS)}),
        "strength of the image": Feature(
            classic={"image_guidance_scale": 1.2}, guider=lambda: ImageTextGuidance(image_guidance_scale=1.2)
        ),
        "a picture each": Feature({"image": [picture(3), picture(4)]}),
    },
    classic_options=stable_diffusion.FAMILY.classic_options,
    conditional_first=3,
)
