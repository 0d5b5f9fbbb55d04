"""Differential diffusion: a map says how much each place of an image may change. Into differential_diffusion.png."""

import torch
from PIL import Image

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.presets.sdxl import DIFFERENTIAL_BLOCKS

blocks = SequentialPipelineBlocks.from_blocks_dict(DIFFERENTIAL_BLOCKS)

base = brickwork.embedded()
settings = {"num_inference_steps": 20, "guidance_scale": 4.0, "output": "images"}
fox = base(prompt="a cartoon fox on a green background", generator=torch.Generator().manual_seed(6), **settings)[0]

differential = blocks.init_pipeline()
differential.update_components(**{name: base.components[name] for name in base.pretrained_component_names})
# White changes as at full strength, black stays.
change_map = Image.linear_gradient("L").rotate(270).resize(fox.size)
changed = [
    differential(
        prompt=prompt,
        image=fox,
        change_map=change_map,
        generator=torch.Generator().manual_seed(seed),
        **settings,
    )[0]
    for seed, prompt in enumerate(
        ["a cartoon fox on a blue background", "a 3d fox on a blue background", "a cartoon cat on a green background"]
    )
]
brickwork.make_image_grid([fox, change_map.convert("RGB"), *changed], 1, 5, resize=128).save(
    "differential_diffusion.png"
)
