"""FLUX.1, and what was made of it: Chroma, VisualCloze."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import diffusers
import torch
from coarse_images import picture
from tiny_families import FLUX_CONFIG, flux, flux_transformer, siglip

from classic_rows.row import Parts, Row
from classic_rows.sd import FROM, MASK, TEXT

LONG = {"max_sequence_length": 32}
SIZE = {"height": 64, "width": 64}


@cache
def plain() -> dict[str, Any]:
    return flux()


def parts(**changes: Any) -> Parts:
    """The plain parts with others in their place."""
    return cache(lambda: {**plain(), **{name: make() for name, make in changes.items()}})


def wide(channels: int) -> Mapping[str, Any]:
    """A transformer that reads channels beside the latents."""
    return {"transformer": partial(flux_transformer, in_channels=channels, out_channels=64)}


def net() -> Any:
    torch.manual_seed(3)
    made = diffusers.FluxControlNetModel(**FLUX_CONFIG)
    for parameter in made.parameters():
        if not parameter.any():
            parameter.data = 0.1 * torch.randn(parameter.shape)
    return made.eval()


def redux() -> dict[str, Any]:
    from diffusers.pipelines.flux.modeling_flux import ReduxImageEncoder

    return {**siglip(), "image_embedder": ReduxImageEncoder(redux_dim=16, txt_in_features=4096)}


@cache
def chroma() -> dict[str, Any]:
    torch.manual_seed(2)
    made = plain()
    network = diffusers.ChromaTransformer2DModel(
        in_channels=64,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        axes_dims_rope=(4, 4, 8),
        approximator_num_channels=8,
        approximator_hidden_dim=16,
        approximator_layers=1,
    )
    text = {"text_encoder": made["text_encoder_2"], "tokenizer": made["tokenizer_2"]}
    return {**text, "transformer": network.eval(), "vae": made["vae"], "scheduler": made["scheduler"]}


CLOZE = {
    "task_prompt": "a cat", "content_prompt": "a red circle", "image": [[picture(1, 32), picture(2, 32)], [picture(3, 32), None]]
}  # fmt: skip
IMAGE = {**FROM, **LONG, **SIZE}
WITH_CONTROL = {**TEXT, **LONG, "control_image": picture(4)}

ROWS = {
    "FluxPipeline": Row(plain, {**TEXT, **LONG}),
    "FluxImg2ImgPipeline": Row(plain, IMAGE),
    "FluxInpaintPipeline": Row(plain, {**MASK, **LONG}),
    "FluxControlNetPipeline": Row(parts(controlnet=net), WITH_CONTROL),
    "FluxControlNetImg2ImgPipeline": Row(parts(controlnet=net), {**IMAGE, "control_image": picture(4)}),
    "FluxControlNetInpaintPipeline": Row(parts(controlnet=net), {**MASK, **LONG, "control_image": picture(4)}),
    "FluxControlPipeline": Row(parts(**wide(128)), WITH_CONTROL),
    "FluxControlImg2ImgPipeline": Row(parts(**wide(128)), {**IMAGE, "control_image": picture(4)}),
    "FluxControlInpaintPipeline": Row(parts(**wide(128)), {**MASK, **LONG, "control_image": picture(4)}),
    "FluxFillPipeline": Row(parts(**wide(384)), {**MASK, **LONG}),
    "FluxKontextPipeline": Row(
        plain, {**TEXT, **LONG, "image": picture(3), "max_area": 64 * 64, "_auto_resize": False}
    ),
    "FluxKontextInpaintPipeline": Row(plain, {**MASK, **LONG, "max_area": 64 * 64, "_auto_resize": False}),
    "FluxPriorReduxPipeline": Row(cache(redux), {"image": picture(3)}, seeded=False),
    "VisualClozeGenerationPipeline": Row(
        parts(**wide(384)), {**CLOZE, "num_inference_steps": 2, "output_type": "np", **LONG}, {"resolution": 32}
    ),
    "VisualClozePipeline": Row(
        parts(**wide(384)),
        {
            **CLOZE,
            "num_inference_steps": 2,
            "output_type": "np",
            **LONG,
            "upsampling_width": 48,
            "upsampling_height": 48,
            "upsampling_strength": 0.5,
        },
        {"resolution": 32},
    ),
    "ChromaPipeline": Row(chroma, {**TEXT, **LONG}),
    "ChromaImg2ImgPipeline": Row(chroma, IMAGE),
}
