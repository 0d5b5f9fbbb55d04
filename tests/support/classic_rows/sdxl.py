"""Stable Diffusion XL."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from coarse_images import picture
from tiny_adapters import controlnet, t2i_adapter, union

from classic_rows.row import Parts, Row
from classic_rows.sd import CONTROL, FROM, MASK, TEXT
from tiny_sdxl import make_pipeline, make_unet

NO_MARK = {"add_watermarker": False}


@cache
def plain() -> dict[str, Any]:
    return {name: part for name, part in make_pipeline().components.items() if part is not None}


def parts(**changes: Any) -> Parts:
    """The plain parts with others in their place."""
    return cache(lambda: {**plain(), **{name: make() for name, make in changes.items()}})


def row(inputs: dict[str, Any], configs: dict[str, Any] = NO_MARK, **changes: Any) -> Row:
    return Row(parts(**changes), inputs, configs)


def net() -> Any:
    return controlnet(plain()["unet"])


def union_net() -> Any:
    return union(plain()["unet"])


KIND = {"control_mode": [1]}

ROWS = {
    "StableDiffusionXLPipeline": row(TEXT),
    "StableDiffusionXLImg2ImgPipeline": row(FROM),
    "StableDiffusionXLInpaintPipeline": row({**MASK, "num_inference_steps": 4, "strength": 0.6}),
    "StableDiffusionXLInstructPix2PixPipeline": row(
        {**TEXT, "image": picture(3)}, unet=partial(make_unet, in_channels=8)
    ),
    "StableDiffusionXLControlNetPipeline": row({**TEXT, "image": picture(4)}, controlnet=net),
    "StableDiffusionXLControlNetImg2ImgPipeline": row({**FROM, **CONTROL}, controlnet=net),
    "StableDiffusionXLControlNetInpaintPipeline": row({**MASK, **CONTROL}, controlnet=net),
    "StableDiffusionXLControlNetUnionPipeline": row(
        {**TEXT, **KIND, "control_image": [picture(4)]}, controlnet=union_net
    ),
    "StableDiffusionXLControlNetUnionImg2ImgPipeline": row(
        {**FROM, **KIND, "control_image": [picture(4)]}, controlnet=union_net
    ),
    "StableDiffusionXLControlNetUnionInpaintPipeline": row(
        {**MASK, **KIND, "control_image": [picture(4)]}, controlnet=union_net
    ),
    "StableDiffusionXLAdapterPipeline": row({**TEXT, "image": picture(4)}, {}, adapter=t2i_adapter),
    "StableDiffusionXLPAGPipeline": row(TEXT),
    "StableDiffusionXLPAGImg2ImgPipeline": row(FROM),
    "StableDiffusionXLPAGInpaintPipeline": row({**MASK, "num_inference_steps": 4, "strength": 0.6}),
    "StableDiffusionXLControlNetPAGPipeline": row({**TEXT, "image": picture(4)}, controlnet=net),
    "StableDiffusionXLControlNetPAGImg2ImgPipeline": row({**FROM, **CONTROL}, controlnet=net),
}
