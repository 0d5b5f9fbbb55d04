"""A LoRA: draws a shape that the model does not know, with growing weight, into lora.png."""

import torch

import brickwork
from brickwork.presets.embedded import ARROW_LORA

pipe = brickwork.embedded()
pipe.load_lora_weights(str(ARROW_LORA), adapter_name="arrow")
weights, pictures = [0.0, 0.25, 0.5, 0.75, 1.0], []
for weight in weights:
    pipe.set_adapters("arrow", weight)
    pictures += pipe(
        prompt="a purple arrow on a yellow background",
        num_inference_steps=20,
        guidance_scale=4.0,
        generator=torch.Generator().manual_seed(3),
        output="images",
    )
labels = [f"weight {weight}" for weight in weights]
brickwork.make_image_grid(pictures, 1, 5, resize=192, labels=labels).save("lora.png")
