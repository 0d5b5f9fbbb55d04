"""Two networks share one denoising: the second, which a LoRA taught what an arrow is, goes on earlier or later. Into refiner.png."""

import copy

import torch

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.presets.embedded import ARROW_LORA
from brickwork.presets.sdxl import SECOND_UNET_BLOCKS, with_refiner

base = brickwork.embedded()
first = copy.deepcopy(base.unet)
base.load_lora_weights(str(ARROW_LORA))

# A refiner as released takes `with_refiner()`; this second network is of the base's kind.
pipe = SequentialPipelineBlocks.from_blocks_dict(with_refiner(refiner=SECOND_UNET_BLOCKS)).init_pipeline()
pipe.update_components(**{name: base.components[name] for name in base.pretrained_component_names})
pipe.update_components(unet=first, refiner=base.unet)
shares = [0.1, 0.2, 0.3, 0.5, 0.9]
pictures = [
    pipe(
        prompt="a purple arrow on a yellow background",
        num_inference_steps=20,
        hand_over=share,
        guidance_scale=4.0,
        generator=torch.Generator().manual_seed(3),
        output="images",
    )[0]
    for share in shares
]
labels = [f"handed over at {share}" for share in shares]
brickwork.make_image_grid(pictures, 1, 5, resize=192, labels=labels).save("refiner.png")
