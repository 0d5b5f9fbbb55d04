"""Wan 2.1 beside its classic pipelines."""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import half_mask, picture
from family_table import Family, Feature, Task
from tiny_language import seeded, umt5

from brickwork.presets.wan import (
    IMAGE2VIDEO_BLOCKS,
    TEXT2VIDEO_BLOCKS,
    TOKEN_TIMES_BLOCKS,
    TOKEN_TIMES_IMAGE2VIDEO_BLOCKS,
    TOKEN_TIMES_VIDEO2VIDEO_BLOCKS,
    TWO_NETWORKS_BLOCKS,
    TWO_NETWORKS_IMAGE2VIDEO_BLOCKS,
    TWO_NETWORKS_VIDEO2VIDEO_BLOCKS,
    VACE_BLOCKS,
    VIDEO2VIDEO_BLOCKS,
)

SIDE = 16
ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on &amp;  the blue square of green"],
    "negative_prompt": ["a photo of a green square on the circle", "blue"],
    "num_inference_steps": 3,
    "guidance_scale": 4.0,
    "height": SIDE,
    "width": 2 * SIDE,
    "max_sequence_length": 40,
}
FRAMES = {"num_frames": 5}
VIDEO = [picture(seed, 32) for seed in range(5)]


def transformer(channels: int = 4, made: int = 4, **changes: Any) -> Any:
    return diffusers.WanTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=channels,
        out_channels=made,
        text_dim=32,
        freq_dim=16,
        ffn_dim=16,
        num_layers=1,
        rope_max_seq_len=32,
        **changes,
    )


def vace() -> Any:
    return diffusers.WanVACETransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=4,
        out_channels=4,
        text_dim=32,
        freq_dim=16,
        ffn_dim=16,
        num_layers=2,
        rope_max_seq_len=32,
        vace_layers=[0, 1],
        vace_in_channels=2 * 4 + 64,
    )


def vae() -> Any:
    return diffusers.AutoencoderKLWan(
        base_dim=3,
        z_dim=4,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.1, -0.2, 0.3, 0.0],
        latents_std=[1.2, 0.8, 1.1, 0.9],
    )


def make() -> dict[str, Any]:
    seeded()
    solver = diffusers.UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    return {**umt5(), "transformer": transformer(), "vae": vae(), "scheduler": solver}


def seeing() -> Any:
    from transformers import CLIPVisionConfig, CLIPVisionModel

    return CLIPVisionModel(
        CLIPVisionConfig(
            hidden_size=8, intermediate_size=8, num_hidden_layers=2, num_attention_heads=2, image_size=16, patch_size=8
        )
    )


def extractor() -> Any:
    from transformers import CLIPImageProcessor

    return CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16})


def reading(classic: type[Any]) -> Any:
    """A classic pipeline that reads prompts as that of text to video does: its own reading calls a library without a look whether it is there."""
    return type(classic.__name__, (classic,), {"_get_t5_prompt_embeds": diffusers.WanPipeline._get_t5_prompt_embeds})


IMAGE_PARTS = {
    "transformer": lambda: transformer(12, image_dim=8, added_kv_proj_dim=24),
    "image_encoder": seeing,
    "image_processor": extractor,
}
OF_IMAGE = {**ASKED, **FRAMES, "image": picture(3, 32), "num_inference_steps": 2}

OF_VIDEO = {
    **ASKED,
    "prompt": "a red circle",
    "negative_prompt": "blue",
    "video": VIDEO,
    "strength": 0.63,
    "num_inference_steps": 5,
}

FAMILY = Family(
    "wan",
    "transformer",
    make,
    {
        "text2video": Task(TEXT2VIDEO_BLOCKS, diffusers.WanPipeline, {**ASKED, **FRAMES}),
        "image2video": Task(
            IMAGE2VIDEO_BLOCKS, reading(diffusers.WanImageToVideoPipeline), OF_IMAGE, parts=IMAGE_PARTS
        ),
        "video2video": Task(
            VIDEO2VIDEO_BLOCKS,
            reading(diffusers.WanVideoToVideoPipeline),
            OF_VIDEO,
        ),
        "two networks": Task(
            TWO_NETWORKS_BLOCKS,
            diffusers.WanPipeline,
            {**ASKED, **FRAMES, "num_inference_steps": 4},
            parts={"transformer_2": transformer},
            classic_options={"boundary_ratio": 0.875},
        ),
        "timesteps of tokens": Task(
            TOKEN_TIMES_BLOCKS,
            diffusers.WanPipeline,
            {**ASKED, **FRAMES, "num_inference_steps": 2, "height": 2 * SIDE},
            classic_options={"expand_timesteps": True},
        ),
        "image2video by timesteps of tokens": Task(
            TOKEN_TIMES_IMAGE2VIDEO_BLOCKS,
            reading(diffusers.WanImageToVideoPipeline),
            {**OF_IMAGE, "num_inference_steps": 4, "height": 2 * SIDE},
            classic_options={"expand_timesteps": True},
        ),
        "steered": Task(
            VACE_BLOCKS,
            reading(diffusers.WanVACEPipeline),
            {
                **ASKED,
                **FRAMES,
                "prompt": "a red circle",
                "negative_prompt": "blue",
                "width": SIDE,
                "num_inference_steps": 4,
            },
            parts={"transformer": vace},
        ),
        "video2video by timesteps of tokens": Task(TOKEN_TIMES_VIDEO2VIDEO_BLOCKS, None, OF_VIDEO),
        "video2video by two networks": Task(
            TWO_NETWORKS_VIDEO2VIDEO_BLOCKS, None, OF_VIDEO, parts={"transformer_2": transformer}
        ),
        "image2video by two networks": Task(
            TWO_NETWORKS_IMAGE2VIDEO_BLOCKS,
            reading(diffusers.WanImageToVideoPipeline),
            {**OF_IMAGE, "num_inference_steps": 4},
            parts={"transformer": lambda: transformer(12), "transformer_2": lambda: transformer(12)},
            classic_options={"boundary_ratio": 0.875},
        ),
    },
    {
        "own guidance of the second": Feature(
            {"guidance_scale_2": 2.0}, tasks=("two networks", "image2video by two networks")
        ),
        "a video, a mask and two images": Feature(
            {
                "video": [picture(seed, SIDE) for seed in range(5)],
                "mask": [half_mask(SIDE)] * 5,
                "reference_images": [picture(7, 32), picture(8, 48)],
                "conditioning_scale": [0.5, 0.8],
            },
            tasks=("steered",),
            formats=("float32", "bfloat16"),
        ),
        "seven steps": Feature({"num_inference_steps": 7}, tasks=("two networks",)),
        "one step, of the first network": Feature({"num_inference_steps": 1}, tasks=("two networks",)),
        "no guidance": Feature({"guidance_scale": 1.0}, tasks=("text2video",)),
        "Euler": Feature(parts={"scheduler": diffusers.FlowMatchEulerDiscreteScheduler}, tasks=("text2video",)),
        "one frame": Feature({"num_frames": 1}, tasks=("text2video",)),
        "last image": Feature(
            {"last_image": picture(5, 32), "prompt": "a red circle", "negative_prompt": "blue"},
            parts={
                **IMAGE_PARTS,
                "transformer": lambda: transformer(12, image_dim=8, added_kv_proj_dim=24, pos_embed_seq_len=10),
            },
            tasks=("image2video",),
        ),
    },
    batching="sequential",
    output="videos",
)
