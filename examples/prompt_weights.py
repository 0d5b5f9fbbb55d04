"""Words that count more or less than others, in the syntax of three tools. Into prompt_weights.png."""

import torch

import brickwork
from brickwork import SequentialPipelineBlocks
from brickwork.families.sdxl import SDXL
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.presets.tasks import with_prompt_weights

base = brickwork.embedded()
pipe = SequentialPipelineBlocks.from_blocks_dict(with_prompt_weights(TEXT2IMAGE_BLOCKS, SDXL)).init_pipeline()
pipe.update_components(**{name: base.components[name] for name in base.pretrained_component_names})

prompts = {
    "a1111": [
        "a red circle and a blue square",
        "a (red circle:0.4) and a blue square",
        "a red circle and a (blue square:0.4)",
    ],
    "comfyui": [
        "a red circle and a blue square",
        "a (red circle:0.4) and a blue square",
        "a red circle and a (blue square:0.4)",
    ],
    "compel": [
        "a red circle and a blue square",
        "a (red circle)0.4 and a blue square",
        "a red circle and a (blue square)0.4",
    ],
}
pictures, labels = [], []
for syntax, texts in prompts.items():
    pipe.update_config(prompt_syntax=syntax)
    for text in texts:
        generator = torch.Generator().manual_seed(1)
        pictures += pipe(prompt=text, num_inference_steps=16, guidance_scale=4.0, generator=generator, output="images")
        labels.append(syntax)
brickwork.make_image_grid(pictures, 3, 3, resize=192, labels=labels).save("prompt_weights.png")
