"""Stable Diffusion 3 beside its classic pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import diffusers
from coarse_images import band_map, half_mask, picture
from family_table import Family, Feature, Task
from tiny_families import stable_diffusion_3

from brickwork import SkipLayerGuidance
from brickwork.presets.sd3 import DIFFERENTIAL_BLOCKS, IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS


def make() -> dict[str, Any]:
    return stable_diffusion_3()


def shifting() -> Any:
    return diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0)


@contextmanager
def shifted(classic: Any) -> Iterator[None]:
    """Decode latents with their shift, which the classic inpainting forgets (and no other of its pipelines)."""
    decode = classic.vae.decode
    classic.vae.decode = lambda latents, **options: decode(
        latents + classic.vae.config.shift_factor,
        **{name: each for name, each in options.items() if name != "generator"},
    )
    try:
        yield
    finally:
        del classic.vae.decode


ASKED = {
    "prompt": ["a red circle", "two cat on the blue square of green"],
    "negative_prompt": ["a photo of a green square on the circle", "blue"],
    "num_inference_steps": 4,
    "guidance_scale": 5.0,
    "height": 64,
    "width": 64,
}
PICTURE = {**ASKED, "image": picture(3), "num_inference_steps": 7}
IMAGE = {**PICTURE, "strength": 0.63}
FAMILY = Family(
    "sd3",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.StableDiffusion3Pipeline, ASKED),
        "image2image": Task(IMAGE2IMAGE_BLOCKS, diffusers.StableDiffusion3Img2ImgPipeline, IMAGE),
        "inpainting": Task(
            INPAINT_BLOCKS, diffusers.StableDiffusion3InpaintPipeline, {**IMAGE, "mask_image": half_mask()}, shifted
        ),
        "differential": Task(DIFFERENTIAL_BLOCKS, None, {**PICTURE, "change_map": band_map(0, 0.3, 0.7, 1)}),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}),
        "own prompts": Feature({"prompt_2": ["green", "red"], "negative_prompt_3": "a circle"}, tasks=("text2image",)),
        "no T5": Feature(parts={"text_encoder_3": lambda: None, "tokenizer_3": lambda: None}),
        "shift by size": Feature({"height": 96}, parts={"scheduler": shifting}),
        "own sigmas": Feature(
            {"sigmas": [1.0, 0.8, 0.5, 0.2]}, without=("num_inference_steps",), tasks=("text2image",)
        ),
        "clip skip": Feature({"clip_skip": 1}, tasks=("text2image",)),
        "tokens": Feature({"max_sequence_length": 40}, tasks=("text2image",)),
        "two images each": Feature({"num_images_per_prompt": 2}, tasks=("text2image",)),
        "skip layers": Feature(
            guider=lambda: SkipLayerGuidance(
                skip_layer_guidance_start=0.25, skip_layer_guidance_stop=0.75, skip_layer_guidance_layers=[0]
            ),
            classic={"skip_guidance_layers": [0], "skip_layer_guidance_stop": 0.75},
            tasks=("text2image",),
        ),
        "seeds": Feature({"seeds": [3, 4]}, tasks=("text2image",)),
        "crop": Feature({"padding_mask_crop": 8, "output_type": "pil"}, tasks=("inpainting",)),
        "full strength": Feature({"strength": 1.0}, tasks=("inpainting", "image2image")),
    },
)
