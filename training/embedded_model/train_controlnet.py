"""Train a ControlNet that puts what the prompt names where a picture is white (Zhang et al. 2023, 2302.05543).

cd training && ../.venv/bin/python -m embedded_model.train_controlnet --target ../presets/embedded/layout_controlnet
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import torch
from attrs import evolve
from diffusers import ControlNetModel
from torch import Tensor

from .adapters import Told, encode_scenes, fit, load_frozen
from .scenes import Scene, SceneSource


def placed_anywhere(source: SceneSource, rng: random.Random) -> Scene:
    """A thing or shape in a size and at a place that the caption does not tell."""
    while True:
        scene = source.scene(rng)
        if not (scene.held_out or scene.position or scene.size or len(scene.layers) > 1):
            break
    scale = rng.uniform(0.35, 0.95)
    room = max(0.0, 1 - scale)
    layer = evolve(scene.layers[0], scale=scale, x=rng.uniform(-room, room), y=rng.uniform(-room, room))
    return evolve(scene, layers=(layer,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, required=True, help="folder to write")
    parser.add_argument("--scenes", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args()
    torch.manual_seed(0)
    pipeline, source, rng = load_frozen(), SceneSource(), random.Random(6)
    drawn = [placed_anywhere(source, rng) for _ in range(options.scenes)]
    scenes = encode_scenes(pipeline, source, drawn, source.layout)
    unet = pipeline.unet
    # Two halvings bring a picture of 64 to latents of 16.
    controlnet = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(16, 32, 64))

    def predict(noisy: Tensor, told: Told) -> Tensor:
        shown = told.shown.expand(-1, 3, -1, -1)
        common = {"encoder_hidden_states": told.hidden, "added_cond_kwargs": told.added}
        down, middle = controlnet(noisy, told.timesteps, controlnet_cond=shown, return_dict=False, **common)
        output: Tensor = unet(
            noisy,
            told.timesteps,
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
            **common,
        ).sample
        return output

    alphas = pipeline.scheduler.alphas_cumprod
    fit(controlnet, scenes, alphas, predict, steps=options.steps, batch=options.batch, rate=1e-3)
    controlnet.half().save_pretrained(options.target)
    print(f"written to {options.target}")


if __name__ == "__main__":
    main()
