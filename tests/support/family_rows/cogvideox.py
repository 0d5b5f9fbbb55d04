"""CogVideoX beside its classic pipelines."""

from __future__ import annotations

from functools import partial
from typing import Any

import diffusers
from coarse_images import picture
from family_table import Family, Feature, Task
from tiny_language import seeded, t5

from brickwork.presets.cogvideox import IMAGE2VIDEO_BLOCKS, TEXT2VIDEO_BLOCKS, VIDEO2VIDEO_BLOCKS

WORDS = 40
ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on the blue square of green"],
    "negative_prompt": ["a photo of a green square on the circle", "blue"],
    "num_inference_steps": 4,
    "guidance_scale": 4.0,
    "height": 16,
    "width": 32,
    "max_sequence_length": WORDS,
}
FRAMES = {"num_frames": 9}
VIDEO = [picture(seed, 32) for seed in range(9)]


def transformer(**changes: Any) -> Any:
    return diffusers.CogVideoXTransformer3DModel(
        **{
            "num_attention_heads": 2,
            "attention_head_dim": 16,
            "in_channels": 4,
            "out_channels": 4,
            "time_embed_dim": 2,
            "text_embed_dim": 32,
            "num_layers": 1,
            "sample_width": 4,
            "sample_height": 2,
            "sample_frames": 9,
            "max_text_seq_length": WORDS,
            **changes,
        }
    )


def turning(**changes: Any) -> Any:
    """A transformer that is told places."""
    return transformer(use_rotary_positional_embeddings=True, **changes)


def patched(**changes: Any) -> Any:
    """A transformer of CogVideoX 1.5, which reads two frames as one."""
    return turning(patch_size_t=2, patch_bias=False, **changes)


def vae(**changes: Any) -> Any:
    return diffusers.AutoencoderKLCogVideoX(
        down_block_types=("CogVideoXDownBlock3D",) * 4,
        up_block_types=("CogVideoXUpBlock3D",) * 4,
        block_out_channels=(4, 4, 4, 4),
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
        temporal_compression_ratio=4,
        **changes,
    )


def make() -> dict[str, Any]:
    seeded()
    return {**t5(), "transformer": transformer(), "vae": vae(), "scheduler": diffusers.CogVideoXDDIMScheduler()}


def beside(make: Any = transformer, **changes: Any) -> Any:
    return partial(make, in_channels=8, **changes)


def classic_solver() -> Any:
    return diffusers.CogVideoXDPMScheduler(
        prediction_type="v_prediction", rescale_betas_zero_snr=True, snr_shift_scale=1.0
    )


FAMILY = Family(
    "cogvideox",
    "transformer",
    make,
    {
        "text2video": Task(TEXT2VIDEO_BLOCKS, diffusers.CogVideoXPipeline, {**ASKED, **FRAMES}),
        "image2video": Task(
            IMAGE2VIDEO_BLOCKS,
            diffusers.CogVideoXImageToVideoPipeline,
            {**ASKED, **FRAMES, "image": [picture(3, 32), picture(4, 32)]},
            parts={"transformer": beside()},
        ),
        "video2video": Task(
            VIDEO2VIDEO_BLOCKS,
            diffusers.CogVideoXVideoToVideoPipeline,
            {**ASKED, "video": VIDEO, "strength": 0.63, "num_inference_steps": 7},
        ),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}, tasks=("text2video",)),
        "a solver of two steps": Feature(
            parts={"scheduler": classic_solver, "transformer": turning}, tasks=("text2video",)
        ),
        "a solver of two steps, in the middle": Feature(parts={"scheduler": classic_solver}, tasks=("video2video",)),
        "places of tokens, of another size": Feature(
            {"height": 32, "width": 48}, parts={"transformer": turning}, tasks=("text2video",)
        ),
        "two frames as one": Feature(parts={"transformer": patched}, tasks=("text2video",)),
        "one frame": Feature({"num_frames": 1}, tasks=("text2video",)),
        "1.5": Feature(
            parts={
                "transformer": beside(patched, ofs_embed_dim=2),
                "vae": partial(vae, invert_scale_latents=True),
            },
            tasks=("image2video",),
        ),
    },
    output="videos",
)
