"""One composition of all tasks: what is given decides what runs. Draws four images into auto.png."""

import torch
from diffusers import ControlNetModel
from PIL import Image, ImageDraw

import brickwork
from brickwork.presets.embedded import LAYOUT_CONTROLNET
from brickwork.presets.sdxl import AutoBlocks

base = brickwork.embedded()
pipe = AutoBlocks().init_pipeline()
pipe.update_components(**{name: base.components[name] for name in base.pretrained_component_names})
pipe.update_components(controlnet=ControlNetModel.from_pretrained(LAYOUT_CONTROLNET, torch_dtype=torch.float32))


def draw(prompt, **given):
    settings = {"num_inference_steps": 20, "guidance_scale": 4.0, "generator": torch.Generator().manual_seed(6)}
    return pipe(prompt=prompt, **settings, **given, output="images")[0]


layout = Image.new("RGB", (64, 64))
ImageDraw.Draw(layout).ellipse([4, 26, 38, 60], fill="white")
right_half = Image.new("L", (64, 64))
right_half.paste(255, (34, 0, 64, 64))

fox = draw("a cartoon fox on a green background")
blue = draw("a cartoon fox on a blue background", image=fox, strength=0.6)
placed = draw("a red circle on a white background", control_image=layout)
both = draw("a red circle and a blue square", image=placed, mask_image=right_half, strength=1.0)
labels = ["prompt", "and image", "and control_image", "and mask_image"]
brickwork.make_image_grid([fox, blue, placed, both], 1, 4, resize=192, labels=labels).save("auto.png")
