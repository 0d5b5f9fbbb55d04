"""What a LoRA's file says of ranks and strengths counts as it does in diffusers: alpha, patterns, rsLoRA, DoRA."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from diffusers.training_utils import _collate_lora_metadata
from peft import LoraConfig, get_peft_model_state_dict

import brickwork
from brickwork.presets.embedded import FOLDER

PATTERN = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
CONFIGS: dict[str, dict[str, Any]] = {
    "alpha": {"lora_alpha": 16},
    "rank and alpha of one layer": {"lora_alpha": 16, "rank_pattern": {PATTERN: 2}, "alpha_pattern": {PATTERN: 3}},
    "rslora": {"lora_alpha": 16, "use_rslora": True},
    "dora": {"lora_alpha": 8, "use_dora": True},
}


def classic() -> Any:
    return diffusers.StableDiffusionXLPipeline.from_pretrained(str(FOLDER), torch_dtype=torch.float32)


def held(unet: Any) -> dict[str, Any]:
    layers = {path: layer for path, layer in unet.named_modules() if getattr(layer, "lora_A", None)}
    return {
        path: (*layer.scaling.values(), *layer.r.values(), *layer.use_dora.values()) for path, layer in layers.items()
    }


@pytest.mark.parametrize("name", CONFIGS)
def test_strengths_are_those_of_diffusers(name: str, tmp_path: Path) -> None:
    trained = classic()
    trained.unet.add_adapter(LoraConfig(r=4, target_modules=["to_q", "to_v"], **CONFIGS[name]))
    layers = get_peft_model_state_dict(trained.unet)
    trained.save_lora_weights(tmp_path, unet_lora_layers=layers, **_collate_lora_metadata({"unet": trained.unet}))
    theirs = classic()
    theirs.load_lora_weights(str(tmp_path))
    pipe = brickwork.embedded()
    pipe.load_lora_weights(tmp_path)
    assert held(pipe.unet) == held(theirs.unet)
    strengths = {each[0] for each in held(pipe.unet).values()}
    assert 1.0 not in strengths
    assert len(strengths) == 1 + ("rank_pattern" in CONFIGS[name])
