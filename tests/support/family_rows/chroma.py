"""Chroma beside its classic pipelines, which call the network once for each branch of guidance.

In half precision the classic image to image does not round timesteps, as the two others do, so it has no such row. With
`padding_mask_crop` the classic inpainting returns the part that it drew alone.
"""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import band_map, half_mask, picture
from family_table import Family, Feature, Task
from tiny_packed import chroma

from brickwork.presets.chroma import DIFFERENTIAL_BLOCKS, IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS

ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on the blue"],
    "num_inference_steps": 4,
    "guidance_scale": 1.0,
    "max_sequence_length": 24,
    "height": 32,
    "width": 48,
}
PICTURE = {"image": picture(3), "strength": 0.63, "num_inference_steps": 7}
DIFFERENTIAL = {"image": picture(3), "num_inference_steps": 7, "change_map": band_map(0, 0.5, 1)}
GUIDED = {"negative_prompt": ["a green square", "blue"], "guidance_scale": 3.5}


def make() -> dict[str, Any]:
    return chroma()


FAMILY = Family(
    "chroma",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.ChromaPipeline, ASKED),
        "image2image": Task(IMAGE2IMAGE_BLOCKS, diffusers.ChromaImg2ImgPipeline, {**ASKED, **PICTURE}),
        "inpainting": Task(
            INPAINT_BLOCKS, diffusers.ChromaInpaintPipeline, {**ASKED, **PICTURE, "mask_image": half_mask()}
        ),
        "differential": Task(DIFFERENTIAL_BLOCKS, None, {**ASKED, **DIFFERENTIAL}),
    },
    {
        "guidance": Feature(GUIDED, batching="sequential"),
        "bfloat16": Feature(formats=("bfloat16",), tasks=("text2image", "inpainting")),
        "own sigmas": Feature({"sigmas": [1.0, 0.8, 0.5, 0.3, 0.1]}, tasks=("text2image",)),
        "seeds": Feature({"seeds": [1, 2]}, tasks=("text2image",)),
        "full strength": Feature({"strength": 1.0, "num_inference_steps": 4}, tasks=("image2image",)),
    },
    formats=("float32",),
)
