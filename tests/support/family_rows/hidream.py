"""HiDream-I1 beside its classic pipeline, which knows no other task than text to image.

That brings every size to a megapixel; here, and in the rows, it is one of 32x32 pixels.
"""

from __future__ import annotations

from typing import Any

import diffusers
from asked_of_texts import ASKED, free_tasks
from family_table import Family, Feature, Task
from tiny_language import llama, seeded, t5, vae
from transformers import CLIPTextModelWithProjection

from brickwork.presets import hidream
from brickwork.presets.hidream import TEXT2IMAGE_BLOCKS
from tiny_sdxl import text_config, tokenizer


def make() -> dict[str, Any]:
    seeded()
    clips = tokenizer("<|endoftext|>", length=77), tokenizer("!", length=77)
    transformer = diffusers.HiDreamImageTransformer2DModel(
        patch_size=2,
        in_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=1,
        caption_channels=[32, 8],
        text_emb_dim=32,
        axes_dims_rope=(8, 4, 4),
        max_resolution=(4, 4),
        llama_layers=(0, 1),
    )
    return {
        "text_encoder": CLIPTextModelWithProjection(text_config(16, len(clips[0]), length=77)),
        "tokenizer": clips[0],
        "text_encoder_2": CLIPTextModelWithProjection(text_config(16, len(clips[1]), length=77)),
        "tokenizer_2": clips[1],
        **t5("text_encoder_3", "tokenizer_3"),
        **llama(),
        "transformer": transformer,
        "vae": vae(shift_factor=0.1),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
    }


class HiDreamImagePipeline(diffusers.HiDreamImagePipeline):
    """Of which a megapixel is 32x32 pixels."""

    default_sample_size = property(lambda _: 4, lambda _, own: None)  # type: ignore[assignment]  # it is set when the pipeline is made


MORE = {"max_sequence_length": 24}
FAMILY = Family(
    "hidream",
    "transformer",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, HiDreamImagePipeline, {**ASKED, **MORE}),
        **free_tasks(hidream, **MORE),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}),
        "own prompts": Feature({"prompt_2": ["green", "red"], "negative_prompt_4": ["a circle", "a cat"]}),
        "another size": Feature({"height": 48, "width": 16}),
        "two images each": Feature({"num_images_per_prompt": 2}),
    },
)
