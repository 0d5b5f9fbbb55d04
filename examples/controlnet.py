"""A ControlNet for layout: draws three things where an image is white, into controlnet.png."""

import torch
from diffusers import ControlNetModel
from PIL import Image, ImageDraw

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.presets.embedded import LAYOUT_CONTROLNET
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS, with_control

base = brickwork.embedded()
pipe = SequentialPipelineBlocks.from_blocks_dict(with_control(TEXT2IMAGE_BLOCKS)).init_pipeline()
pipe.update_components(**{name: base.components[name] for name in base.pretrained_component_names})
pipe.update_components(controlnet=ControlNetModel.from_pretrained(LAYOUT_CONTROLNET, torch_dtype=torch.float32))

layout = Image.new("RGB", (64, 64))
ImageDraw.Draw(layout).ellipse([26, 26, 60, 60], fill="white")
prompts = ["a penguin on a yellow background", "an orange on a green background", "a blue circle on a pink background"]
pictures = [
    pipe(
        prompt=prompt,
        control_image=layout,
        num_inference_steps=20,
        guidance_scale=4.0,
        generator=torch.Generator().manual_seed(1),
        output="images",
    )[0]
    for prompt in prompts
]
labels = ["layout", *prompts]
brickwork.make_image_grid([layout, *pictures], 1, 4, resize=192, labels=labels).save("controlnet.png")
