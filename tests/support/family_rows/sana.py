"""Sana beside its classic pipeline, which knows no other task than text to image."""

from __future__ import annotations

from functools import partial
from typing import Any

import diffusers
from asked_of_texts import ASKED, free_tasks
from family_table import Family, Feature, Task
from tiny_language import gemma2, seeded

from brickwork.presets import sana
from brickwork.presets.sana import TEXT2IMAGE_BLOCKS


def transformer(**changes: Any) -> Any:
    return diffusers.SanaTransformer2DModel(
        **{
            "in_channels": 4,
            "out_channels": 4,
            "num_attention_heads": 2,
            "attention_head_dim": 4,
            "num_layers": 1,
            "num_cross_attention_heads": 2,
            "cross_attention_head_dim": 4,
            "cross_attention_dim": 8,
            "caption_channels": 16,
            "sample_size": 32,
            **changes,
        }
    )


def vae() -> Any:
    return diffusers.AutoencoderDC(
        latent_channels=4,
        attention_head_dim=2,
        encoder_block_types=("ResBlock", "EfficientViTBlock"),
        decoder_block_types=("ResBlock", "EfficientViTBlock"),
        encoder_block_out_channels=(4, 4),
        decoder_block_out_channels=(4, 4),
        encoder_qkv_multiscales=((), (5,)),
        decoder_qkv_multiscales=((), (5,)),
        encoder_layers_per_block=(1, 1),
        decoder_layers_per_block=(1, 1),
        downsample_block_type="conv",
        upsample_block_type="interpolate",
        decoder_norm_types="rms_norm",
        decoder_act_fns="silu",
        scaling_factor=0.41407,
    )


def solver() -> Any:
    return diffusers.DPMSolverMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
    )


def make() -> dict[str, Any]:
    seeded()
    return {**gemma2(), "transformer": transformer(), "vae": vae(), "scheduler": solver()}


MORE = {"max_sequence_length": 48, "prompt": ["a Red circle ", "two cat on the blue square of green"]}
FAMILY = Family(
    "sana",
    "transformer",
    make,
    {
        "text2image": Task(
            TEXT2IMAGE_BLOCKS,
            diffusers.SanaPipeline,
            {**ASKED, **MORE},
            classic_given={"use_resolution_binning": False},
        ),
        **free_tasks(sana, **MORE),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}),
        "scaled timesteps": Feature(
            parts={"transformer": partial(transformer, timestep_scale=0.001)}, tasks=("text2image",)
        ),
        "Euler": Feature(parts={"scheduler": diffusers.FlowMatchEulerDiscreteScheduler}, tasks=("text2image",)),
    },
)
