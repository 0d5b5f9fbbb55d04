"""CogView4 beside its classic pipelines, which know no other task than text to image, and predict one branch after the other.

That with a control image draws its latents from torch's global generator, so that no seed makes an image again: in the rows it takes the most likely ones.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from unittest import mock

import diffusers
from asked_of_texts import ASKED, OF_IMAGE, OF_MASK, SIDE, free_tasks
from coarse_images import picture
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from family_table import Family, Feature, Task
from tiny_language import glm, seeded, vae

from brickwork.presets import cogview4
from brickwork.presets.cogview4 import (
    CONTROL_BLOCKS,
    CONTROL_IMAGE2IMAGE_BLOCKS,
    CONTROL_INPAINT_BLOCKS,
    TEXT2IMAGE_BLOCKS,
)


def transformer(channels: int = 4) -> Any:
    return diffusers.CogView4Transformer2DModel(
        in_channels=channels,
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


def make() -> dict[str, Any]:
    seeded()
    return {
        **glm(),
        "transformer": transformer(),
        "vae": vae(),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(
            use_dynamic_shifting=True, base_shift=0.25, max_shift=0.75, time_shift_type="linear"
        ),
    }


def constant() -> Any:
    return diffusers.FlowMatchEulerDiscreteScheduler(shift=2.0)


def without_drawing(_: Any) -> Any:
    return mock.patch.object(DiagonalGaussianDistribution, "sample", lambda self, _=None: self.mode())


CONTROL = {"control_image": picture(8, SIDE)}
WIDE = {"transformer": partial(transformer, 8)}

FAMILY = Family(
    "cogview4",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.CogView4Pipeline, ASKED),
        **free_tasks(cogview4),
        "control": Task(
            CONTROL_BLOCKS,
            diffusers.CogView4ControlPipeline,
            {**ASKED, **CONTROL},
            mend=without_drawing,
            parts=WIDE,
        ),
        "controlled image2image": Task(CONTROL_IMAGE2IMAGE_BLOCKS, None, {**ASKED, **CONTROL, **OF_IMAGE}, parts=WIDE),
        "controlled inpainting": Task(CONTROL_INPAINT_BLOCKS, None, {**ASKED, **CONTROL, **OF_MASK}, parts=WIDE),
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
