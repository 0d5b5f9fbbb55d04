"""DeepFloyd IF, its first two stages, beside its classic pipelines."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from classic_rows.deepfloyd import LARGER, parts, unet
from coarse_images import half_mask, picture
from family_table import Family, Feature, Task

from brickwork.presets.deepfloyd import (
    ENLARGE_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    TEXT2IMAGE_BLOCKS,
)

# As tensors, the classics return images in -1..1, and take such for images.
ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on the blue square"],
    "negative_prompt": ["a photo of a green square", "blue"],
    "num_inference_steps": 4,
    "guidance_scale": 5.0,
    "output_type": "np",
}
UNCHECKED = {
    "requires_safety_checker": False,
    "safety_checker": None,
    "feature_extractor": None,
    "watermarker": None,
}
UNCLEANED = {"clean_caption": False}
# Of numbers that both scales have without rounding.
SHOWN = torch.randint(0, 65, (2, 3, 16, 16), generator=torch.Generator().manual_seed(3)) / 64
MINE, THEIRS = {"image": SHOWN}, {"image": 2 * SHOWN - 1, **UNCLEANED}
OF_IMAGE = {**ASKED, "num_inference_steps": 7, "strength": 0.63}


def make() -> dict[str, Any]:
    return dict(parts()())


def larger() -> dict[str, Any]:
    return {
        "unet": lambda: unet(**LARGER),
        "image_noising_scheduler": lambda: diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
    }


def fixed() -> Any:
    return diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2", thresholding=True, sample_max_value=1.5)


FAMILY = Family(
    "deepfloyd",
    "unet",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.IFPipeline, ASKED, classic_given=UNCLEANED),
        "image2image": Task(
            IMAGE2IMAGE_BLOCKS,
            diffusers.IFImg2ImgPipeline,
            {**OF_IMAGE, "image": picture(3, 16)},
            mine=MINE,
            classic_given=THEIRS,
        ),
        "inpainting": Task(INPAINT_BLOCKS, None, {**OF_IMAGE, "image": picture(3, 16), "mask_image": half_mask(16)}),
        "enlarging": Task(
            ENLARGE_BLOCKS,
            diffusers.IFSuperResolutionPipeline,
            {**ASKED, **MINE, "height": 32, "width": 24, "noise_level": 100},
            classic_given=THEIRS,
            parts=larger(),
        ),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}, without=("negative_prompt",)),
        "nothing negative": Feature(without=("negative_prompt",), tasks=("text2image",)),
        "fixed variance": Feature(parts={"scheduler": fixed}, tasks=("text2image",)),
        "two images each": Feature({"num_images_per_prompt": 2}, tasks=("text2image", "enlarging")),
        "own noise level": Feature(
            classic={"noise_level": 250}, mine={}, without=("noise_level",), tasks=("enlarging",)
        ),
        "seeds": Feature({"seeds": [3, 4]}, tasks=("text2image", "enlarging")),
    },
    classic_options=UNCHECKED,
)
