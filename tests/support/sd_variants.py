"""Rows of what has the text encoder and the VAE of Stable Diffusion 1 and 2, and another UNet: tasks with components of their own.

Depth is estimated in autocast, which in float32 does nothing and warns in the classic; there is a row in bfloat16. With several images for
each of several prompts the classic upscaler gives the first prompt's image to the second one's results; no row has both.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import diffusers
import torch
from coarse_images import picture
from family_table import Feature, Task
from tiny_adapters import image_encoder
from tiny_sd import ASKED, BETAS, PICTURE, unet
from transformers import CLIPImageProcessor, DPTConfig, DPTForDepthEstimation, DPTImageProcessor

from brickwork.guiders import EmbeddedGuidance, ImageTextGuidance
from brickwork.presets.sd import (
    DEPTH2IMAGE_BLOCKS,
    EDIT_BLOCKS,
    LATENT_UPSCALE_BLOCKS,
    LCM_BLOCKS,
    LCM_IMAGE2IMAGE_BLOCKS,
    UPSCALE_BLOCKS,
    VARIATION_BLOCKS,
)


def depth_estimator() -> Any:
    return DPTForDepthEstimation(
        DPTConfig(
            hidden_size=16,
            num_hidden_layers=4,
            num_attention_heads=2,
            intermediate_size=16,
            image_size=32,
            patch_size=8,
            backbone_out_indices=[0, 1, 2, 3],
            neck_hidden_sizes=[8, 8, 8, 8],
            fusion_hidden_size=8,
            is_hybrid=False,
        )
    )


def small_vae() -> Any:
    """A VAE that makes images four times as large as latents."""
    return diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 16),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        norm_num_groups=4,
        latent_channels=4,
        scaling_factor=0.08333,
    )


DISTILLED = {
    "unet": partial(unet, time_cond_proj_dim=16),
    "scheduler": partial(diffusers.LCMScheduler, **BETAS, clip_sample=False),
}
UPSCALER = {
    "unet": partial(unet, in_channels=7, num_class_embeds=1000),
    "vae": small_vae,
    "scheduler": partial(diffusers.DDIMScheduler, clip_sample=False, steps_offset=1, prediction_type="v_prediction"),
    "low_res_scheduler": partial(diffusers.DDPMScheduler, beta_schedule="squaredcos_cap_v2"),
}
LATENT_UPSCALER = {
    "unet": partial(
        unet,
        in_channels=8,
        out_channels=5,
        block_out_channels=(32, 64, 64),
        time_cond_proj_dim=128 + 16,
        down_block_types=("KDownBlock2D", *("KCrossAttnDownBlock2D",) * 2),
        up_block_types=(*("KCrossAttnUpBlock2D",) * 2, "KUpBlock2D"),
        mid_block_type=None,
        attention_head_dim=8,
        act_fn="gelu",
        conv_in_kernel=1,
        conv_out_kernel=1,
        norm_num_groups=None,
        resnet_time_scale_shift="scale_shift",
        time_embedding_type="fourier",
        timestep_post_act="gelu",
    ),
    "scheduler": partial(diffusers.EulerDiscreteScheduler, **BETAS, prediction_type="sample"),
}
SMALL = [picture(3, 16), picture(4, 16)]
SEEN = {"image": [picture(3), picture(4)], "num_inference_steps": 4, "guidance_scale": 5.0, "height": 64, "width": 64}
DEPTH = torch.rand(1, 40, 48, generator=torch.Generator().manual_seed(2))
# Neither steps nor strength of guidance: both have the same defaults.
PROMPT = {"prompt": ASKED["prompt"]}

OTHER_TASKS = {
    "few steps": Task(LCM_BLOCKS, diffusers.LatentConsistencyModelPipeline, PROMPT, parts=DISTILLED),
    "few steps of an image": Task(
        LCM_IMAGE2IMAGE_BLOCKS,
        diffusers.LatentConsistencyModelImg2ImgPipeline,
        {**PROMPT, **PICTURE},
        parts=DISTILLED,
    ),
    "edit": Task(
        EDIT_BLOCKS,
        diffusers.StableDiffusionInstructPix2PixPipeline,
        {**ASKED, "num_inference_steps": 4, "image": picture(3)},
        parts={"unet": partial(unet, in_channels=8)},
        reversed_branches=3,
    ),
    "depth2image": Task(
        DEPTH2IMAGE_BLOCKS,
        diffusers.StableDiffusionDepth2ImgPipeline,
        {**ASKED, **PICTURE, "depth_map": DEPTH},
        parts={
            "unet": partial(unet, in_channels=5),
            "depth_estimator": depth_estimator,
            "feature_extractor": partial(DPTImageProcessor, size={"height": 32, "width": 32}),
        },
    ),
    "upscaling": Task(
        UPSCALE_BLOCKS,
        diffusers.StableDiffusionUpscalePipeline,
        {**ASKED, "num_inference_steps": 4, "image": SMALL},
        parts=UPSCALER,
    ),
    "latent upscaling": Task(
        LATENT_UPSCALE_BLOCKS,
        diffusers.StableDiffusionLatentUpscalePipeline,
        {**ASKED, "num_inference_steps": 4, "image": [picture(3, 32), picture(4, 32)]},
        parts=LATENT_UPSCALER,
    ),
    "variation": Task(
        VARIATION_BLOCKS,
        diffusers.StableDiffusionImageVariationPipeline,
        SEEN,
        parts={
            "unet": partial(unet, cross_attention_dim=24),
            "image_encoder": image_encoder,
            "feature_extractor": partial(CLIPImageProcessor, size=32, crop_size=32),
        },
    ),
}
ONE = {"prompt": "a red circle", "negative_prompt": "a cat", "image": SMALL[0], "num_images_per_prompt": 2}
OTHER_FEATURES = {
    "told the strength": Feature(
        {"guidance_scale": 8.5},
        parts=DISTILLED,
        guider=EmbeddedGuidance,
        without=("negative_prompt",),
        tasks=("inpainting",),
    ),
    "Euler of an edit": Feature(
        parts={"scheduler": partial(diffusers.EulerDiscreteScheduler, **BETAS)}, tasks=("edit",)
    ),
    "strength of the image": Feature(
        classic={"image_guidance_scale": 1.2},
        guider=lambda: ImageTextGuidance(image_guidance_scale=1.2),
        tasks=("edit",),
    ),
    "an image each": Feature({"image": [picture(3), picture(4)]}, tasks=("edit",)),
    "estimated": Feature(without=("depth_map",), formats=("bfloat16",), tasks=("depth2image",)),
    "two images for each depth": Feature({"num_images_per_prompt": 2}, tasks=("depth2image",)),
    "noise on the image": Feature({"noise_level": 110}, tasks=("upscaling",)),
    "enlarged without guidance": Feature({"guidance_scale": 1.0}, tasks=("upscaling",)),
    "two of one small image": Feature(ONE, tasks=("upscaling",)),
    "latents enlarged": Feature(
        {"image": torch.randn(2, 4, 4, 6, generator=torch.Generator().manual_seed(2))}, tasks=("latent upscaling",)
    ),
    "resized and enlarged": Feature(
        {"image": [picture(3).resize((35, 65)), picture(4).resize((35, 65))]}, tasks=("latent upscaling",)
    ),
    "enlarged latents without guidance": Feature({"guidance_scale": 1.0}, tasks=("latent upscaling",)),
    "Heun of an enlarging": Feature(
        parts={"scheduler": partial(diffusers.HeunDiscreteScheduler, **BETAS, prediction_type="sample")},
        tasks=("latent upscaling",),
    ),
    "two variations": Feature({"image": picture(3), "num_images_per_prompt": 2}, tasks=("variation",)),
}
