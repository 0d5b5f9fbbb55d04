"""Where the network looks at each word: draws heat maps over the image, into attention_maps.png."""

import torch

import brickwork

pipe = brickwork.embedded()
with pipe.attention_maps() as maps:
    image = pipe(
        prompt="a red circle and a blue square",
        num_inference_steps=20,
        generator=torch.Generator().manual_seed(0),
        output="images",
    )[0]
words = ["red", "blue", "square"]
heat = [maps.overlay(word, image) for word in words]
brickwork.make_image_grid([image, *heat], 1, 4, resize=192, labels=["drawn", *words]).save("attention_maps.png")
