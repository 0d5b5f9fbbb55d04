"""Stable Audio beside its classic pipeline."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from diffusers.pipelines.stable_audio import StableAudioProjectionModel
from family_table import Family, Feature, Task
from tiny_language import seeded, t5

from brickwork.presets.stable_audio import AUDIO2AUDIO_BLOCKS, TEXT2AUDIO_BLOCKS

ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on the blue square"],
    "negative_prompt": ["a photo of a green square", "blue"],
    "num_inference_steps": 4,
    "guidance_scale": 4.0,
    "audio_start_in_s": 0.5,
    "audio_end_in_s": 2.0,
}
RATE = 16


def waves(channels: int, samples: int) -> torch.Tensor:
    """Two tones, of which the second is louder."""
    times = torch.arange(samples) / RATE
    return torch.stack([torch.sin(6.0 * times) / 3, torch.sin(9.0 * times) / 2])[:, None].repeat(1, channels, 1)


def tiny_oobleck() -> Any:
    """An autoencoder whose latents are eight samples long."""
    return diffusers.AutoencoderOobleck(
        encoder_hidden_size=8,
        downsampling_ratios=[2, 4],
        channel_multiples=[1, 2],
        decoder_channels=4,
        decoder_input_channels=4,
        audio_channels=2,
        sampling_rate=RATE,
    )


@torch.no_grad()  # torch copies no weights that follow from others with a gradient, as those of the VAE do
def make() -> dict[str, Any]:
    seeded()
    transformer = diffusers.StableAudioDiTModel(
        sample_size=8,
        in_channels=4,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=2,
        num_key_value_attention_heads=2,
        out_channels=4,
        cross_attention_dim=8,
        time_proj_dim=8,
        global_states_input_dim=16,
        cross_attention_input_dim=8,
    )
    vae = tiny_oobleck()
    projection = StableAudioProjectionModel(text_encoder_dim=32, conditioning_dim=8, min_value=0, max_value=32)
    solver = diffusers.EDMDPMSolverMultistepScheduler(
        sigma_min=0.3, sigma_max=500, sigma_data=1.0, prediction_type="v_prediction", sigma_schedule="exponential"
    )
    return {**t5(), "transformer": transformer, "vae": vae, "projection_model": projection, "scheduler": solver}


FAMILY = Family(
    "stable_audio",
    "transformer",
    make,
    {
        "text2audio": Task(TEXT2AUDIO_BLOCKS, diffusers.StableAudioPipeline, ASKED),
        "audio2audio": Task(
            AUDIO2AUDIO_BLOCKS,
            diffusers.StableAudioPipeline,
            ASKED,
            mine={"audio": waves(2, 40), "audio_sampling_rate": RATE},
            classic_given={"initial_audio_waveforms": waves(2, 40), "initial_audio_sampling_rate": RATE},
            formats=("float32",),
        ),
    },
    {
        "no negative prompt": Feature(without=("negative_prompt", "audio_end_in_s")),
        "no guidance, seven steps": Feature({"guidance_scale": 1.0, "num_inference_steps": 7}),
        "two sounds of a prompt": Feature(
            {"prompt": "a red circle", "negative_prompt": "blue"},
            mine={"num_images_per_prompt": 2},
            classic={"num_waveforms_per_prompt": 2},
            tasks=("text2audio",),
        ),
        "an array": Feature({"output_type": "np"}, tasks=("text2audio",)),
        "one channel, too long": Feature(
            mine={"audio": list(waves(1, 90))},
            classic={"initial_audio_waveforms": waves(1, 90)[:, 0]},
            tasks=("audio2audio",),
        ),
    },
    output="audios",
)
