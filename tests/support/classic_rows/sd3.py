"""Stable Diffusion 3."""

from __future__ import annotations

from functools import cache
from typing import Any

from coarse_images import half_mask, picture
from tiny_families import sd3_controlnet, stable_diffusion_3

from classic_rows.row import Parts, Row
from classic_rows.sd import FROM, MASK, TEXT

LONG = {"max_sequence_length": 32}


@cache
def plain() -> dict[str, Any]:
    return stable_diffusion_3()


def parts(**changes: Any) -> Parts:
    """The plain parts with others in their place."""
    return cache(lambda: {**plain(), **{name: make() for name, make in changes.items()}})


CONTROL = {"control_image": picture(4)}

ROWS = {
    "StableDiffusion3Pipeline": Row(plain, {**TEXT, **LONG}),
    "StableDiffusion3Img2ImgPipeline": Row(plain, {**FROM, **LONG, "height": 64, "width": 64}),
    "StableDiffusion3InpaintPipeline": Row(plain, {**MASK, **LONG}),
    "StableDiffusion3ControlNetPipeline": Row(parts(controlnet=sd3_controlnet), {**TEXT, **LONG, **CONTROL}),
    "StableDiffusion3ControlNetInpaintingPipeline": Row(
        parts(controlnet=lambda: sd3_controlnet(extra_conditioning_channels=1)),
        {**TEXT, **LONG, **CONTROL, "control_mask": half_mask()},
    ),
    "StableDiffusion3PAGPipeline": Row(plain, {**TEXT, **LONG}, {"pag_applied_layers": "blocks.0"}),
    "StableDiffusion3PAGImg2ImgPipeline": Row(
        plain, {**FROM, **LONG, "height": 64, "width": 64}, {"pag_applied_layers": "blocks.0"}
    ),
}
