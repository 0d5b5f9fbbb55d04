"""Images like a given one, beside `StableDiffusionImageVariationPipeline`."""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import picture
from family_table import Family, Feature, Task
from tiny_adapters import image_encoder
from transformers import CLIPImageProcessor

from brickwork.presets.sd import VARIATION_BLOCKS
from family_rows import stable_diffusion


def make() -> dict[str, Any]:
    parts = stable_diffusion.make()
    return {
        **{name: parts[name] for name in ("vae", "scheduler")},
        "unet": stable_diffusion.unet(cross_attention_dim=24),
        "image_encoder": image_encoder(),
        "feature_extractor": CLIPImageProcessor(size=32, crop_size=32),
    }


GIVEN = {"image": [picture(3), picture(4)], "num_inference_steps": 4, "guidance_scale": 5.0, "height": 64, "width": 64}
FAMILY = Family(
    "stable_diffusion_variation",
    "unet",
    make,
    {"variation": Task(VARIATION_BLOCKS, diffusers.StableDiffusionImageVariationPipeline, GIVEN)},
    {"two images of one": Feature({"image": picture(3), "num_images_per_prompt": 2})},
    classic_options={"safety_checker": None, "requires_safety_checker": False},
)
