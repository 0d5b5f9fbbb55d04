"""Train an IP-Adapter (Ye et al. 2023, 2308.06721) with an image encoder of its own: the model draws what a picture shows.

The encoder is trained first, to tell a picture's caption and its coarse colours. Then it stays, and the adapter learns to make of a
picture what the UNet makes of its caption: that teaches far faster than noise does.

cd training && ../.venv/bin/python -m embedded_model.train_ip_adapter --target ../presets/embedded/ip_adapter
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from attrs import evolve
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from .adapters import EncodedScenes, Told, encode_scenes, fit, load_frozen
from .scenes import Scene, SceneSource
from .sprites import SIZE

WIDTH = 96
COARSE = 4
"""Rows and columns of the coarse colours."""
EMBEDDED = 160 + 4 * COARSE * COARSE
"""Numbers of a picture's embedding: the mean hidden state of its caption, and its latents in few cells. (The pooled caption
would not do: the UNet makes little of it, so it says little.)"""
TOKENS = 4
PICTURE_DROPOUT = 0.1
PROMPT_DROPOUT = 0.85
"""Most prompts are left out, so that the picture has to tell what is drawn."""


def moved(scene: Scene, rng: random.Random) -> Scene:
    """The same things in other places and sizes: what a prompt picture shares with the result."""
    layers = tuple(
        evolve(
            layer,
            scale=layer.scale * rng.uniform(0.85, 1.1),
            x=layer.x + rng.uniform(-0.06, 0.06),
            y=layer.y + rng.uniform(-0.06, 0.06),
        )
        for layer in scene.layers
    )
    return evolve(scene, layers=layers, original_size=SIZE, crop=(0, 0))


def make_encoder() -> CLIPVisionModelWithProjection:
    """A CLIP vision model that sees 64x64 pixels in patches of 8."""
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            projection_dim=EMBEDDED,
            num_hidden_layers=4,
            num_attention_heads=3,
            image_size=SIZE,
            patch_size=8,
        )
    )


def make_processor() -> CLIPImageProcessor:
    """Brings pictures to what the encoder sees."""
    size = {"height": SIZE, "width": SIZE}
    return CLIPImageProcessor(size=size, crop_size=size)


def begin_adapter(unet: Any) -> dict[str, dict[str, Tensor]]:
    """Weights to begin from: the text's keys and values, and a projection of random numbers."""
    width = unet.config.cross_attention_dim
    projection = nn.Linear(EMBEDDED, TOKENS * width)
    norm = nn.LayerNorm(width)
    state = {"image_proj": {**_named(projection, "proj"), **_named(norm, "norm")}, "ip_adapter": {}}
    for number, attention in enumerate(_cross_attention(unet)):
        for part in ("k", "v"):
            weight = getattr(attention, f"to_{part}").weight.detach().clone()
            state["ip_adapter"][f"{2 * number + 1}.to_{part}_ip.weight"] = weight
    return state


def finished_adapter(unet: Any) -> dict[str, Tensor]:
    """The trained weights, in the format of released adapters."""
    projection = unet.encoder_hid_proj.image_projection_layers[0]
    state = {**_named(projection.image_embeds, "image_proj.proj"), **_named(projection.norm, "image_proj.norm")}
    for number, attention in enumerate(_cross_attention(unet)):
        for part in ("k", "v"):
            weight = getattr(attention.processor, f"to_{part}_ip")[0].weight
            state[f"ip_adapter.{2 * number + 1}.to_{part}_ip.weight"] = weight.detach()
    return {name: value.detach().half().contiguous() for name, value in state.items()}


def _named(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": value.detach().clone() for name, value in module.state_dict().items()}


def _cross_attention(unet: Any) -> list[Any]:
    paths = [path.removesuffix(".processor") for path in unet.attn_processors if ".attn2." in path]
    return [unet.get_submodule(path) for path in paths]


class Eye(nn.Module):
    """The image encoder with its preparation of pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = make_encoder()
        processor = make_processor()
        self.register_buffer("mean", torch.tensor(processor.image_mean).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(processor.image_std).view(3, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Embeddings of pictures in 0..1, `[b, EMBEDDED]`."""
        embeds: Tensor = self.encoder((pictures - self.mean) / self.deviation).image_embeds
        return embeds


def train_eye(scenes: EncodedScenes, steps: int, batch: int = 64) -> Eye:
    """Train the encoder to predict, and to tell apart, what captions and coarse latents say."""
    coarse = functional.adaptive_avg_pool2d(scenes.latents[:, 0], COARSE).flatten(1)
    targets = torch.cat([scenes.hidden.mean(1), coarse], 1)
    targets = (targets - targets.mean(0)) / targets.std(0)
    eye, random = Eye(), torch.Generator().manual_seed(3)
    optimizer = torch.optim.AdamW(eye.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps)
    for step in range(1, steps + 1):
        chosen = torch.randint(len(scenes), (batch,), generator=random)
        wanted, found = targets[chosen], eye(scenes.shown[chosen].float() / 255)
        likeness = functional.normalize(found) @ functional.normalize(wanted).T / 0.1
        apart = functional.cross_entropy(likeness, torch.arange(batch))
        error = functional.mse_loss(found, wanted)
        optimizer.zero_grad(set_to_none=True)
        (error + 0.1 * apart).backward()
        nn.utils.clip_grad_norm_(eye.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 200 == 0:
            print(f"encoder, step {step}: error {error.item():.3f}, apart {apart.item():.3f}", flush=True)
    return eye.eval().requires_grad_(False)


class Seeing(nn.Module):
    """The adapter that is trained, and the frozen UNet and encoder."""

    def __init__(self, unet: Any, eye: Eye, empty: tuple[Tensor, Tensor]) -> None:
        super().__init__()
        self.empty = empty
        unet._load_ip_adapter_weights([begin_adapter(unet)])
        self.unet = unet.requires_grad_(False)
        self.unet.encoder_hid_proj.requires_grad_(True)
        for attention in _cross_attention(unet):
            attention.processor.requires_grad_(True)
        self.eye = eye
        self.random = torch.Generator().manual_seed(2)
        self.embeds = torch.empty(0)

    @torch.no_grad()
    def teach(self, noisy: Tensor, told: Told) -> Tensor:
        """Velocity, given captions and no pictures; of nothing where no picture will be shown, either."""
        kept = torch.rand(len(noisy), 1, generator=self.random) >= PICTURE_DROPOUT
        self.embeds = self.eye(told.shown) * kept
        hidden = torch.where(kept[:, :, None], told.hidden, self.empty[0])
        pooled = torch.where(kept, told.added["text_embeds"], self.empty[1])
        return self._velocity(noisy, evolve(told, hidden=hidden, added={**told.added, "text_embeds": pooled}), 0.0)

    def predict(self, noisy: Tensor, told: Told) -> Tensor:
        """Velocity, given the pictures; some are left out, which is what guidance compares with."""
        return self._velocity(noisy, told, 1.0)

    def _velocity(self, noisy: Tensor, told: Told, scale: float) -> Tensor:
        for attention in _cross_attention(self.unet):
            attention.processor.scale = [scale]
        added = {**told.added, "image_embeds": [self.embeds[:, None]]}
        output: Tensor = self.unet(noisy, told.timesteps, told.hidden, added_cond_kwargs=added).sample
        return output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, required=True, help="folder to write")
    parser.add_argument("--scenes", type=int, default=12_000)
    parser.add_argument("--encoder-steps", type=int, default=1200)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args()
    torch.manual_seed(0)
    pipeline, source, rng = load_frozen(), SceneSource(), random.Random(7)
    drawn = [source.training_scene(rng) for _ in range(options.scenes)]

    def show(part: Sequence[Scene]) -> Tensor:
        return ((source.draw([moved(scene, rng) for scene in part]) + 1) / 2).clamp(0, 1)

    scenes = encode_scenes(pipeline, source, drawn, show)
    eye = train_eye(scenes, options.encoder_steps)
    model = Seeing(pipeline.unet, eye, scenes.empty)
    fit(
        model,
        scenes,
        pipeline.scheduler.alphas_cumprod,
        model.predict,
        steps=options.steps,
        batch=options.batch,
        rate=1e-3,
        prompt_dropout=PROMPT_DROPOUT,
        teach=model.teach,
    )
    options.target.mkdir(parents=True, exist_ok=True)
    save_file(finished_adapter(model.unet), options.target / "ip_adapter.safetensors")
    eye.encoder.half().save_pretrained(options.target / "image_encoder")
    make_processor().save_pretrained(options.target / "feature_extractor")
    print(f"written to {options.target}")


if __name__ == "__main__":
    main()
