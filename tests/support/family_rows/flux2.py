"""FLUX.2 "dev" beside its classic pipeline, which reads images as references, and has no image to image and no inpainting.

Its references have at least 64 pixels a side, and more than a megapixel is made smaller (`tests/families/test_flux2.py`).
"""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import band_map, half_mask, picture
from family_table import Family, Feature, Task
from tiny_packed import flux2

from brickwork.presets.flux2 import DIFFERENTIAL_BLOCKS, IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS

ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on the blue"],
    "num_inference_steps": 4,
    "guidance_scale": 3.5,
    "max_sequence_length": 80,
    "height": 64,
    "width": 96,
}
PICTURE = {"image": picture(3), "strength": 0.63, "num_inference_steps": 7}
DIFFERENTIAL = {"image": picture(3), "num_inference_steps": 7, "change_map": band_map(0, 0.5, 1)}
REFERENCES = [picture(3).resize((70, 85)), picture(4).resize((96, 64))]


def make() -> dict[str, Any]:
    return flux2()


FAMILY = Family(
    "flux2",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.Flux2Pipeline, ASKED),
        "references": Task(TEXT2IMAGE_BLOCKS, diffusers.Flux2Pipeline, {**ASKED, "image": REFERENCES}),
        "image2image": Task(IMAGE2IMAGE_BLOCKS, None, {**ASKED, **PICTURE}),
        "inpainting": Task(INPAINT_BLOCKS, None, {**ASKED, **PICTURE, "mask_image": half_mask()}),
        "differential": Task(DIFFERENTIAL_BLOCKS, None, {**ASKED, **DIFFERENTIAL}),
    },
    {
        "two images each": Feature({"num_images_per_prompt": 2}, tasks=("references",)),
        "own sigmas": Feature({"sigmas": [1.0, 0.8, 0.5, 0.3, 0.1]}, tasks=("text2image",)),
        "own size": Feature(without=("height", "width"), tasks=("references",)),
        "bfloat16": Feature(formats=("bfloat16",), tasks=("text2image",)),
    },
    formats=("float32",),
)
