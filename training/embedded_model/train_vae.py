"""Train the autoencoder, then fold the latents' statistics into it, so that they have unit variance."""

from __future__ import annotations

import argparse
import copy
import math
import random
import shutil
import time
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from .networks import default_device, make_vae, train_tokenizers
from .scenes import SceneSource

KL_WEIGHT = 2e-4


def picture_loss(decoded: Tensor, pictures: Tensor) -> Tensor:
    """L1 + 0.5 squared error + 0.5 error of gradients (edges)."""
    error = decoded - pictures
    edges = (error[..., 1:] - error[..., :-1]).abs().mean() + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    return error.abs().mean() + 0.5 * (error**2).mean() + 0.5 * edges


def vae_loss(vae: AutoencoderKL, pictures: Tensor) -> Tensor:
    """Loss of the pictures, and KL divergence of the latents from unit variance."""
    posterior = vae.encode(pictures).latent_dist
    latents = posterior.mean + torch.exp(0.5 * posterior.logvar) * torch.randn_like(posterior.mean)
    kl = 0.5 * (posterior.mean**2 + posterior.logvar.exp() - 1 - posterior.logvar).mean()
    return picture_loss(vae.decode(latents).sample, pictures) + KL_WEIGHT * kl


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


def refine_decoder(folder: Path, steps: int, batch: int, device: str) -> None:
    """Go on training the decoder alone, half of it on shapes: latents stay what they are, small shapes get crisp.

    Reads `vae/`, and writes it to `vae/` once more; the first decoder is kept in `vae_before_refinement/`.
    """
    torch.manual_seed(4)
    source, rng = SceneSource(), random.Random(17)
    first = folder / "vae_before_refinement"
    if not first.exists():
        shutil.copytree(folder / "vae", first)
    vae = AutoencoderKL.from_pretrained(first).to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(vae).requires_grad_(False)
    parts = [*vae.decoder.parameters(), *vae.post_quant_conv.parameters()]
    slow_parts = [*average.decoder.parameters(), *average.post_quant_conv.parameters()]
    optimizer = torch.optim.AdamW(parts, lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-4, fused=True)
    held_out = source.draw([source.scene(random.Random(99 + i)) for i in range(128)]).to(device)
    started = time.monotonic()
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1, step / 50) * (0.5 * (1 + math.cos(math.pi * step / steps)) + 0.01)
        scenes = [source.training_scene(rng, "shapes" if i % 2 else None) for i in range(batch)]
        pictures = source.draw(scenes).to(device).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            latents = vae.encode(pictures).latent_dist.sample()
        loss = picture_loss(vae.decode(latents).sample, pictures)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parts, 1.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(slow_parts, parts, 1 - min(0.995, (1 + step) / (10 + step)))
        if step % 250 == 0:
            passed = time.monotonic() - started
            print(f"decoder {step} {passed:.0f}s loss {loss:.4f} {psnr(average, held_out):.2f} dB", flush=True)
    average.save_pretrained(folder / "vae")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the work lies")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--decoder-steps", type=int, default=4000, help="after them, on the decoder alone")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--device", default=default_device())
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.steps:
        train(options.folder, options.steps, options.batch, options.device)
    if options.decoder_steps:
        refine_decoder(options.folder, options.decoder_steps, options.batch, options.device)


if __name__ == "__main__":
    main()
