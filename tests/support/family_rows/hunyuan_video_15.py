"""HunyuanVideo 1.5 beside its classic pipelines, which call the network once for each branch of guidance.

They read a thousand tokens of a prompt: fewer in the rows, which the presets have an input for; and their strength of guidance is the guider's.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import diffusers
import transformers
from coarse_images import picture
from diffusers.models.transformers.transformer_hunyuan_video15 import HunyuanVideo15ByT5TextProjection
from family_table import Family, Feature, Task
from tiny_families import siglip
from tiny_language import seeded
from tiny_packed import qwen_language

from brickwork.presets.hunyuan_video_15 import IMAGE2VIDEO_BLOCKS, TEXT2VIDEO_BLOCKS, VIDEO2VIDEO_BLOCKS

WORDS = 200
ASKED: dict[str, Any] = {
    "prompt": ["a red circle", 'a board with "Open" and “24 h”'],
    "negative_prompt": ["a photo of a green square on the circle", ""],
    "num_inference_steps": 3,
    "max_sequence_length": WORDS,
}
SIZE = {"height": 16, "width": 32}
FRAMES = {"num_frames": 5}
VIDEO = [picture(seed, 32) for seed in range(5)]


def short(classic: type[Any]) -> type[Any]:
    """A classic pipeline that reads as few tokens of a prompt as the rows ask for, of which it has no input."""

    def call(self: Any, max_sequence_length: int = WORDS, **given: Any) -> Any:
        assert max_sequence_length == WORDS
        return classic.__call__(self, **given)

    most = property(lambda _: WORDS, lambda *_: None)
    return type(classic.__name__, (classic,), {"tokenizer_max_length": most, "__call__": call})


def vae() -> Any:
    made = diffusers.AutoencoderKLHunyuanVideo15(
        latent_channels=4, block_out_channels=(8, 8, 8, 8, 8), layers_per_block=1, scaling_factor=1.1
    )
    # With two videos at once, the classic pipelines fail.
    made.enable_slicing()
    return made


def transformer(**changes: Any) -> Any:
    return diffusers.HunyuanVideo15Transformer3DModel(
        **{
            "in_channels": 9,
            "out_channels": 4,
            "num_attention_heads": 2,
            "attention_head_dim": 16,
            "num_layers": 1,
            "num_refiner_layers": 1,
            "text_embed_dim": 16,
            "text_embed_2_dim": 8,
            "image_embed_dim": 16,
            "rope_axes_dim": (4, 6, 6),
            "target_size": 32,
            **changes,
        }
    )


def thin(**changes: Any) -> Any:
    """A transformer with a smaller projection of the second text, whose width no configuration says."""
    made = transformer(**changes)
    made.context_embedder_2 = HunyuanVideo15ByT5TextProjection(8, 16, 32)
    return made


def byt5() -> dict[str, Any]:
    """A ByT5, which reads bytes, and its tokenizer."""
    words = transformers.ByT5Tokenizer()
    config = transformers.T5Config(vocab_size=len(words), d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    return {"text_encoder_2": transformers.T5EncoderModel(config).eval(), "tokenizer_2": words}


def make() -> dict[str, Any]:
    seeded()
    return {
        **qwen_language(),
        **byt5(),
        **siglip(),
        "transformer": thin(),
        "vae": vae(),
        "scheduler": diffusers.FlowMatchEulerDiscreteScheduler(shift=5.0),
        "guider": diffusers.ClassifierFreeGuidance(guidance_scale=4.0),
    }


def guided(**options: Any) -> Any:
    return diffusers.ClassifierFreeGuidance(**options)


OF_IMAGE = {**ASKED, **FRAMES, "image": picture(3, 48).resize((48, 40))}

FAMILY = Family(
    "hunyuan_video_15",
    "transformer",
    make,
    {
        "text2video": Task(TEXT2VIDEO_BLOCKS, short(diffusers.HunyuanVideo15Pipeline), {**ASKED, **FRAMES, **SIZE}),
        "image2video": Task(IMAGE2VIDEO_BLOCKS, short(diffusers.HunyuanVideo15ImageToVideoPipeline), OF_IMAGE),
        "video2video": Task(VIDEO2VIDEO_BLOCKS, None, {**ASKED, **SIZE, "video": VIDEO, "strength": 0.6}),
    },
    {
        "no guidance": Feature(parts={"guider": partial(guided, guidance_scale=1.0)}, tasks=("text2video",)),
        "rescaled guidance": Feature(
            parts={"guider": partial(guided, guidance_scale=5.0, guidance_rescale=0.4)}, tasks=("text2video",)
        ),
        "guidance of some steps": Feature(
            {"num_inference_steps": 5},
            parts={"guider": partial(guided, guidance_scale=5.0, start=0.2, stop=0.7)},
            tasks=("text2video",),
        ),
        "as many tokens as released": Feature(
            {"num_inference_steps": 1},
            without=("max_sequence_length",),
            classic_class=diffusers.HunyuanVideo15Pipeline,
            tasks=("text2video",),
        ),
        "own size": Feature(without=("height", "width"), tasks=("text2video",)),
        "own sigmas": Feature({"sigmas": [1.0, 0.8, 0.2]}, tasks=("text2video",)),
        "a text alone": Feature({"prompt": "a red circle", "negative_prompt": "blue"}, without=("negative_prompt",)),
        "told where a step leads to": Feature(parts={"transformer": partial(thin, use_meanflow=True)}),
        "a tall image": Feature({"image": picture(4, 64).resize((20, 64))}, tasks=("image2video",)),
        "one frame": Feature({"num_frames": 1}),
    },
    batching="sequential",
    output="videos",
)
