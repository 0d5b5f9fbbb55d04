"""Kolors beside its classic pipelines.

They are imported from where they are: diffusers shows them at its top level only where sentencepiece is installed.
"""

from __future__ import annotations

from typing import Any

import diffusers
from asked_of_texts import ASKED, OF_IMAGE, SIDE, free_tasks
from coarse_images import picture
from diffusers.pipelines.kolors.pipeline_kolors import KolorsPipeline
from diffusers.pipelines.kolors.pipeline_kolors_img2img import KolorsImg2ImgPipeline
from family_table import Family, Feature, Task
from tiny_adapters import image_encoder, ip_adapter_plus
from tiny_glm import glm
from tiny_language import seeded, vae
from transformers import CLIPImageProcessor

from brickwork.blocks.core.insertable_dict import InsertableDict
from brickwork.presets import kolors, tasks
from brickwork.presets.kolors import IMAGE2IMAGE_BLOCKS, KOLORS, TEXT2IMAGE_BLOCKS
from tiny_sdxl import make_unet


def unet() -> Any:
    return make_unet(
        encoder_hid_dim=16,
        encoder_hid_dim_type="text_proj",
        cross_attention_dim=8,
        projection_class_embeddings_input_dim=16 + 6 * 8,
        block_out_channels=(8, 16),
        norm_num_groups=4,
    )


def told_images() -> Any:
    """A UNet with an IP-Adapter Plus, which takes the place of the projection of texts."""
    made = unet()
    made._load_ip_adapter_weights([ip_adapter_plus(made)])
    return made


def make() -> dict[str, Any]:
    seeded()
    return {
        **glm(),
        "unet": unet(),
        "vae": vae(),
        "scheduler": diffusers.EulerDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.014,
            beta_schedule="scaled_linear",
            steps_offset=1,
            timestep_spacing="leading",
        ),
    }


WHOLE = {**OF_IMAGE, "prompt": ASKED["prompt"], "negative_prompt": ASKED["negative_prompt"], "guidance_scale": 4.0}
FAMILY = Family(
    "kolors",
    "unet",
    make,
    {
        "text2image": Task(TEXT2IMAGE_BLOCKS, KolorsPipeline, ASKED),
        **free_tasks(kolors),
        # The classic tells the UNet its own size in place of the image's.
        "image2image": Task(
            IMAGE2IMAGE_BLOCKS,
            KolorsImg2ImgPipeline,
            WHOLE,
            classic_given={"original_size": (SIDE, SIDE), "target_size": (SIDE, SIDE)},
        ),
    },
    {
        "no guidance": Feature({"guidance_scale": 1.0}),
        "nothing negative": Feature(without=("negative_prompt",)),
        "sizes": Feature(
            {"height": 48, "original_size": (512, 64), "target_size": (48, 64), "crops_coords_top_left": (8, 16)},
            tasks=("text2image",),
        ),
        "two images each": Feature({"num_images_per_prompt": 2}, tasks=("text2image",)),
        "ancestral": Feature(parts={"scheduler": diffusers.EulerAncestralDiscreteScheduler}),
        "image prompt": Feature(
            {"ip_adapter_image": picture(5)},
            parts={
                "unet": told_images,
                "image_encoder": image_encoder,
                "feature_extractor": lambda: CLIPImageProcessor(size=32, crop_size=32),
            },
            blocks=lambda blocks: InsertableDict(blocks).insert(
                "ip_adapter", tasks.image_prompt(KOLORS)["ip_adapter"], 0
            ),
            tasks=("text2image",),
        ),
    },
)
