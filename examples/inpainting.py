"""Inpainting on the surroundings of a mask: draws a square over the right half of a circle, into inpainting.png."""

import torch
from PIL import Image, ImageDraw

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.presets.sdxl import INPAINT_BLOCKS

base = brickwork.embedded()
pipe = SequentialPipelineBlocks.from_blocks_dict(INPAINT_BLOCKS).init_pipeline()
pipe.update_components(**{name: base.components[name] for name in base.pretrained_component_names})
settings = {"num_inference_steps": 20, "guidance_scale": 4.0, "output": "images"}
circle = base(prompt="a red circle on a white background", generator=torch.Generator().manual_seed(2), **settings)[0]
mask = Image.new("L", circle.size, 0)
ImageDraw.Draw(mask).rectangle([34, 0, 64, 64], fill=255)
square = pipe(
    prompt="a blue square on a white background",
    image=circle,
    mask_image=mask,
    padding_mask_crop=4,
    strength=1.0,
    generator=torch.Generator().manual_seed(5),
    **settings,
)[0]
pictures = [circle, mask.convert("RGB"), square]
brickwork.make_image_grid(pictures, 1, 3, resize=192, labels=["given", "mask", "drawn"]).save("inpainting.png")
