"""Train a LoRA that teaches the embedded model a shape it never saw: an arrow. Eight minutes on one core.

cd training && ../.venv/bin/python -m embedded_model.train_lora --target ../presets/embedded/arrow_lora
"""

from __future__ import annotations

import argparse
import copy
import random
from pathlib import Path

import torch
from diffusers import StableDiffusionXLPipeline
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from torch import Tensor

from .adapters import Told, encode_scenes, fit, load_frozen
from .palette import COLOURS
from .scenes import Layer, Scene, SceneSource, with_article
from .shapes import ARROW, shape_masks
from .sprites import SIZE

OTHERS = 0.3
"""Share of ordinary scenes, so that everything else is still drawn as before."""


class ArrowSource:
    """Scenes with an arrow, beside those that the model knows."""

    def __init__(self) -> None:
        self.scenes = SceneSource()
        pool = self.scenes.pool = copy.copy(self.scenes.pool)
        self.sprite = len(pool.layers)
        mask = torch.from_numpy(shape_masks(SIZE, (ARROW,)))
        pool.layers = torch.cat([pool.layers, mask[:, None].expand(-1, 4, -1, -1)])

    def arrow(self, rng: random.Random) -> Scene:
        """One arrow of a colour on a background."""
        background = "white" if rng.random() < 0.4 else rng.choice(list(COLOURS))
        colour = rng.choice([name for name in COLOURS if name != background])
        layer = Layer(self.sprite, colour, rng.uniform(0.55, 0.85), rng.uniform(-0.05, 0.05), rng.uniform(-0.05, 0.05))
        caption = f"{with_article(f'{colour} {ARROW}')} on {with_article(background)} background"
        shapes = ((ARROW, colour),)
        return Scene(caption, background, (layer,), shapes=shapes, key=f"{shapes}/{background}")

    def training_scene(self, rng: random.Random) -> Scene:
        """An arrow in a composition that is not held out, or something that the model knows."""
        if rng.random() < OTHERS:
            return self.scenes.training_scene(rng)
        scene = self.arrow(rng)
        while scene.held_out:
            scene = self.arrow(rng)
        return scene


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, required=True, help="folder to write")
    parser.add_argument("--scenes", type=int, default=3000)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rank", type=int, default=8)
    options = parser.parse_args()
    torch.manual_seed(0)
    pipeline, source, rng = load_frozen(), ArrowSource(), random.Random(5)
    drawn = [source.training_scene(rng) for _ in range(options.scenes)]
    scenes = encode_scenes(pipeline, source.scenes, drawn, lambda part: torch.zeros(len(part), 0, 1, 1))
    unet = pipeline.unet
    modules = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2"]
    unet.add_adapter(LoraConfig(r=options.rank, lora_alpha=options.rank, target_modules=modules))

    def predict(noisy: Tensor, told: Told) -> Tensor:
        output: Tensor = unet(noisy, told.timesteps, told.hidden, added_cond_kwargs=told.added).sample
        return output

    alphas = pipeline.scheduler.alphas_cumprod
    fit(unet, scenes, alphas, predict, steps=options.steps, batch=options.batch, rate=1e-3)
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))
    halved = {name: value.half().contiguous() for name, value in layers.items()}
    StableDiffusionXLPipeline.save_lora_weights(options.target, unet_lora_layers=halved)
    print(f"written to {options.target}")


if __name__ == "__main__":
    main()
