"""FLUX.1 beside its classic pipelines.

True guidance is two calls of the network there, and one batch here unless asked otherwise. Of several generators for one image, the
classic draws the image's latents by the first alone, so that an item of a batch is not the item alone; here each draws its own, and the
row has an image for each. The classic's `output_type="latent"` is tokens, and the preset's are spatial; what is decoded is compared.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import diffusers
import tiny_families
import torch
from attrs import evolve
from coarse_images import band_map, half_mask, picture, square_mask
from family_table import Family, Feature, Task

from brickwork import ClassifierFreeGuidance, EmbeddedGuidance
from brickwork.presets.flux import (
    CONTROL_BLOCKS,
    CONTROL_IMAGE2IMAGE_BLOCKS,
    CONTROL_INPAINT_BLOCKS,
    CONTROLNET_IMAGE2IMAGE,
    CONTROLNET_INPAINT,
    CONTROLNET_TEXT2IMAGE,
    DIFFERENTIAL_BLOCKS,
    FILL_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    KONTEXT_BLOCKS,
    KONTEXT_INPAINT_BLOCKS,
    TEXT2IMAGE_BLOCKS,
)

ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on the blue"],
    "num_inference_steps": 4,
    "guidance_scale": 3.5,
    "max_sequence_length": 24,
    "height": 32,
    "width": 48,
}
PICTURE = {"image": picture(3), "strength": 0.63, "num_inference_steps": 7}
DIFFERENTIAL = {"image": picture(3), "num_inference_steps": 7, "change_map": band_map(0, 0.5, 1)}
PLAIN = ("text2image", "image2image", "inpainting")
OF_IMAGES = ("image2image", "inpainting")
NEGATIVE = {"negative_prompt": ["a photo of a green square", "blue"]}

wide = picture(3).resize((80, 48))


def make() -> dict[str, Any]:
    return tiny_families.flux()


def reading(channels: int) -> Callable[[], diffusers.FluxTransformer2DModel]:
    """Make a transformer that reads further channels of images beside the latents."""
    return partial(tiny_families.flux_transformer, in_channels=4 * (16 + channels), out_channels=64)


def net(seed: int = 3, **changes: Any) -> diffusers.FluxControlNetModel:
    """A ControlNet whose layers that begin with zeros have some weight, as training would give them."""
    torch.manual_seed(seed)
    made = diffusers.FluxControlNetModel(
        **{**tiny_families.FLUX_CONFIG, "num_layers": 1, "num_single_layers": 1, **changes}
    )
    for parameter in made.parameters():
        if not parameter.any():
            parameter.data = 0.1 * torch.randn(parameter.shape)
    return made


def nets() -> diffusers.FluxMultiControlNetModel:
    return diffusers.FluxMultiControlNetModel([net(), net(4, num_single_layers=0)])


def schnell() -> diffusers.FluxTransformer2DModel:
    return tiny_families.flux_transformer(guidance_embeds=False)


def true_guidance() -> EmbeddedGuidance:
    return EmbeddedGuidance(guider=ClassifierFreeGuidance(guidance_scale=2.5))


TRUE = Feature(NEGATIVE, classic={"true_cfg_scale": 2.5}, guider=true_guidance, batching="sequential")
FAMILY = Family(
    "flux",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.FluxPipeline, ASKED),
        "image2image": Task(IMAGE2IMAGE_BLOCKS, diffusers.FluxImg2ImgPipeline, {**ASKED, **PICTURE}),
        "inpainting": Task(
            INPAINT_BLOCKS, diffusers.FluxInpaintPipeline, {**ASKED, **PICTURE, "mask_image": half_mask()}
        ),
        "differential": Task(DIFFERENTIAL_BLOCKS, None, {**ASKED, **DIFFERENTIAL}),
        "fill": Task(
            FILL_BLOCKS,
            diffusers.FluxFillPipeline,
            {**ASKED, **PICTURE, "mask_image": square_mask()},
            parts={"transformer": reading(16 + 64)},
        ),
        "control": Task(
            CONTROL_BLOCKS,
            diffusers.FluxControlPipeline,
            {**ASKED, "control_image": picture(8)},
            parts={"transformer": reading(16)},
        ),
        "controlled image2image": Task(
            CONTROL_IMAGE2IMAGE_BLOCKS,
            diffusers.FluxControlImg2ImgPipeline,
            {**ASKED, **PICTURE, "control_image": picture(8)},
            parts={"transformer": reading(16)},
        ),
        "controlled inpainting": Task(
            CONTROL_INPAINT_BLOCKS,
            diffusers.FluxControlInpaintPipeline,
            {**ASKED, **PICTURE, "mask_image": half_mask(), "control_image": picture(8)},
            parts={"transformer": reading(16)},
        ),
        "controlnet text2image": Task(
            CONTROLNET_TEXT2IMAGE,
            diffusers.FluxControlNetPipeline,
            {**ASKED, "control_image": picture(8), "controlnet_conditioning_scale": 0.6},
            parts={"controlnet": net},
        ),
        "controlnet image2image": Task(
            CONTROLNET_IMAGE2IMAGE,
            diffusers.FluxControlNetImg2ImgPipeline,
            {**ASKED, **PICTURE, "control_image": picture(8), "controlnet_conditioning_scale": 0.6},
            parts={"controlnet": net},
        ),
        "controlnet inpainting": Task(
            CONTROLNET_INPAINT,
            diffusers.FluxControlNetInpaintPipeline,
            {
                **ASKED,
                **PICTURE,
                "mask_image": half_mask(),
                "control_image": picture(8),
                "controlnet_conditioning_scale": 0.6,
            },
            parts={"controlnet": net},
        ),
        "kontext": Task(
            KONTEXT_BLOCKS,
            diffusers.FluxKontextPipeline,
            {**ASKED, "image": wide, "max_area": 32 * 48},
            mine={"auto_resize": False},
            classic_given={"_auto_resize": False},
        ),
        "kontext inpainting": Task(
            KONTEXT_INPAINT_BLOCKS,
            diffusers.FluxKontextInpaintPipeline,
            # The size is the image's.
            {
                **{name: each for name, each in ASKED.items() if name not in ("height", "width")},
                **PICTURE,
                "image": wide,
                "mask_image": half_mask(),
            },
            mine={"auto_resize": False},
            classic_given={"_auto_resize": False},
        ),
    },
    {
        "true guidance": evolve(TRUE, tasks=(*PLAIN, "kontext", "kontext inpainting", "controlnet text2image")),
        "schnell": Feature(
            parts={
                "transformer": schnell,
                "scheduler": lambda: diffusers.FlowMatchEulerDiscreteScheduler(shift=1.0),
            },
            tasks=PLAIN,
        ),
        "second prompt": Feature({"prompt_2": ["blue cat", "a green circle"], "num_images_per_prompt": 2}),
        "own sigmas": Feature({"sigmas": [1.0, 0.8, 0.5, 0.3, 0.1]}, tasks=PLAIN),
        "control window": Feature(
            {"control_guidance_start": 0.2, "control_guidance_end": 0.8}, tasks=("controlnet text2image",)
        ),
        "union": Feature(
            {"control_mode": 2}, parts={"controlnet": partial(net, num_mode=4)}, tasks=("controlnet text2image",)
        ),
        "pixels": Feature(
            parts={"controlnet": partial(net, in_channels=64, conditioning_embedding_channels=16, patch_size=2)},
            tasks=("controlnet text2image",),
        ),
        "two nets": Feature(
            {"control_image": [picture(8), picture(9)], "controlnet_conditioning_scale": [0.5, 0.8]},
            parts={"controlnet": nets},
            tasks=("controlnet text2image",),
        ),
        "no reference": Feature(without=("image",), tasks=("kontext",)),
        "another reference": Feature({"image_reference": picture(4)}, tasks=("kontext inpainting",)),
        "own strength": Feature(without=("strength",), tasks=("kontext inpainting",)),
        "seeds": Feature({"seeds": [1, 2]}, tasks=("text2image",)),
        "seeds and images": Feature({"seeds": [1, 2], "image": [picture(3), picture(4)]}, tasks=("image2image",)),
        "full strength": Feature({"strength": 1.0, "num_inference_steps": 4}, tasks=OF_IMAGES),
        "crop": Feature(
            {"mask_image": square_mask(), "padding_mask_crop": 8, "output_type": "pil"}, tasks=("inpainting",)
        ),
    },
)
