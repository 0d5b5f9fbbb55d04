"""Image to image: draws a fox, then the same fox on another background, into image2image.png."""

import torch

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS

base = brickwork.embedded()
pipe = SequentialPipelineBlocks.from_blocks_dict(IMAGE2IMAGE_BLOCKS).init_pipeline()
pipe.update_components(**{name: base.components[name] for name in base.pretrained_component_names})
settings = {"num_inference_steps": 20, "guidance_scale": 4.0, "output": "images"}
fox = base(prompt="a cartoon fox on a green background", generator=torch.Generator().manual_seed(6), **settings)[0]
other = pipe(
    prompt="a cartoon fox on a blue background",
    image=fox,
    strength=0.6,
    generator=torch.Generator().manual_seed(1),
    **settings,
)[0]
brickwork.make_image_grid([fox, other], 1, 2, resize=256, labels=["given", "drawn anew"]).save("image2image.png")
