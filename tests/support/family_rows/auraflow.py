"""AuraFlow beside its classic pipeline, which knows no other task than text to image."""

from __future__ import annotations

from typing import Any

import diffusers
from asked_of_texts import ASKED, free_tasks
from family_table import Family, Feature, Task
from tiny_language import seeded, umt5, vae

from brickwork.presets import auraflow
from brickwork.presets.auraflow import TEXT2IMAGE_BLOCKS


def make() -> dict[str, Any]:
    seeded()
    transformer = diffusers.AuraFlowTransformer2DModel(
        sample_size=4,
        num_mmdit_layers=1,
        num_single_dit_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=32,
        caption_projection_dim=16,
        pos_embed_max_size=64,
    )
    return {
        **umt5(),
        "transformer": transformer,
        "vae": vae(),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(shift=1.73),
    }


MORE = {"max_sequence_length": 24}
FAMILY = Family(
    "auraflow",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.AuraFlowPipeline, {**ASKED, **MORE}),
        **free_tasks(auraflow, **MORE),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}),
        "own sigmas": Feature({"sigmas": [1.0, 0.8, 0.5, 0.2]}, without=("num_inference_steps",)),
        "two images each": Feature({"num_images_per_prompt": 2}),
    },
)
