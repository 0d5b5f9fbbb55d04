"""Qwen-Image and Qwen-Image-Edit beside their classic pipelines, which call the network once for each branch of guidance.

The classics guide where a negative prompt is given; here the guider decides. Those that edit bring images to a megapixel: in the rows to
less, which the preset has an input for. With ControlNets in half precision, the classic scales control images in float32. Of several
images for each of several prompts, it takes masks and reference images in another order than prompts; and of several reference images it
brings none to the size in which the text encoder sees one.
"""

from __future__ import annotations

import functools
import sys
from typing import Any
from unittest import mock

import diffusers
from attrs import evolve
from coarse_images import band_map, half_mask, picture, square_mask
from family_table import Family, Feature, Task
from tiny_packed import qwen_controlnet, qwen_image, qwen_processor

from brickwork.presets.qwenimage import (
    CONTROLNET_TEXT2IMAGE,
    DIFFERENTIAL_BLOCKS,
    EDIT_BLOCKS,
    EDIT_PLUS_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    LIGHTNING_SCHEDULER,
    TEXT2IMAGE_BLOCKS,
)

ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on the blue"],
    "num_inference_steps": 4,
    "guidance_scale": 1.0,
    "height": 32,
    "width": 48,
}
PICTURE = {"image": picture(3), "strength": 0.63, "num_inference_steps": 7}
DIFFERENTIAL = {"image": picture(3), "num_inference_steps": 7, "change_map": band_map(0, 0.5, 1)}
CONTROL = {"control_image": picture(8), "controlnet_conditioning_scale": 0.6}
PLAIN = ("text2image", "image2image", "inpainting")
AREA = 32 * 64
EXACT = picture(3).resize((64, 32))
TALL, WIDE = picture(3).resize((64, 80)), picture(4).resize((96, 64))
SEEING = {"processor": qwen_processor}


def make() -> dict[str, Any]:
    return qwen_image()


def lightning() -> diffusers.FlowMatchEulerDiscreteScheduler:
    return diffusers.FlowMatchEulerDiscreteScheduler(**LIGHTNING_SCHEDULER)


def small(cls: type) -> type:
    """A classic pipeline that brings images to `AREA` in place of a megapixel."""
    module: Any = sys.modules[cls.__module__]
    sizes = module.calculate_dimensions

    @functools.wraps(cls.__call__)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        smaller = lambda area, ratio: sizes(AREA if area == 1024**2 else area, ratio)  # noqa: E731
        with mock.patch.object(module, "calculate_dimensions", smaller):
            return cls.__call__(self, *args, **kwargs)

    return type(cls.__name__, (cls,), {"__call__": call, "__module__": cls.__module__})


TRUE = Feature(
    {"negative_prompt": ["a photo of a green square", "blue"]},
    mine={"guidance_scale": 4.0},
    classic={"true_cfg_scale": 4.0},
    batching="sequential",
    tasks=(*PLAIN, "controlnet text2image", "edit"),
)
FAMILY = Family(
    "qwenimage",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.QwenImagePipeline, ASKED),
        "image2image": Task(IMAGE2IMAGE_BLOCKS, diffusers.QwenImageImg2ImgPipeline, {**ASKED, **PICTURE}),
        "inpainting": Task(
            INPAINT_BLOCKS, diffusers.QwenImageInpaintPipeline, {**ASKED, **PICTURE, "mask_image": half_mask()}
        ),
        "differential": Task(DIFFERENTIAL_BLOCKS, None, {**ASKED, **DIFFERENTIAL}),
        "controlnet text2image": Task(
            CONTROLNET_TEXT2IMAGE,
            diffusers.QwenImageControlNetPipeline,
            {**ASKED, **CONTROL},
            parts={"controlnet": qwen_controlnet},
        ),
        "edit": Task(
            EDIT_BLOCKS,
            small(diffusers.QwenImageEditPipeline),
            {**ASKED, "image": [EXACT, EXACT.rotate(180)]},
            parts=SEEING,
            mine={"max_area": AREA},
        ),
        "edit plus": Task(
            EDIT_PLUS_BLOCKS,
            small(diffusers.QwenImageEditPlusPipeline),
            {**ASKED, "prompt": "a red circle", "image": [TALL, WIDE]},
            parts=SEEING,
            mine={"max_area": AREA},
        ),
    },
    {
        "true guidance": TRUE,
        "true guidance of one": evolve(TRUE, inputs={"negative_prompt": "blue"}, tasks=("edit plus",)),
        "bfloat16": Feature(formats=("bfloat16",), tasks=PLAIN),
        "lightning": Feature(parts={"scheduler": lightning}, tasks=("text2image",)),
        "cut": Feature({"max_sequence_length": 9}, tasks=("text2image",)),
        "two images of one": Feature({"prompt": "a red circle", "num_images_per_prompt": 2}, tasks=("text2image",)),
        "one image": Feature({"prompt": "a red circle", "image": WIDE, "num_images_per_prompt": 2}, tasks=("edit",)),
        "own sigmas": Feature({"sigmas": [1.0, 0.8, 0.5, 0.3, 0.1]}, tasks=("text2image",)),
        "control window": Feature(
            {"control_guidance_start": 0.2, "control_guidance_end": 0.8}, tasks=("controlnet text2image",)
        ),
        "own size": Feature(without=("height", "width"), tasks=("edit", "edit plus")),
        "crop": Feature(
            {"mask_image": square_mask(), "padding_mask_crop": 8, "output_type": "pil"}, tasks=("inpainting",)
        ),
    },
    formats=("float32",),
)
