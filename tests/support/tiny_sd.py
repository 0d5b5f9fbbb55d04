"""The parts of Stable Diffusion 1 and 2 with the true architecture and tiny random weights."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from coarse_images import picture
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import CLIPConfig, CLIPImageProcessor, CLIPTextModel

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


def make_parts() -> dict[str, Any]:
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


def safety_parts(seen: list[Any]) -> dict[str, Any]:
    """A safety checker that flags some of two images, and what brings them to its size."""
    size = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(vision_config={**size, "image_size": 32, "patch_size": 8}, text_config=size, projection_dim=16)
    torch.manual_seed(0)
    checker = StableDiffusionSafetyChecker(config).eval()
    extractor = CLIPImageProcessor(size=32, crop_size=32)
    checker.concept_embeds.data.normal_()
    with torch.no_grad():
        pixels = extractor(seen, return_tensors="pt").pixel_values
        embeds = checker.visual_projection(checker.vision_model(pixels)[1])
    closeness = torch.nn.functional.cosine_similarity(embeds[:, None], checker.concept_embeds[None], dim=-1)
    # The first concept tells the two apart.
    checker.concept_embeds_weights.data.fill_(2.0)
    checker.concept_embeds_weights.data[0] = closeness[:, 0].mean()
    checker.special_care_embeds_weights.data.fill_(2.0)
    return {"safety_checker": checker, "feature_extractor": extractor}


ASKED: dict[str, Any] = {
    "prompt": ["a red circle", "two cat on the blue square of green"],
    "negative_prompt": ["a photo of a green square on the circle", "blue"],
    "num_inference_steps": 7,
    "guidance_scale": 5.0,
}
PICTURE = {"image": picture(3), "strength": 0.63}
