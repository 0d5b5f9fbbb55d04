"""HunyuanVideo beside its classic pipeline."""

from __future__ import annotations

from typing import Any

import diffusers
import tiny_families
from coarse_images import picture
from family_table import Family, Feature, Task
from tiny_language import seeded, taught_llama

from brickwork import ClassifierFreeGuidance, EmbeddedGuidance
from brickwork.families.video.hunyuan_video import INSTRUCTION
from brickwork.presets.hunyuan_video import TEXT2VIDEO_BLOCKS, VIDEO2VIDEO_BLOCKS

ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on the blue square of green"],
    "num_inference_steps": 4,
    "guidance_scale": 4.0,
    "height": 16,
    "width": 32,
    "max_sequence_length": 90,
}
NEGATIVE = {"negative_prompt": ["a photo of a green square on the circle", "blue"]}
VIDEO = [picture(seed, 32) for seed in range(5)]


def vae() -> Any:
    return diffusers.AutoencoderKLHunyuanVideo(
        latent_channels=4,
        block_out_channels=(4, 4, 4, 4),
        layers_per_block=1,
        norm_num_groups=2,
        down_block_types=("HunyuanVideoDownBlock3D",) * 4,
        up_block_types=("HunyuanVideoUpBlock3D",) * 4,
    )


def transformer(**changes: Any) -> Any:
    return diffusers.HunyuanVideoTransformer3DModel(
        **{
            "in_channels": 4,
            "out_channels": 4,
            "num_attention_heads": 2,
            "attention_head_dim": 10,
            "num_layers": 1,
            "num_single_layers": 1,
            "num_refiner_layers": 1,
            "patch_size": 1,
            "guidance_embeds": True,
            "text_embed_dim": 8,
            "pooled_projection_dim": 32,
            "rope_axes_dim": (2, 4, 4),
            **changes,
        }
    )


def make() -> dict[str, Any]:
    clip = tiny_families.flux()
    seeded()
    return {
        **taught_llama(INSTRUCTION),
        "text_encoder_2": clip["text_encoder"],
        "tokenizer_2": clip["tokenizer"],
        "transformer": transformer(),
        "vae": vae(),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(shift=7.0),
    }


def true_guidance() -> EmbeddedGuidance:
    return EmbeddedGuidance(guider=ClassifierFreeGuidance(guidance_scale=2.5))


FAMILY = Family(
    "hunyuan_video",
    "transformer",
    make,
    {
        "text2video": Task(TEXT2VIDEO_BLOCKS, diffusers.HunyuanVideoPipeline, {**ASKED, "num_frames": 5}),
        "video2video": Task(VIDEO2VIDEO_BLOCKS, None, {**ASKED, "video": VIDEO, "strength": 0.6}),
    },
    {
        "guided": Feature(
            NEGATIVE,
            classic={"true_cfg_scale": 2.5},
            guider=true_guidance,
            batching="sequential",
            tasks=("text2video",),
        ),
        "own sigmas": Feature({"sigmas": [1.0, 0.8, 0.5, 0.2]}, tasks=("text2video",)),
    },
    output="videos",
)
