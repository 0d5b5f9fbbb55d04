"""Stable unCLIP beside its classic pipelines."""

from __future__ import annotations

from typing import Any

import diffusers
from classic_rows.kandinsky import WIDTH, prior, vision
from coarse_images import picture
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer
from family_table import Family, Feature, Task
from tiny_language import seeded
from tiny_sd import ASKED, make_parts, unet
from transformers import CLIPImageProcessor

from brickwork.presets.unclip import TEXT2IMAGE_BLOCKS, VARIATION_BLOCKS

GIVEN = {**ASKED, "num_inference_steps": 4}
OF_TEXT = {**GIVEN, "prior_num_inference_steps": 4, "prior_guidance_scale": 2.0, "noise_level": 100}


def make() -> dict[str, Any]:
    seeded()
    normalizer = StableUnCLIPImageNormalizer(embedding_dim=WIDTH)
    normalizer.mean.data.normal_()
    normalizer.std.data.uniform_(0.5, 2.0)
    made = prior()
    solver = diffusers.DDPMScheduler(
        prediction_type="sample", clip_sample=True, clip_sample_range=5.0, beta_schedule="squaredcos_cap_v2"
    )
    return {
        **make_parts(),
        "unet": unet(class_embed_type="projection", projection_class_embeddings_input_dim=2 * WIDTH),
        "prior": made["prior"],
        "prior_tokenizer": made["tokenizer"],
        "prior_text_encoder": made["text_encoder"],
        "prior_scheduler": solver,
        "image_encoder": vision(),
        "feature_extractor": CLIPImageProcessor(size=32, crop_size=32),
        "image_normalizer": normalizer,
        "image_noising_scheduler": diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
    }


FAMILY = Family(
    "unclip",
    "unet",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, diffusers.StableUnCLIPPipeline, OF_TEXT),
        "variation": Task(
            VARIATION_BLOCKS,
            diffusers.StableUnCLIPImg2ImgPipeline,
            {**GIVEN, "image": [picture(3, 32), picture(5, 32)], "noise_level": 100},
        ),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}),
        "no guidance of the prior": Feature({"prior_guidance_scale": 1.0}, tasks=("text2image",)),
        "nothing negative": Feature(without=("negative_prompt",), tasks=("text2image",)),
        "no noise": Feature(without=("noise_level",)),
        "no prompt": Feature(without=("prompt", "negative_prompt"), tasks=("variation",)),
        "two images each": Feature({"num_images_per_prompt": 2}),
    },
)
