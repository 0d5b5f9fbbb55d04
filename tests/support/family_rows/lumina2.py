"""Lumina-Image 2.0 beside its classic pipeline, which knows no other task than text to image, and predicts one branch after the other."""

from __future__ import annotations

from typing import Any

import diffusers
from asked_of_texts import ASKED, free_tasks
from family_table import Family, Feature, Task
from tiny_language import gemma2, seeded, vae

from brickwork import ClassifierFreeGuidance, NormKeptGuidance
from brickwork.presets import lumina2
from brickwork.presets.lumina2 import TEXT2IMAGE_BLOCKS


def transformer() -> Any:
    return diffusers.Lumina2Transformer2DModel(
        sample_size=4,
        in_channels=4,
        hidden_size=24,
        num_layers=1,
        num_refiner_layers=1,
        num_attention_heads=2,
        num_kv_heads=1,
        multiple_of=8,
        axes_dim_rope=(4, 4, 4),
        axes_lens=(512, 64, 64),
        cap_feat_dim=16,
    )


def make() -> dict[str, Any]:
    seeded()
    return {
        **gemma2(),
        "transformer": transformer(),
        "vae": vae(shift_factor=0.1),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
    }


def shifting_not() -> Any:
    return diffusers.FlowMatchEulerDiscreteScheduler(shift=6.0)


MORE = {"max_sequence_length": 96}
FAMILY = Family(
    "lumina2",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.Lumina2Pipeline, {**ASKED, **MORE}),
        **free_tasks(lumina2, **MORE),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}),
        "plain norm": Feature(guider=ClassifierFreeGuidance, classic={"cfg_normalization": False}),
        "truncation": Feature(guider=lambda: NormKeptGuidance(stop=0.5), classic={"cfg_trunc_ratio": 0.5}),
        "constant shift": Feature(parts={"scheduler": shifting_not}),
        "own sigmas": Feature({"sigmas": [1.0, 0.8, 0.5, 0.2]}, without=("num_inference_steps",)),
    },
    batching="sequential",
)
