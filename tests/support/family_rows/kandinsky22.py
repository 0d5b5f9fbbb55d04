"""Kandinsky 2.2, prior and decoder in one composition and the decoder alone, beside its classic pipelines."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from classic_rows.kandinsky import WITH_HINT, combined, embedding, unet
from coarse_images import band_map, half_mask, picture
from family_table import Family, Feature, Task

from brickwork.presets.kandinsky22 import (
    DECODER_BLOCKS,
    DECODER_CONTROL_BLOCKS,
    DECODER_CONTROL_IMAGE2IMAGE_BLOCKS,
    DECODER_IMAGE2IMAGE_BLOCKS,
    DECODER_INPAINT_BLOCKS,
    DIFFERENTIAL_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    MASKED_INPAINT_BLOCKS,
    TEXT2IMAGE_BLOCKS,
)

# As tensors, some of the classics return images in -1..1.
SHAPED = {"height": 64, "width": 64, "output_type": "np", "num_inference_steps": 3, "guidance_scale": 3.0}
ASKED = {
    **SHAPED,
    "prompt": ["a red circle", "two cat on the blue square"],
    "prior_num_inference_steps": 3,
    "prior_guidance_scale": 2.0,
}
NEGATIVE = {"negative_prompt": ["a photo of a green square", "blue"]}
TOLD = {
    **SHAPED,
    "image_embeds": torch.cat([embedding(1), embedding(3)]),
    "negative_image_embeds": torch.cat([embedding(2), embedding(4)]),
}
# Of one image for two prompts the classic puts the same noise on both.
OF_IMAGE = {"image": [picture(3), picture(5)], "num_inference_steps": 7, "strength": 0.63}
STEERED = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(3))
HINT = {
    "mine": {"control_image": STEERED},
    "classic_given": {"hint": STEERED},
    "parts": {"unet": lambda: unet(**WITH_HINT)},
}
# One image twice, as the classic puts the first of a batch back into all; of numbers that both scales have without rounding.
SHOWN = torch.randint(0, 65, (1, 3, 64, 64), generator=torch.Generator().manual_seed(4)).div(64)
HALF = torch.zeros(1, 1, 64, 64)
HALF[..., 24:] = 1
TWICE = {"num_images_per_prompt": 2}
ONE_TOLD = {**SHAPED, **TWICE, "image_embeds": embedding(1), "negative_image_embeds": embedding(2)}
ONE_ASKED = {**ASKED, "prompt": "two cat on the blue square"}
MASKED = {
    "mine": {"image": SHOWN, "mask_image": HALF},
    "classic_given": {"image": 2 * SHOWN - 1, "mask_image": HALF},
    "parts": {"unet": lambda: unet(in_channels=9)},
}


def learned() -> Any:
    return diffusers.DDPMScheduler(variance_type="learned_range", clip_sample=False)


def make() -> dict[str, Any]:
    return dict(combined()())


FAMILY = Family(
    "kandinsky22",
    "unet",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.KandinskyV22CombinedPipeline, ASKED),
        "image2image": Task(IMAGE2IMAGE_BLOCKS, diffusers.KandinskyV22Img2ImgCombinedPipeline, {**ASKED, **OF_IMAGE}),
        "inpainting": Task(INPAINT_BLOCKS, None, {**ASKED, **OF_IMAGE, "mask_image": half_mask()}),
        "differential": Task(
            DIFFERENTIAL_BLOCKS, None, {**ASKED, "image": OF_IMAGE["image"], "change_map": band_map(0, 0.3, 0.7, 1)}
        ),
        "decoder": Task(DECODER_BLOCKS, diffusers.KandinskyV22Pipeline, TOLD),
        "decoder of an image": Task(
            DECODER_IMAGE2IMAGE_BLOCKS, diffusers.KandinskyV22Img2ImgPipeline, {**TOLD, **OF_IMAGE}
        ),
        "decoder with control": Task(DECODER_CONTROL_BLOCKS, diffusers.KandinskyV22ControlnetPipeline, TOLD, **HINT),
        "decoder of an image with control": Task(
            DECODER_CONTROL_IMAGE2IMAGE_BLOCKS,
            diffusers.KandinskyV22ControlnetImg2ImgPipeline,
            {**TOLD, **OF_IMAGE},
            **HINT,
        ),
        "decoder with a mask": Task(DECODER_INPAINT_BLOCKS, diffusers.KandinskyV22InpaintPipeline, ONE_TOLD, **MASKED),
        "inpainting with a mask": Task(
            MASKED_INPAINT_BLOCKS, diffusers.KandinskyV22InpaintCombinedPipeline, ONE_ASKED, **MASKED
        ),
    },
    {
        "negative prompts": Feature(NEGATIVE, tasks=("text2image", "image2image")),
        "learned variance": Feature(parts={"scheduler": learned}, tasks=("text2image", "decoder")),
        "no guidance": Feature({"guidance_scale": 1.0, "prior_guidance_scale": 1.0}, tasks=("text2image",)),
        "two images each": Feature({"num_images_per_prompt": 2}, tasks=("text2image", "decoder")),
    },
)
