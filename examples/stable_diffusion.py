"""Stable Diffusion 1: all tasks in one composition, with a UNet of random weights, into stable_diffusion.png.

With trained weights: `brickwork.ModularPipeline.from_pretrained("<folder>")`, or `SDAutoBlocks().init_pipeline("<folder>")`.
"""

import torch
from diffusers import PNDMScheduler, UNet2DConditionModel
from PIL import Image

import brickwork
from brickwork.presets.sd import SDAutoBlocks

base = brickwork.embedded()
torch.manual_seed(0)
unet = UNet2DConditionModel(
    sample_size=16,
    block_out_channels=(16, 32),
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    layers_per_block=1,
    attention_head_dim=4,
    cross_attention_dim=base.text_encoder.config.hidden_size,
    norm_num_groups=8,
    in_channels=base.vae.config.latent_channels,
    out_channels=base.vae.config.latent_channels,
)
pipe = SDAutoBlocks().init_pipeline()
pipe.update_components(
    unet=unet,
    vae=base.vae,
    text_encoder=base.text_encoder,
    tokenizer=base.tokenizer,
    scheduler=PNDMScheduler(skip_prk_steps=True, steps_offset=1),
)


def draw(**inputs):
    settings = {"prompt": "a red circle", "num_inference_steps": 4, "output": "images"}
    return pipe(**settings, **inputs, generator=torch.Generator().manual_seed(1))[0]


drawn = draw()
edited = draw(image=drawn, strength=0.5)
half = Image.new("L", drawn.size, 0)
half.paste(255, (drawn.width // 2, 0, *drawn.size))
filled = draw(image=drawn, mask_image=half)
pictures = [drawn, edited, filled]
labels = ["text to image", "image to image", "inpainting"]
brickwork.make_image_grid(pictures, 1, 3, resize=192, labels=labels).save("stable_diffusion.png")
