"""The parts of FLUX and Stable Diffusion 3 with the true architecture and tiny random weights."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
)
from transformers import (
    CLIPTextModel,
    CLIPTextModelWithProjection,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from tiny_sdxl import text_config, tokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyz"

FLUX_CONFIG: dict[str, Any] = {
    "in_channels": 64,
    "num_layers": 1,
    "num_single_layers": 1,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": 32,
    "pooled_projection_dim": 32,
    "guidance_embeds": True,
    "axes_dims_rope": (4, 4, 8),
}


def flux(seed: int = 0) -> dict[str, Any]:
    """Components of FLUX, guidance-distilled as the "dev" checkpoint, by name."""
    torch.manual_seed(seed)
    clip = tokenizer("<|endoftext|>", length=77)
    return {
        "text_encoder": CLIPTextModel(text_config(32, len(clip), length=77)),
        "tokenizer": clip,
        **_t5("text_encoder_2", "tokenizer_2"),
        "transformer": flux_transformer(),
        "scheduler": FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        "vae": _vae(),
    }


def flux_transformer(**changes: Any) -> FluxTransformer2DModel:
    """A transformer of FLUX, told a strength of guidance unless changed."""
    return FluxTransformer2DModel(**{**FLUX_CONFIG, **changes})


def stable_diffusion_3(seed: int = 0) -> dict[str, Any]:
    """Components of Stable Diffusion 3, by name."""
    torch.manual_seed(seed)
    clips = tokenizer("<|endoftext|>", length=77), tokenizer("!", length=77)
    return {
        "text_encoder": CLIPTextModelWithProjection(text_config(16, len(clips[0]), length=77)),
        "tokenizer": clips[0],
        "text_encoder_2": CLIPTextModelWithProjection(text_config(16, len(clips[1]), length=77)),
        "tokenizer_2": clips[1],
        **_t5("text_encoder_3", "tokenizer_3"),
        "transformer": SD3Transformer2DModel(
            sample_size=8,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=4,
            caption_projection_dim=32,
            joint_attention_dim=32,
            pooled_projection_dim=32,
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0),
        "vae": _vae(),
    }


def _t5(encoder: str, words: str) -> dict[str, Any]:
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in LETTERS)]
    made = T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=32)
    config = T5Config(vocab_size=len(pieces), d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4)
    return {encoder: T5EncoderModel(config).eval(), words: made}


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 16),
        norm_num_groups=4,
        latent_channels=16,
        sample_size=64,
        scaling_factor=1.5,
        shift_factor=0.1,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )
