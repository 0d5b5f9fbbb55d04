"""What training an adapter of the embedded model needs: the frozen model, encoded scenes, and a loop over them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from attrs import frozen
from diffusers import StableDiffusionXLPipeline
from torch import Tensor, nn

from brickwork.presets.embedded import FOLDER

from .networks import TOKENS
from .objective import velocity_loss
from .scenes import Scene, SceneSource, time_ids

PROMPT_DROPOUT = 0.1


def load_frozen() -> StableDiffusionXLPipeline:
    """The embedded model in single precision; nothing of it is trained."""
    pipeline = StableDiffusionXLPipeline.from_pretrained(FOLDER, torch_dtype=torch.float32)
    for model in (pipeline.unet, pipeline.vae, pipeline.text_encoder, pipeline.text_encoder_2):
        model.requires_grad_(False)
    return pipeline


@frozen
class EncodedScenes:
    """Scenes as the network sees them, one row each.

    Attributes:
        latents: posterior mean and deviation, `[n, 2, 4, 16, 16]`. shown: what an adapter is shown, `[n, channels, 64, 64]`
            bytes.
        hidden: of the prompts, `[n, 32, 160]`. pooled: `[n, 96]`. sizes: time ids, `[n, 6]`.
        empty: hidden and pooled of the empty prompt.
    """

    latents: Tensor
    shown: Tensor
    hidden: Tensor
    pooled: Tensor
    sizes: Tensor
    empty: tuple[Tensor, Tensor]

    def __len__(self) -> int:
        return len(self.latents)


@torch.no_grad()
def encode_scenes(
    pipeline: StableDiffusionXLPipeline,
    source: SceneSource,
    scenes: Sequence[Scene],
    show: Callable[[Sequence[Scene]], Tensor],
) -> EncodedScenes:
    """Draw and encode scenes with the frozen model; `show` draws what the adapter is shown of them, in 0..1."""
    latents, shown, hidden, pooled = [], [], [], []
    for start in range(0, len(scenes), 64):
        part = scenes[start : start + 64]
        posterior = pipeline.vae.encode(source.draw(part)).latent_dist
        latents.append(torch.stack([posterior.mean, posterior.std], 1))
        shown.append((show(part) * 255).round().byte())
        embeds = _encode(pipeline, [scene.caption for scene in part])
        hidden.append(embeds[0])
        pooled.append(embeds[1])
    sizes = torch.tensor([time_ids(scene) for scene in scenes])
    parts = (torch.cat(each) for each in (latents, shown, hidden, pooled))
    return EncodedScenes(*parts, sizes, _encode(pipeline, [""]))


def _encode(pipeline: StableDiffusionXLPipeline, prompts: list[str]) -> tuple[Tensor, Tensor]:
    options = {"padding": "max_length", "max_length": TOKENS, "truncation": True, "return_tensors": "pt"}
    first = pipeline.text_encoder(pipeline.tokenizer(prompts, **options).input_ids, output_hidden_states=True)
    second = pipeline.text_encoder_2(pipeline.tokenizer_2(prompts, **options).input_ids, output_hidden_states=True)
    return torch.cat([first.hidden_states[-2], second.hidden_states[-2]], -1), second.text_embeds


@frozen
class Told:
    """What the networks are told beside the noisy latents, for one batch; `shown` is in 0..1."""

    timesteps: Tensor
    hidden: Tensor
    added: dict[str, Any]
    shown: Tensor


def fit(
    model: nn.Module,
    scenes: EncodedScenes,
    alphas: Tensor,
    predict: Callable[[Tensor, Told], Tensor],
    *,
    steps: int,
    batch: int,
    rate: float,
    prompt_dropout: float = PROMPT_DROPOUT,
    teach: Callable[[Tensor, Told], Tensor] | None = None,
) -> None:
    """Train what of `model` wants gradients to predict the velocity; the rate falls along a cosine.

    Args:
        teach: gives what the velocity shall be, told every prompt; without it, that of the noise that was added.
    """
    random = torch.Generator().manual_seed(1)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    print(f"{sum(parameter.numel() for parameter in trained)} parameters, {len(scenes)} scenes", flush=True)
    optimizer = torch.optim.AdamW(trained, lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 + 0.5 * math.cos(math.pi * step / steps))
    started, running = time.monotonic(), 0.0
    for step in range(1, steps + 1):
        chosen = torch.randint(len(scenes), (batch,), generator=random)
        mean, deviation = scenes.latents[chosen].unbind(1)
        clean = mean + deviation * torch.randn(mean.shape, generator=random)
        noise = torch.randn(mean.shape, generator=random)
        timesteps = torch.randint(len(alphas), (batch,), generator=random)
        told = _told(scenes, chosen, timesteps, torch.rand(batch, generator=random) < prompt_dropout)
        whole = _told(scenes, chosen, timesteps, torch.zeros(batch, dtype=torch.bool))
        loss = velocity_loss(
            clean,
            noise,
            alphas[timesteps],
            lambda noisy, told=told: predict(noisy, told),
            None if teach is None else lambda noisy, told=whole: teach(noisy, told),
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        running = 0.99 * running + 0.01 * loss.item() if running else loss.item()
        if step % 200 == 0 or step == steps:
            print(f"step {step} loss {running:.4f} {step * batch / (time.monotonic() - started):.0f}/s", flush=True)


def _told(scenes: EncodedScenes, chosen: Tensor, timesteps: Tensor, dropped: Tensor) -> Told:
    hidden = torch.where(dropped[:, None, None], scenes.empty[0], scenes.hidden[chosen])
    pooled = torch.where(dropped[:, None], scenes.empty[1], scenes.pooled[chosen])
    added = {"text_embeds": pooled, "time_ids": scenes.sizes[chosen]}
    return Told(timesteps, hidden, added, scenes.shown[chosen].float() / 255)
