"""The files of the models on which changes are made."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from transformers import CLIPTextModel, CLIPTokenizer

from tiny_sdxl import make_unet, text_config


def save_models(folder: Path, tiny: Path) -> Path:
    """Write the tiny Stable Diffusion XL, and under `parts` still smaller models, which load and run in a third of the time."""
    copied(tiny, folder)
    parts = copied(tiny, folder / "parts")
    torch.manual_seed(1)
    make_unet(
        block_out_channels=(16,),
        down_block_types=("CrossAttnDownBlock2D",),
        up_block_types=("CrossAttnUpBlock2D",),
        attention_head_dim=2,
    ).save_pretrained(parts / "unet")
    AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        latent_channels=4,
        sample_size=32,
        scaling_factor=0.13025,
    ).save_pretrained(parts / "vae")
    words = len(CLIPTokenizer.from_pretrained(parts / "tokenizer"))
    config = text_config(16, words)
    config.num_hidden_layers = 2
    CLIPTextModel(config).save_pretrained(parts / "text_encoder")
    return folder


def copied(model: Path, target: Path) -> Path:
    """A copy of a model's folder, whose index names the copy."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(model, target)
    for index in target.rglob("modular_model_index.json"):
        index.write_text(index.read_text().replace(str(model), str(target)))
    return target
