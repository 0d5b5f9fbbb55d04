"""Kandinsky 2.2: a prior that makes an embedding of an image, and decoders of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import diffusers
import torch
from coarse_images import half_mask, picture
from transformers import (
    CLIPImageProcessor,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from classic_rows.row import Parts, Row
from tiny_sdxl import text_config, tokenizer

WIDTH = 32


def vision() -> Any:
    size = {"hidden_size": WIDTH, "intermediate_size": 37, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = CLIPVisionConfig(**size, projection_dim=WIDTH, image_size=32, patch_size=8)
    return CLIPVisionModelWithProjection(config).eval()


@cache
def prior() -> dict[str, Any]:
    torch.manual_seed(0)
    words = tokenizer("<|endoftext|>", length=77)
    network = diffusers.PriorTransformer(
        num_attention_heads=2, attention_head_dim=12, embedding_dim=WIDTH, num_layers=1
    )
    network.clip_std = torch.nn.Parameter(torch.ones(network.clip_std.shape))
    return {
        "prior": network.eval(),
        "image_encoder": vision(),
        "text_encoder": CLIPTextModelWithProjection(text_config(WIDTH, len(words), length=77)).eval(),
        "tokenizer": words,
        "scheduler": unclip(),
        "image_processor": CLIPImageProcessor(size=32, crop_size=32),
    }


def unclip() -> Any:
    return diffusers.UnCLIPScheduler(
        variance_type="fixed_small_log", prediction_type="sample", clip_sample=True, clip_sample_range=10.0
    )


@cache
def movq() -> Any:
    torch.manual_seed(1)
    return diffusers.VQModel(
        block_out_channels=(32,) * 4, down_block_types=(*("DownEncoderBlock2D",) * 3, "AttnDownEncoderBlock2D"), norm_num_groups=4,
        up_block_types=("AttnUpDecoderBlock2D", *("UpDecoderBlock2D",) * 3), latent_channels=4, num_vq_embeddings=12, norm_type="spatial",
        vq_embed_dim=4,
    ).eval()  # fmt: skip


def unet(**changes: Any) -> Any:
    return diffusers.UNet2DConditionModel(
        **{
            "in_channels": 4, "out_channels": 8, "addition_embed_type": "image", "cross_attention_dim": 16, "attention_head_dim": 4,
            "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"), "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
            "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"), "block_out_channels": (16, 32), "layers_per_block": 1,
            "encoder_hid_dim": WIDTH, "encoder_hid_dim_type": "image_proj", "resnet_time_scale_shift": "scale_shift", "norm_num_groups": 8,
            **changes,
        }
    ).eval()  # fmt: skip


def decoder(**changes: Any) -> Parts:
    @cache
    def made() -> dict[str, Any]:
        torch.manual_seed(2)
        solver = diffusers.DDIMScheduler(
            beta_schedule="linear",
            beta_start=0.00085,
            beta_end=0.012,
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
        )
        return {"unet": unet(**changes), "scheduler": solver, "movq": movq()}

    return made


def combined(**changes: Any) -> Parts:
    def made() -> Mapping[str, Any]:
        return {**decoder(**changes)(), **{f"prior_{name}": part for name, part in prior().items()}}

    return cache(made)


def embedding(seed: int) -> torch.Tensor:
    return torch.randn(1, WIDTH, generator=torch.Generator().manual_seed(seed))


MADE = {"num_inference_steps": 2, "height": 64, "width": 64, "output_type": "np"}
SEEN = {**MADE, "image_embeds": embedding(1), "negative_image_embeds": embedding(2)}
HINT = {"hint": torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))}
FROM = {"image": picture(3), "strength": 0.6, "num_inference_steps": 4}
MASKED = {"image": picture(3), "mask_image": half_mask()}
WITH_HINT = {"addition_embed_type": "image_hint", "in_channels": 8}
SHORT = {"num_inference_steps": 2, "output_type": "pt", "prompt": "a cat"}
WHOLE = {**MADE, "prompt": "a cat", "prior_num_inference_steps": 2}

ROWS = {
    "KandinskyV22PriorPipeline": Row(prior, SHORT),
    "KandinskyV22PriorEmb2EmbPipeline": Row(
        prior, {**SHORT, "image": picture(3, 32), "strength": 0.6, "num_inference_steps": 4}
    ),
    "KandinskyV22Pipeline": Row(decoder(), SEEN),
    "KandinskyV22Img2ImgPipeline": Row(decoder(), {**SEEN, **FROM}),
    "KandinskyV22InpaintPipeline": Row(decoder(in_channels=9), {**SEEN, **MASKED}),
    "KandinskyV22ControlnetPipeline": Row(decoder(**WITH_HINT), {**SEEN, **HINT}),
    "KandinskyV22ControlnetImg2ImgPipeline": Row(decoder(**WITH_HINT), {**SEEN, **HINT, **FROM}),
    "KandinskyV22CombinedPipeline": Row(combined(), WHOLE),
    "KandinskyV22Img2ImgCombinedPipeline": Row(combined(), {**WHOLE, **FROM}),
    "KandinskyV22InpaintCombinedPipeline": Row(combined(in_channels=9), {**WHOLE, **MASKED}),
}
