"""Stable Video Diffusion beside its classic pipeline."""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import picture
from family_table import Family, Feature, Task
from tiny_language import seeded
from tiny_sd import BETAS
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from brickwork import FrameScaledGuidance
from brickwork.presets.svd import IMAGE2VIDEO_BLOCKS

ASKED: dict[str, Any] = {
    "image": [picture(3, 32), picture(4, 32)],
    "num_inference_steps": 4,
    "height": 16,
    "width": 24,
    "num_frames": 3,
}


def make() -> dict[str, Any]:
    seeded()
    unet = diffusers.UNetSpatioTemporalConditionModel(
        block_out_channels=(32, 32),
        layers_per_block=1,
        sample_size=16,
        cross_attention_dim=8,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        num_attention_heads=2,
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=24,
        num_frames=3,
    )
    vae = diffusers.AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 32), down_block_types=("DownEncoderBlock2D",) * 2, layers_per_block=1
    )
    solver = diffusers.EulerDiscreteScheduler(
        **BETAS,
        prediction_type="v_prediction",
        timestep_type="continuous",
        use_karras_sigmas=True,
        sigma_min=0.002,
        sigma_max=700.0,
    )
    # The classic brings images to 224 pixels, whatever the encoder sees.
    seen = CLIPVisionConfig(
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=224,
        patch_size=112,
        projection_dim=8,
    )
    sees = {"image_encoder": CLIPVisionModelWithProjection(seen), "feature_extractor": CLIPImageProcessor()}
    return {"unet": unet, "vae": vae, "scheduler": solver, **sees}


FAMILY = Family(
    "svd",
    "unet",
    make,
    {"image2video": Task(IMAGE2VIDEO_BLOCKS, diffusers.StableVideoDiffusionPipeline, ASKED)},
    {
        "no guidance": Feature(mine={"guidance_scale": 1.0}, classic={"max_guidance_scale": 1.0}),
        "own strengths": Feature(
            guider=lambda: FrameScaledGuidance(guidance_scale=4.0, first_frame_scale=1.5),
            classic={"min_guidance_scale": 1.5, "max_guidance_scale": 4.0},
        ),
        "own motion": Feature({"fps": 12, "motion_bucket_id": 40, "noise_aug_strength": 0.3}),
        "two frames at once": Feature({"decode_chunk_size": 2, "image": picture(3, 300)}),
        "two videos of one": Feature(
            {"image": picture(3, 32)}, mine={"num_images_per_prompt": 2}, classic={"num_videos_per_prompt": 2}
        ),
        "seeds": Feature({"seeds": [3, 4]}),
    },
    output="videos",
)
