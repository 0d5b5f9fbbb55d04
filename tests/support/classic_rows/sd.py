"""Stable Diffusion 1 and 2, and what was made of its UNet."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import diffusers
import torch
from coarse_images import half_mask, picture
from sd_variants import DEPTH, DISTILLED, LATENT_UPSCALER, UPSCALER, depth_estimator
from tiny_adapters import controlnet, image_encoder, t2i_adapter
from tiny_sd import BETAS, make_parts, unet
from transformers import CLIPImageProcessor, DPTImageProcessor

from classic_rows.row import Parts, Row

TEXT: dict[str, Any] = {
    "prompt": "a red circle",
    "num_inference_steps": 2,
    "height": 64,
    "width": 64,
    "output_type": "np",
}
FROM: dict[str, Any] = {
    "prompt": "a red circle",
    "num_inference_steps": 4,
    "image": picture(3),
    "strength": 0.6,
    "output_type": "np",
}
MASK: dict[str, Any] = {**TEXT, "image": picture(3), "mask_image": half_mask()}
CONTROL: dict[str, Any] = {"control_image": picture(4)}
NO_CHECK = {"requires_safety_checker": False}


@cache
def plain() -> dict[str, Any]:
    torch.manual_seed(0)
    return {name: part.eval() if isinstance(part, torch.nn.Module) else part for name, part in make_parts().items()}


def parts(**changes: Any) -> Parts:
    """The plain parts with others in their place: a function makes what is changed."""

    @cache
    def made() -> dict[str, Any]:
        torch.manual_seed(1)
        return {**plain(), **{name: make() if callable(make) else make for name, make in changes.items()}}

    return made


def row(inputs: dict[str, Any], **changes: Any) -> Row:
    return Row(parts(**changes), inputs, NO_CHECK)


def ddim() -> Any:
    # As released. With an alpha of 1 at the end CycleDiffusion divides 0 by 0, and gives nothing but nan.
    return diffusers.DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1)


def net() -> Any:
    return controlnet(plain()["unet"])


def scheduler(name: str, **more: Any) -> Any:
    return partial(getattr(diffusers, name), **BETAS, **more)


SEES = {"image_encoder": image_encoder, "feature_extractor": partial(CLIPImageProcessor, size=32, crop_size=32)}
"""An image encoder that sees 32x32 pixels, of the width that the text encoder has."""
DEEP = {
    "depth_estimator": depth_estimator,
    "feature_extractor": partial(DPTImageProcessor, size={"height": 32, "width": 32}),
}

ROWS = {
    "StableDiffusionPipeline": row(TEXT),
    "StableDiffusionImg2ImgPipeline": row(FROM),
    "StableDiffusionInpaintPipeline": row(MASK),
    "StableDiffusionInstructPix2PixPipeline": row(
        {"prompt": "a cat", "image": picture(3), "num_inference_steps": 2, "output_type": "np"},
        unet=partial(unet, in_channels=8),
    ),
    "StableDiffusionControlNetPipeline": row({**TEXT, "image": picture(4)}, controlnet=net),
    "StableDiffusionControlNetImg2ImgPipeline": row({**FROM, **CONTROL}, controlnet=net),
    "StableDiffusionControlNetInpaintPipeline": row({**MASK, **CONTROL}, controlnet=net),
    "StableDiffusionAdapterPipeline": row({**TEXT, "image": picture(4)}, adapter=t2i_adapter),
    "StableDiffusionPAGPipeline": row(TEXT),
    "StableDiffusionPAGImg2ImgPipeline": row(FROM),
    "StableDiffusionPAGInpaintPipeline": row(MASK),
    "StableDiffusionControlNetPAGPipeline": row({**TEXT, "image": picture(4)}, controlnet=net),
    "StableDiffusionControlNetPAGInpaintPipeline": row({**MASK, **CONTROL}, controlnet=net),
    "LatentConsistencyModelPipeline": row(TEXT, **DISTILLED),
    "LatentConsistencyModelImg2ImgPipeline": row(FROM, **DISTILLED),
    "StableDiffusionDepth2ImgPipeline": Row(
        parts(unet=partial(unet, in_channels=5), **DEEP), {**FROM, "depth_map": DEPTH}
    ),
    "StableDiffusionUpscalePipeline": Row(
        parts(**UPSCALER), {"prompt": "a cat", "image": picture(3, 16), "num_inference_steps": 2, "output_type": "np"}
    ),
    "StableDiffusionLatentUpscalePipeline": Row(
        parts(**LATENT_UPSCALER),
        {"prompt": "a cat", "image": picture(3), "num_inference_steps": 2, "output_type": "np"},
    ),
    "StableDiffusionSAGPipeline": row(TEXT, scheduler=ddim, unet=partial(unet, attention_head_dim=4)),
    "StableDiffusionPanoramaPipeline": row({**TEXT, "width": 96}, scheduler=ddim),
    "StableDiffusionAttendAndExcitePipeline": row(
        {**TEXT, "token_indices": [2], "max_iter_to_alter": 1, "attn_res": (4, 4)}
    ),
    "StableDiffusionParadigmsPipeline": row(
        {**TEXT, "num_inference_steps": 4, "parallel": 2},
        scheduler=scheduler("DDIMParallelScheduler", clip_sample=False),
    ),
    "StableDiffusionModelEditingPipeline": row(TEXT),
    "StableDiffusionInpaintPipelineLegacy": row({**FROM, "mask_image": half_mask()}),
    "StableDiffusionPipelineSafe": row(TEXT),
    "SemanticStableDiffusionPipeline": row({**TEXT, "editing_prompt": ["blue"], "edit_warmup_steps": 1}),
}
