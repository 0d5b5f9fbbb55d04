"""LTX-Video beside its classic pipeline."""

from __future__ import annotations

from typing import Any

import diffusers
from family_table import Family, Feature, Task
from tiny_language import seeded, t5

from brickwork.presets.ltx import TEXT2VIDEO_BLOCKS

ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on the blue square of green"],
    "negative_prompt": ["a photo of a green square on the circle", "blue"],
    "num_inference_steps": 3,
    "guidance_scale": 4.0,
    "height": 32,
    "width": 64,
    "num_frames": 9,
    "max_sequence_length": 40,
}


def vae(**changes: Any) -> Any:
    stages = (1,) * 5
    return diffusers.AutoencoderKLLTXVideo(
        latent_channels=4,
        block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4,
        layers_per_block=stages,
        decoder_layers_per_block=stages,
        scaling_factor=0.9,
        **changes,
    )


def solver() -> Any:
    return diffusers.FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.95, max_shift=2.05, base_image_seq_len=1024, shift_terminal=0.1
    )


def make() -> dict[str, Any]:
    seeded()
    words = t5()
    transformer = diffusers.LTXVideoTransformer3DModel(
        in_channels=4,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=8,
        cross_attention_dim=16,
        num_layers=1,
        caption_channels=words["text_encoder"].config.d_model,
    )
    made = vae()
    made.latents_mean.copy_(made.latents_mean + 0.1)
    made.latents_std.copy_(made.latents_std * 1.3)
    return {**words, "transformer": transformer, "vae": made, "scheduler": solver()}


FAMILY = Family(
    "ltx",
    "transformer",
    make,
    {"text2video": Task(TEXT2VIDEO_BLOCKS, diffusers.LTXPipeline, ASKED)},
    {
        "no guidance": Feature({"guidance_scale": 1.0}),
        "a VAE that is told noise": Feature(parts={"vae": lambda: vae(timestep_conditioning=True)}),
        "constant shift": Feature(parts={"scheduler": diffusers.FlowMatchEulerDiscreteScheduler}),
    },
    output="videos",
)
