"""Train text encoders and UNet together. Resumable: run it again with the same options after a kill."""

from __future__ import annotations

import argparse
import copy
import hashlib
import math
import os
import random
import time
from pathlib import Path
from typing import Any

import torch
from attrs import frozen
from diffusers import AutoencoderKL
from torch import Tensor, nn

from .networks import TextToLatents, default_device, load_tokenizers, make_scheduler, tokenize
from .objective import velocity_loss
from .samples import draw_grid
from .scenes import SceneSource, time_ids

EMA_DECAY = 0.999
PROMPT_DROPOUT = 0.1
ANNEALED_SHARE = 0.4
KEPT_EVERY = 2000
"""Steps between two checkpoints."""


@frozen
class Pool:
    """Encoded pictures, drawn once: posterior mean and deviation, token ids, time ids."""

    latents: Tensor
    ids: Tensor
    time_ids: Tensor
    empty_ids: Tensor


@torch.no_grad()
def make_pool(folder: Path, size: int, device: str) -> Pool:
    """Draw and encode `size` scenes, or read what an earlier run kept."""
    kept = folder / f"pool_{size}.pt"
    if kept.exists():
        return Pool(**torch.load(kept))
    source, rng, tokenizers = SceneSource(), random.Random(11), load_tokenizers(folder)
    vae = AutoencoderKL.from_pretrained(folder / "vae").to(device, memory_format=torch.channels_last)
    latents, ids, sizes = [], [], []
    for _ in range(0, size, 125):
        scenes = [source.training_scene(rng) for _ in range(125)]
        posterior = vae.encode(source.draw(scenes).to(device, memory_format=torch.channels_last)).latent_dist
        latents.append(torch.stack([posterior.mean, posterior.std], 1).half().cpu())
        ids.append(tokenize(tokenizers, [scene.caption for scene in scenes]).short())
        sizes.extend(time_ids(scene) for scene in scenes)
    pool = {
        "latents": torch.cat(latents),
        "ids": torch.cat(ids),
        "time_ids": torch.tensor(sizes),
        "empty_ids": tokenize(tokenizers, [""]),
    }
    torch.save(pool, kept.with_suffix(".tmp"))
    kept.with_suffix(".tmp").replace(kept)
    return Pool(**pool)


class Trainer:
    """Model, average, optimiser and random state: all that a resumed run needs."""

    def __init__(self, folder: Path, pool: Pool, batch: int, device: str) -> None:
        torch.manual_seed(0)
        tokenizers = load_tokenizers(folder)
        self.folder, self.pool, self.batch, self.device = folder, pool, batch, device
        padding = (tokenizers[0].pad_token_id, tokenizers[1].pad_token_id)
        self.model = TextToLatents(len(tokenizers[0]), padding).to(device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        matrices = [p for p in self.model.parameters() if p.ndim >= 2]
        vectors = [p for p in self.model.parameters() if p.ndim < 2]
        groups = [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98), fused=True)
        self.alphas = make_scheduler().alphas_cumprod.to(device)
        self.random = torch.Generator().manual_seed(1)
        self.step = 0

    def loss(self) -> Tensor:
        """Velocity error of a random batch."""
        pool, device = self.pool, self.device
        chosen = torch.randint(len(pool.latents), (self.batch,), generator=self.random)
        mean, deviation = pool.latents[chosen].float().unbind(1)
        clean = (mean + deviation * torch.randn(mean.shape, generator=self.random)).to(device)
        dropped = torch.rand(self.batch, generator=self.random) < PROMPT_DROPOUT
        ids = torch.where(dropped[:, None, None], pool.empty_ids, pool.ids[chosen].long()).to(device)
        noise = torch.randn(mean.shape, generator=self.random).to(device)
        timesteps = torch.randint(1000, (self.batch,), generator=self.random).to(device)
        sizes = pool.time_ids[chosen].to(device)
        alphas = self.alphas[timesteps]
        return velocity_loss(clean, noise, alphas, lambda noisy: self.model(noisy, timesteps, ids, sizes))

    def advance(self, rate: float) -> float:
        """Take one step; return the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self.loss()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - decay)
        return loss.item()

    @property
    def checkpoint(self) -> Path:
        """Where the run is kept."""
        return self.folder / "checkpoint.pt"

    def save(self) -> None:
        """Write the checkpoint; a kill in the middle leaves the one before."""
        state: dict[str, Any] = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": self.random.get_state(),
            "step": self.step,
        }
        temporary = self.checkpoint.with_suffix(".tmp")
        torch.save(state, temporary)
        temporary.replace(self.checkpoint)

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, map_location=self.device)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.random.set_state(state["random"].cpu())
        self.step = state["step"]

    def digest(self) -> str:
        """Names the averaged weights: runs that print the same digests are the same run."""
        weights = hashlib.sha256()
        for value in self.average.state_dict().values():
            weights.update(value.cpu().numpy().tobytes())
        return weights.hexdigest()[:12]

    def keep(self) -> None:
        """Write the checkpoint and a grid of samples, and say where the run stands."""
        self.save()
        grid = self.folder / "samples" / f"step_{self.step:06}.png"
        draw_grid(self.folder, self.average, self.device, grid)
        print(f"step {self.step} kept, digest {self.digest()}, samples {grid}", flush=True)


def learning_rate(step: int, steps: int, peak: float = 1e-3) -> float:
    """Short warm-up, a plateau, and a cosine over the last part, which gives much of the sharpness."""
    start = steps * (1 - ANNEALED_SHARE)
    if step < start:
        return peak * min(1, (step + 1) / 100)
    return peak * (0.5 * (1 + math.cos(math.pi * (step - start) / (steps - start))) + 0.01)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the autoencoder and tokenizers lie")
    parser.add_argument("--steps", type=int, default=38_000, help="whole length; the last 40 %% are annealed")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--pool", type=int, default=60_000)
    parser.add_argument("--device", default=default_device())
    options = parser.parse_args()
    pool = make_pool(options.folder, options.pool, options.device)
    trainer = Trainer(options.folder, pool, options.batch, options.device)
    trainer.resume()
    print(f"pid {os.getpid()}: {len(pool.latents)} pictures, from step {trainer.step}", flush=True)
    started, first, running = time.monotonic(), trainer.step, 0.0
    while trainer.step < options.steps:
        loss = trainer.advance(learning_rate(trainer.step, options.steps))
        running = 0.99 * running + 0.01 * loss if running else loss
        if trainer.step % 200 == 0:
            speed = (trainer.step - first) * options.batch / (time.monotonic() - started)
            print(f"step {trainer.step} loss {running:.4f} {speed:.0f} pictures/s", flush=True)
        if trainer.step % KEPT_EVERY == 0 or trainer.step == options.steps:
            trainer.keep()


if __name__ == "__main__":
    main()
