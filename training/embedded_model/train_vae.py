"""Train the autoencoder, then fold the latents' statistics into it, so that they have unit variance."""

from __future__ import annotations

import argparse
import copy
import math
import random
import time
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from .networks import default_device, make_vae, train_tokenizers
from .scenes import SceneSource

KL_WEIGHT = 2e-4


def vae_loss(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """L1 + 0.5 squared error + 0.5 error of gradients (edges) + KL divergence."""
    posterior = vae.encode(pictures).latent_dist
    latents = posterior.mean + torch.exp(0.5 * posterior.logvar) * torch.randn_like(posterior.mean)
    error = vae.decode(latents).sample - pictures
    edges = (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    kl = 0.5 * (posterior.mean**2 + posterior.logvar.exp() - 1 - posterior.logvar).mean()
    loss: Tensor = error.abs().mean() + 0.5 * (error**2).mean() + 0.5 * edges + KL_WEIGHT * kl
    return loss


@torch.no_grad()
def psnr(vae: AutoencoderKL, pictures: Tensor) -> float:
    """Peak signal to noise ratio of reconstructions, in dB, mean over pictures in -1..1."""
    again = vae.decode(vae.encode(pictures).latent_dist.mean).sample.clamp(-1, 1)
    return float((-10 * ((again - pictures) / 2).pow(2).mean((1, 2, 3)).log10()).mean())


@torch.no_grad()
def fold_statistics(vae: AutoencoderKL, pictures: Tensor) -> None:
    """Fold mean and deviation of each latent channel into the quantising convolutions (an exact rewrite)."""
    latents = torch.cat([vae.encode(part).latent_dist.sample() for part in pictures.split(64)])
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    into, out = vae.quant_conv, vae.post_quant_conv
    channels = len(mean)
    into.weight[:channels] /= deviation.view(-1, 1, 1, 1)
    into.bias[:channels] = (into.bias[:channels] - mean) / deviation
    into.bias[channels:] -= 2 * deviation.log()
    out.bias += out.weight[:, :, 0, 0] @ mean
    out.weight *= deviation.view(1, -1, 1, 1)


def train(folder: Path, steps: int, batch: int, device: str) -> None:
    """Train for a number of steps and write `vae/` (and the tokenizers, which need the same scenes)."""
    torch.manual_seed(0)
    source, rng = SceneSource(), random.Random(5)
    train_tokenizers(folder, source)
    vae = make_vae().to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(vae).requires_grad_(False)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=2e-3, betas=(0.9, 0.99), weight_decay=1e-4, fused=True)
    held_out = source.draw([source.scene(random.Random(99 + i)) for i in range(128)]).to(device)
    started = time.monotonic()
    for step in range(1, steps + 1):
        rate = 2e-3 * min(1, step / 50) * (0.5 * (1 + math.cos(math.pi * step / steps)) + 0.02)
        for group in optimizer.param_groups:
            group["lr"] = rate
        pictures = source.draw([source.training_scene(rng) for _ in range(batch)]).to(device)
        loss = vae_loss(vae, pictures.contiguous(memory_format=torch.channels_last))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        decay = min(0.995, (1 + step) / (10 + step))
        for slow, fast in zip(average.parameters(), vae.parameters(), strict=True):
            slow.lerp_(fast.detach(), 1 - decay)
        if step % 250 == 0:
            print(
                f"vae {step} {time.monotonic() - started:.0f}s loss {loss:.4f} {psnr(average, held_out):.2f} dB",
                flush=True,
            )
    fold_statistics(average, source.draw([source.scene(rng) for _ in range(512)]).to(device))
    print(f"vae done: {psnr(average, held_out):.2f} dB after folding", flush=True)
    average.save_pretrained(folder / "vae")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the work lies")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--device", default=default_device())
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    train(options.folder, options.steps, options.batch, options.device)


if __name__ == "__main__":
    main()
