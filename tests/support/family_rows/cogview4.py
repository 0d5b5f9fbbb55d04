"""CogView4 beside its classic pipeline, which knows no other task than text to image, and predicts one branch after the other."""

from __future__ import annotations

from typing import Any

import diffusers
from asked_of_texts import ASKED, free_tasks
from family_table import Family, Feature, Task
from tiny_language import glm, seeded, vae

from brickwork.presets import cogview4
from brickwork.presets.cogview4 import TEXT2IMAGE_BLOCKS


def make() -> dict[str, Any]:
    seeded()
    transformer = diffusers.CogView4Transformer2DModel(
        in_channels=4,
        out_channels=4,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        text_embed_dim=16,
        time_embed_dim=8,
        condition_dim=4,
        sample_size=4,
        rope_axes_dim=(16, 16),
    )
    return {
        **glm(),
        "transformer": transformer,
        "vae": vae(),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(
            use_dynamic_shifting=True, base_shift=0.25, max_shift=0.75, time_shift_type="linear"
        ),
    }


def constant() -> Any:
    return diffusers.FlowMatchEulerDiscreteScheduler(shift=2.0)


FAMILY = Family(
    "cogview4",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.CogView4Pipeline, ASKED),
        **free_tasks(cogview4),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}),
        "another size": Feature({"height": 48, "original_size": (128, 64), "crops_coords_top_left": (8, 16)}),
        "constant shift": Feature(parts={"scheduler": constant}),
        "own sigmas": Feature({"sigmas": [1.0, 0.8, 0.5, 0.2]}),
        "cut prompts": Feature({"max_sequence_length": 20}),
    },
    batching="sequential",
)
