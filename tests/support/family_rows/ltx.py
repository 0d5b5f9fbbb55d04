"""LTX-Video beside its classic pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import diffusers
from coarse_images import picture
from family_table import Family, Feature, Task
from tiny_language import seeded, t5

from brickwork.presets.ltx import IMAGE2VIDEO_BLOCKS, TEXT2VIDEO_BLOCKS

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


def told_vae() -> Any:
    return vae(timestep_conditioning=True)


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


@contextmanager
def scaling_images(classic: Any) -> Iterator[None]:
    """Let latents of images be scaled as those that are decoded: the classic leaves the VAE's scale out."""
    own = classic._normalize_latents
    classic._normalize_latents = partial(own, scaling_factor=classic.vae.config.scaling_factor)
    try:
        yield
    finally:
        classic._normalize_latents = own


FAMILY = Family(
    "ltx",
    "transformer",
    make,
    {
        "text2video": Task(TEXT2VIDEO_BLOCKS, diffusers.LTXPipeline, ASKED),
        "image2video": Task(
            IMAGE2VIDEO_BLOCKS,
            diffusers.LTXImageToVideoPipeline,
            {**ASKED, "num_inference_steps": 4, "image": [picture(3, 64), picture(4, 64)]},
            mend=scaling_images,
        ),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}, tasks=("text2video",)),
        "a VAE that is told noise": Feature(parts={"vae": told_vae}, tasks=("text2video",)),
        "noise at decoding, another rate": Feature(
            {"decode_timestep": [0.1, 0.3], "decode_noise_scale": 0.2, "frame_rate": 23.976}, parts={"vae": told_vae}
        ),
        "constant shift": Feature(
            parts={"scheduler": diffusers.FlowMatchEulerDiscreteScheduler}, tasks=("text2video",)
        ),
    },
    output="videos",
)
