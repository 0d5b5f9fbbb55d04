"""A prompt for each part of the image, with hard and with soft masks. Into regional_prompts.png."""

import numpy as np

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.presets.regions import with_regions
from brickwork.presets.sdxl import SDXL, TEXT2IMAGE_BLOCKS

blocks = SequentialPipelineBlocks.from_blocks_dict(with_regions(TEXT2IMAGE_BLOCKS, SDXL))

base = brickwork.embedded()
pipe = blocks.init_pipeline()
pipe.update_components(**{name: base.components[name] for name in base.pretrained_component_names})

side = 64
left = np.zeros((side, side), "float32")
left[:, : side // 2] = 1
ramp = np.linspace(1, 0, side, dtype="float32")[None].repeat(side, 0)
pictures = [
    pipe(
        prompt="a red circle",
        region_prompts=shown,
        region_masks=masks,
        height=side,
        width=side,
        num_inference_steps=16,
        guidance_scale=4.0,
        seed=1,
        output="images",
    )[0]
    for shown, masks in (
        (["a red circle"], [left]),
        (["a blue circle"], [left]),
        (["a blue circle", "a green circle"], [left, 1 - left]),
        (["a blue circle", "a green circle"], [ramp, 1 - ramp]),
    )
]
labels = ["red and red", "blue, the rest red", "blue and green", "blue to green"]
brickwork.make_image_grid(pictures, 1, 4, resize=192, labels=labels).save("regional_prompts.png")
