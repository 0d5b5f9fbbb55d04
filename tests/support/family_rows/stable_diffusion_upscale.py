"""Making an image four times as large, beside `StableDiffusionUpscalePipeline`.

With several images for each of several prompts the classic gives the first prompt's image to the second one's results; no row has both.
"""

from __future__ import annotations

from typing import Any

import diffusers
from coarse_images import picture
from family_table import Family, Feature, Task

from brickwork.presets.sd import UPSCALE_BLOCKS
from family_rows import stable_diffusion


def make() -> dict[str, Any]:
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 16),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        norm_num_groups=4,
        latent_channels=4,
        scaling_factor=0.08333,
    )
    return {
        **stable_diffusion.make(),
        "unet": stable_diffusion.unet(in_channels=7, num_class_embeds=1000),
        "vae": vae,
        "scheduler": diffusers.DDIMScheduler(clip_sample=False, steps_offset=1, prediction_type="v_prediction"),
        "low_res_scheduler": diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
    }


SMALL = [picture(3, 16), picture(4, 16)]
GIVEN = {**stable_diffusion.ASKED, "num_inference_steps": 4, "image": SMALL}
ONE = {"prompt": "a red circle", "negative_prompt": "a cat", "image": SMALL[0], "num_images_per_prompt": 2}
FAMILY = Family(
    "stable_diffusion_upscale",
    "unet",
    make,
    {"upscaling": Task(UPSCALE_BLOCKS, diffusers.StableDiffusionUpscalePipeline, GIVEN)},
    {
        "noise": Feature({"noise_level": 110}),
        "no guidance": Feature({"guidance_scale": 1.0}),
        "two images of one": Feature(ONE),
    },
)
