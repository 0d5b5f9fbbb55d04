"""ACE-Step beside its classic pipeline, whose scale of guidance is one more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import diffusers
import torch
from diffusers.models.autoencoders.autoencoder_oobleck import OobleckDiagonalGaussianDistribution
from diffusers.pipelines.ace_step import AceStepConditionEncoder
from family_table import Family, Feature, Task
from tiny_language import qwen3, seeded

from brickwork.presets.ace_step import TEXT2MUSIC_BLOCKS
from family_rows.stable_audio import tiny_oobleck, waves

ASKED: dict[str, Any] = {
    "prompt": ["a red circle, slow", "two cat on the blue square"],
    "lyrics": ["[verse] round and round", "[chorus] four corners ab"],
    "vocal_language": ["en", "de"],
    "audio_duration": 3.2,
    "num_inference_steps": 4,
    "bpm": 90,
    "guidance_scale": 6.0,
    "keyscale": "C major",
}


THEIRS: dict[str, Any] = {"classic_given": {"guidance_scale": 7.0}, "reversed_branches": 2}


@torch.no_grad()
def make() -> dict[str, Any]:
    seeded()
    thin: dict[str, Any] = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "sliding_window": 4,
    }
    transformer = diffusers.AceStepTransformer1DModel(
        **thin, num_hidden_layers=2, in_channels=12, audio_acoustic_hidden_dim=4
    )
    encoder = AceStepConditionEncoder(
        **thin,
        text_hidden_dim=16,
        timbre_hidden_dim=4,
        num_lyric_encoder_hidden_layers=1,
        num_timbre_encoder_hidden_layers=1,
    )
    encoder.silence_latent.copy_(torch.randn_like(encoder.silence_latent) / 3)
    vae = tiny_oobleck()
    solver = diffusers.FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0)
    return {**qwen3(4096), "transformer": transformer, "condition_encoder": encoder, "vae": vae, "scheduler": solver}


@contextmanager
def without_drawing(_: Any) -> Iterator[None]:
    """Let a timbre be the most likely latents: the classic draws them from the global generator, so that no seed gives the music again."""
    own = OobleckDiagonalGaussianDistribution.sample
    OobleckDiagonalGaussianDistribution.sample = lambda self: self.mean
    try:
        yield
    finally:
        OobleckDiagonalGaussianDistribution.sample = own


FAMILY = Family(
    "ace_step",
    "transformer",
    make,
    {
        "text2music": Task(TEXT2MUSIC_BLOCKS, diffusers.AceStepPipeline, ASKED, **THEIRS),
        "with a timbre": Task(
            TEXT2MUSIC_BLOCKS,
            diffusers.AceStepPipeline,
            {**ASKED, "reference_audio": waves(2, 700)[0]},
            mend=without_drawing,
            formats=("float32",),
            **THEIRS,
        ),
    },
    {
        "no guidance, seven steps": Feature(
            {"num_inference_steps": 7, "guidance_scale": 0.0},
            classic={"guidance_scale": 1.0},
            tasks=("text2music",),
        ),
        "nothing is sung": Feature(
            {"lyrics": ["", ""]}, without=("bpm", "keyscale", "vocal_language"), tasks=("text2music",)
        ),
        "bars": Feature({"timesignature": "3", "keyscale": " "}, tasks=("text2music",)),
        "a short timbre": Feature({"reference_audio": waves(2, 90)[1]}, tasks=("with a timbre",)),
        "two sounds of a prompt": Feature(
            mine={"prompt": "a red circle", "lyrics": "la", "vocal_language": "en", "num_images_per_prompt": 2},
            classic={"prompt": ["a red circle"] * 2, "lyrics": ["la"] * 2, "vocal_language": ["en"] * 2},
            tasks=("text2music",),
        ),
        "an array": Feature({"output_type": "np"}, tasks=("text2music",)),
    },
    output="audios",
)
