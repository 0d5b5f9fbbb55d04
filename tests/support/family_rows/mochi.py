"""Mochi 1 beside its classic pipeline."""

from __future__ import annotations

from typing import Any

import diffusers
from family_table import Family, Feature, Task
from tiny_language import seeded, t5

from brickwork.presets.mochi import TEXT2VIDEO_BLOCKS

WORDS = 40
ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on the blue square of green"],
    "negative_prompt": ["a photo of a green square on the circle", "blue"],
    "num_inference_steps": 4,
    "guidance_scale": 4.0,
    "height": 16,
    "width": 32,
    "num_frames": 7,
    "max_sequence_length": WORDS,
}


def vae(**changes: Any) -> Any:
    return diffusers.AutoencoderKLMochi(
        latent_channels=12,
        out_channels=3,
        encoder_block_out_channels=(32,) * 4,
        decoder_block_out_channels=(32,) * 4,
        layers_per_block=(1,) * 5,
        **changes,
    )


def solver() -> Any:
    return diffusers.FlowMatchEulerDiscreteScheduler(invert_sigmas=True)


def make() -> dict[str, Any]:
    seeded()
    transformer = diffusers.MochiTransformer3DModel(
        patch_size=2,
        num_attention_heads=2,
        attention_head_dim=8,
        num_layers=2,
        pooled_projection_dim=16,
        in_channels=12,
        text_embed_dim=32,
        time_embed_dim=4,
        activation_fn="swiglu",
        max_sequence_length=WORDS,
    )
    return {**t5(), "transformer": transformer, "vae": vae(), "scheduler": solver()}


FAMILY = Family(
    "mochi",
    "transformer",
    make,
    {"text2video": Task(TEXT2VIDEO_BLOCKS, diffusers.MochiPipeline, ASKED)},
    {
        "no guidance, seven steps": Feature({"guidance_scale": 1.0, "num_inference_steps": 7}),
        "a VAE without numbers of channels": Feature(
            parts={"vae": lambda: vae(latents_mean=None, latents_std=None, scaling_factor=0.7)}
        ),
    },
    output="videos",
)
