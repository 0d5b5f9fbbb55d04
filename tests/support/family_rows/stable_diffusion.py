"""Stable Diffusion 1 and 2 beside `StableDiffusionPipeline` and the pipelines of its other tasks.

The classic takes a scheduler that says another `steps_offset` than 1, or `clip_sample`, for an outdated one, and changes it; here it is
taken as it says. So the rows have schedulers that say what the classic wants.
"""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import half_mask, picture, square_mask
from family_table import Family, Feature, Task
from transformers import CLIPTextModel

from brickwork import ClassifierFreeGuidance
from brickwork.presets.sd import IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, TEXT2IMAGE_BLOCKS
from tiny_sdxl import text_config, tokenizer

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
"""Of the released repositories."""


def unet(**changes: Any) -> Any:
    """A UNet of two stages, for a text encoder of width 16."""
    return diffusers.UNet2DConditionModel(
        **{
            "sample_size": 8,
            "block_out_channels": (16, 32),
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
            "layers_per_block": 1,
            "attention_head_dim": (2, 4),
            "cross_attention_dim": 16,
            "norm_num_groups": 8,
            **changes,
        }
    )


def pndm(**changes: Any) -> Any:
    return diffusers.PNDMScheduler(**{**BETAS, "skip_prk_steps": True, "steps_offset": 1, **changes})


def make() -> dict[str, Any]:
    clip = tokenizer("<|endoftext|>")
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 8, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        latent_channels=4,
        scaling_factor=0.18215,
    )
    text_encoder = CLIPTextModel(text_config(16, len(clip)))
    return {"unet": unet(), "vae": vae, "text_encoder": text_encoder, "tokenizer": clip, "scheduler": pndm()}


ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on the blue square of green"],
    "negative_prompt": ["a photo of a green square on the circle", "blue"],
    "num_inference_steps": 7,
    "guidance_scale": 5.0,
}
PICTURE = {"image": picture(3), "strength": 0.63}
SIZE = {"height": 64, "width": 64}
OF_IMAGES, INPAINTING = ("image2image", "inpainting"), ("inpainting",)
RESCALED = {"guidance_rescale": 0.7}


def solver(cls: Any, **config: Any) -> Feature:
    """One more solver, with the noise schedule of the released repositories."""
    return Feature(parts={"scheduler": lambda: cls(**{**BETAS, **config})})


FEATURES = {
    "DDIM": solver(diffusers.DDIMScheduler, clip_sample=False, steps_offset=1),
    "Euler": solver(diffusers.EulerDiscreteScheduler),
    "ancestral": solver(diffusers.EulerAncestralDiscreteScheduler),
    "DPM++ 2M": solver(diffusers.DPMSolverMultistepScheduler),
    "UniPC": solver(diffusers.UniPCMultistepScheduler),
    "LMS": solver(diffusers.LMSDiscreteScheduler),
    "Heun": solver(diffusers.HeunDiscreteScheduler),
    "v-prediction": solver(diffusers.DDIMScheduler, prediction_type="v_prediction", clip_sample=False, steps_offset=1),
    "zero SNR": Feature(
        classic=RESCALED,
        parts={
            "scheduler": lambda: diffusers.DDIMScheduler(
                **BETAS,
                prediction_type="v_prediction",
                rescale_betas_zero_snr=True,
                timestep_spacing="trailing",
                clip_sample=False,
                steps_offset=1,
            )
        },
        guider=lambda: ClassifierFreeGuidance(guidance_rescale=0.7),
        tasks=("text2image",),
    ),
    "no guidance": Feature({"guidance_scale": 1.0}),
    "nothing negative": Feature(without=("negative_prompt",)),
    "two images each": Feature({"num_images_per_prompt": 2}),
    "full strength": Feature({"strength": 1.0, "num_inference_steps": 4}, tasks=OF_IMAGES),
    "own strength": Feature(without=("strength",), tasks=OF_IMAGES),
    "9 channels": Feature(parts={"unet": lambda: unet(in_channels=9)}, tasks=INPAINTING),
    "9 channels, own strength": Feature(
        parts={"unet": lambda: unet(in_channels=9)}, without=("strength",), tasks=INPAINTING
    ),
    "crop": Feature({"mask_image": square_mask(), "padding_mask_crop": 8, "output_type": "pil"}, tasks=INPAINTING),
}

FAMILY = Family(
    "stable_diffusion",
    "unet",
    make,
    {
        "text2image": Task(
            TEXT2IMAGE_BLOCKS, diffusers.StableDiffusionPipeline, {**ASKED, **SIZE, "num_inference_steps": 4}
        ),
        "image2image": Task(IMAGE2IMAGE_BLOCKS, diffusers.StableDiffusionImg2ImgPipeline, {**ASKED, **PICTURE}),
        "inpainting": Task(
            INPAINT_BLOCKS,
            diffusers.StableDiffusionInpaintPipeline,
            {**ASKED, **PICTURE, **SIZE, "mask_image": half_mask()},
        ),
    },
    FEATURES,
    classic_options={"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False},
)
