"""Unconditional diffusion of pixels: images from noise, a variation, and a half drawn anew, into ddpm.png.

The network is tiny and has random weights, so that this runs offline; with a real one,
`ModularPipeline.from_pretrained("google/ddpm-cat-256")` opens it.
"""

import diffusers
import torch
from PIL import Image

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.presets.ddpm import IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS, UNCONDITIONAL_BLOCKS

torch.manual_seed(0)
unet = diffusers.UNet2DModel(
    sample_size=64,
    block_out_channels=(16, 32),
    norm_num_groups=8,
    down_block_types=("DownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "UpBlock2D"),
)
settings = {"num_inference_steps": 10, "seed": 3, "output": "images"}


def made(blocks):
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    pipe.update_components(unet=unet.eval(), scheduler=diffusers.DDIMScheduler())
    return pipe


first = made(UNCONDITIONAL_BLOCKS)(**settings)[0]
variation = made(IMAGE2IMAGE_BLOCKS)(image=first, strength=0.5, **settings)[0]
mask = Image.new("L", first.size, 0)
mask.paste(255, (32, 0, 64, 64))
half = made(INPAINT_BLOCKS)(image=first, mask_image=mask, **settings)[0]
brickwork.make_image_grid([first, variation, half], 1, 3, resize=128, labels=["noise", "variation", "right half"]).save(
    "ddpm.png"
)
