"""The parts of FLUX and Stable Diffusion 3 with the true architecture and tiny random weights."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    FluxTransformer2DModel,
    SD3ControlNetModel,
    SD3Transformer2DModel,
)
from diffusers.models.attention_processor import SD3IPAdapterJointAttnProcessor2_0
from diffusers.models.embeddings import IPAdapterTimeImageProjection
from transformers import (
    CLIPTextModel,
    CLIPTextModelWithProjection,
    SiglipImageProcessor,
    SiglipVisionConfig,
    SiglipVisionModel,
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
        **t5("text_encoder_2", "tokenizer_2"),
        "transformer": flux_transformer(),
        "scheduler": FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        "vae": autoencoder(),
    }


def flux_transformer(**changes: Any) -> FluxTransformer2DModel:
    """A transformer of FLUX, told a strength of guidance unless changed."""
    return FluxTransformer2DModel(**{**FLUX_CONFIG, **changes})


SD3_CONFIG: dict[str, Any] = {
    "sample_size": 8,
    "num_layers": 1,
    "attention_head_dim": 8,
    "num_attention_heads": 4,
    "caption_projection_dim": 32,
    "joint_attention_dim": 32,
    "pooled_projection_dim": 32,
}


def sd3_transformer(**changes: Any) -> SD3Transformer2DModel:
    """A transformer of Stable Diffusion 3."""
    return SD3Transformer2DModel(**{**SD3_CONFIG, **changes})


def sd3_controlnet(seed: int = 3, **changes: Any) -> SD3ControlNetModel:
    """A ControlNet of Stable Diffusion 3 whose layers that begin with zeros have some weight, as training would give them."""
    torch.manual_seed(seed)
    made = SD3ControlNetModel(**{**SD3_CONFIG, "force_zeros_for_pooled_projection": False, **changes})
    for parameter in made.parameters():
        if not parameter.any():
            parameter.data = 0.1 * torch.randn(parameter.shape)
    return made.eval()


def sd3_ip_adapter(layers: int = 1, seed: int = 4, seen: int = 16) -> dict[str, dict[str, torch.Tensor]]:
    """The weights of an IP-Adapter of Stable Diffusion 3."""
    torch.manual_seed(seed)
    projection = IPAdapterTimeImageProjection(seen, 32, hidden_dim=64, heads=1, num_queries=4, timestep_in_dim=16)
    layer = {
        f"{number}.{name}": tensor
        for number in range(layers)
        for name, tensor in SD3IPAdapterJointAttnProcessor2_0(32, 32, 8, timesteps_emb_dim=64).state_dict().items()
    }
    return {"image_proj": projection.state_dict(), "ip_adapter": layer}


def siglip(seed: int = 6) -> dict[str, Any]:
    """An image encoder that sees 32x32 pixels, and its processor."""
    torch.manual_seed(seed)
    config = SiglipVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=16
    )
    return {
        "image_encoder": SiglipVisionModel(config).eval(),
        "feature_extractor": SiglipImageProcessor(size={"height": 32, "width": 32}),
    }


def stable_diffusion_3(seed: int = 0) -> dict[str, Any]:
    """Components of Stable Diffusion 3, by name."""
    torch.manual_seed(seed)
    clips = tokenizer("<|endoftext|>", length=77), tokenizer("!", length=77)
    return {
        "text_encoder": CLIPTextModelWithProjection(text_config(16, len(clips[0]), length=77)),
        "tokenizer": clips[0],
        "text_encoder_2": CLIPTextModelWithProjection(text_config(16, len(clips[1]), length=77)),
        "tokenizer_2": clips[1],
        **t5("text_encoder_3", "tokenizer_3"),
        "transformer": sd3_transformer(),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0),
        "vae": autoencoder(),
    }


def t5(encoder: str, words: str) -> dict[str, Any]:
    """A T5 and its tokenizer, by these names."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in LETTERS)]
    made = T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=32)
    config = T5Config(vocab_size=len(pieces), d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4)
    return {encoder: T5EncoderModel(config).eval(), words: made}


def autoencoder() -> AutoencoderKL:
    """A VAE of FLUX."""
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
