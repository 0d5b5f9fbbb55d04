"""Text to image with the embedded model: `python examples/text2image.py "two red circles"` writes text2image.png."""

import sys

import torch

import brickwork

prompt = sys.argv[1] if len(sys.argv) > 1 else "a cartoon fox on a green background"
pipe = brickwork.embedded()
picture = pipe(
    prompt=prompt,
    num_inference_steps=20,
    guidance_scale=4.0,
    generator=torch.Generator().manual_seed(6),
    output="images",
)[0]
picture.resize((256, 256)).save("text2image.png")
print(picture.info["brickwork"])
