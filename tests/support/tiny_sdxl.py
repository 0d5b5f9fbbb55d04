"""Makes a repository of Stable Diffusion XL with the true architecture and tiny random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

WORDS = ["a", "the", "red", "blue", "green", "circle", "square", "cat", "on", "of", "two", "photo"]


def tokenizer(padding: str, length: int = 16) -> CLIPTokenizer:
    """A tokenizer that knows single letters and a few words."""
    letters = [chr(c) for c in range(97, 123)]
    tokens = [*letters, *(letter + "</w>" for letter in letters), "!", "!</w>"]
    merges: list[tuple[str, str]] = []
    for word in WORDS:
        left = word[0] if len(word) > 1 else None
        for letter in word[1:-1]:
            merges.append((left, letter))
            left += letter
        if left is not None:
            merges.append((left, word[-1] + "</w>"))
    merges = list(dict.fromkeys(merges))
    tokens = list(dict.fromkeys([*tokens, *("".join(pair) for pair in merges), "<|startoftext|>", "<|endoftext|>"]))
    vocabulary = {token: i for i, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, pad_token=padding, model_max_length=length)


def text_config(width: int, vocabulary: int, length: int = 16) -> CLIPTextConfig:
    """A two-layer text encoder."""
    return CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=length,
        projection_dim=width,
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 1,
        pad_token_id=vocabulary - 1,
    )


def make_unet(**changes: Any) -> UNet2DConditionModel:
    """A UNet of two stages, told pooled text and six sizes."""
    return UNet2DConditionModel(
        **{
            "sample_size": 8,
            "block_out_channels": (16, 32),
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            "layers_per_block": 1,
            "attention_head_dim": (2, 4),
            "cross_attention_dim": 16 + 24,
            "norm_num_groups": 8,
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 24 + 6 * 8,
            **changes,
        }
    )


def make_pipeline(seed: int = 0, **options: bool) -> StableDiffusionXLPipeline:
    """The classic pipeline over tiny random models."""
    torch.manual_seed(seed)
    tokenizers = tokenizer("<|endoftext|>"), tokenizer("!")
    size = len(tokenizers[0])
    unet = make_unet()
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 16),
        norm_num_groups=4,
        latent_channels=4,
        sample_size=128,
        scaling_factor=0.13025,
    )
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading"
    )
    return StableDiffusionXLPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text_config(16, size)),
        text_encoder_2=CLIPTextModelWithProjection(text_config(24, size)),
        tokenizer=tokenizers[0],
        tokenizer_2=tokenizers[1],
        unet=unet,
        scheduler=scheduler,
        add_watermarker=False,
        **options,
    )


def save_repository(folder: Path, seed: int = 0, **options: bool) -> Path:
    """Write the classic repository, and beside its index the one of modular pipelines."""
    make_pipeline(seed, **options).save_pretrained(folder)
    classic = json.loads((folder / "model_index.json").read_text())
    modular: dict[str, object] = {
        "_class_name": "StableDiffusionXLModularPipeline",
        "_diffusers_version": diffusers.__version__,
    }
    for name, entry in classic.items():
        if isinstance(entry, list) and all(entry):
            where = {"pretrained_model_name_or_path": str(folder), "subfolder": name, "variant": None, "revision": None}
            modular[name] = [*entry, {**where, "type_hint": entry}]
    modular["force_zeros_for_empty_prompt"] = classic["force_zeros_for_empty_prompt"]
    (folder / "modular_model_index.json").write_text(json.dumps(modular, indent=2))
    return folder
