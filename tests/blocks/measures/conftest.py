"""A small CLIP of random weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

from brickwork.presets.embedded import FOLDER


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return CLIPTokenizer.from_pretrained(FOLDER / "tokenizer")


@pytest.fixture(scope="session")
def clip(tokenizer: Any) -> CLIPModel:
    torch.manual_seed(0)
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**size, "vocab_size": len(tokenizer), "max_position_embeddings": 32, "eos_token_id": tokenizer.eos_token_id}
    vision = {**size, "image_size": 32, "patch_size": 8}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)).eval()


@pytest.fixture(scope="session")
def processor() -> CLIPImageProcessor:
    return CLIPImageProcessor(size=32, crop_size=32)


@pytest.fixture(scope="session")
def parts(clip: Any, processor: Any, tokenizer: Any) -> dict[str, Any]:
    return {"clip": clip, "clip_image_processor": processor, "clip_tokenizer": tokenizer}
