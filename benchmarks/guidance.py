"""A guided step beside the peer's, in one run: its two forwards against our one batch.

    .venv/bin/python benchmarks/guidance.py            # on a CPU: a UNet of 75 M at batch 1, and a small one
    .venv/bin/python benchmarks/guidance.py --device cuda --true-size

Each side runs its own loop over the same UNet (diffusers' `StableDiffusionXLDenoiseStep` in its pipeline, ours in ours) from
given embeddings, and the slope between two numbers of steps is the time of a step.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from statistics import median
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from diffusers.modular_pipelines.stable_diffusion_xl import StableDiffusionXLAutoBlocks

import brickwork
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS

SIZES: dict[str, dict[str, Any]] = {
    "75 M, batch 1, 32x32 latents": {
        "block_out_channels": (128, 256, 384), "transformer_layers_per_block": (1, 1, 2), "attention_head_dim": (2, 4, 6),
        "cross_attention_dim": 512, "sample_size": 32, "layers_per_block": 2,
    },
    "small, 8x8 latents": {
        "block_out_channels": (32, 64, 64), "transformer_layers_per_block": (1, 1, 1), "attention_head_dim": (2, 4, 4),
        "cross_attention_dim": 64, "sample_size": 8, "layers_per_block": 1,
    },
}  # fmt: skip
TRUE = {
    "block_out_channels": (320, 640, 1280), "transformer_layers_per_block": (1, 2, 10), "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048, "sample_size": 128, "layers_per_block": 2,
}  # fmt: skip
GOALS = {"75 M, batch 1, 32x32 latents": 0.90, "small, 8x8 latents": 0.68}
POOLED = 64


def unet_of(size: dict[str, Any]) -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=32, norm_num_groups=32,
        projection_class_embeddings_input_dim=POOLED + 6 * 32, **size,
    ).eval()  # fmt: skip


def runners(unet: UNet2DConditionModel, device: str, dtype: torch.dtype) -> dict[str, Callable[[int], Any]]:
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 8), norm_num_groups=4, scaling_factor=0.13025,
    )  # fmt: skip
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
    )
    parts = {"unet": unet.to(device, dtype), "vae": vae.to(device, dtype), "scheduler": scheduler}
    width, side = unet.config.cross_attention_dim, 8 * unet.config.sample_size
    inputs = {
        f"{sign}{name}": torch.randn(1, *shape, device=device, dtype=dtype)
        for sign in ("", "negative_")
        for name, shape in (("prompt_embeds", (77, width)), ("pooled_prompt_embeds", (POOLED,)))
    } | {"height": side, "width": side, "output_type": "latent", "output": "images"}
    blocks = StableDiffusionXLAutoBlocks().get_workflow("text2image")
    blocks.sub_blocks.pop("text_encoder", None)
    peer = blocks.init_pipeline()
    wanted = {name: part for name, part in parts.items() if name in peer.components}
    peer.update_components(**wanted, guider=diffusers.ClassifierFreeGuidance(guidance_scale=5.0))
    peer.set_progress_bar_config(disable=True)
    ours = brickwork.SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline()
    ours.update_components(**parts)
    ours.to(device)
    ours.configure(progress=False)
    return {
        "ours": lambda steps: ours(**inputs, guidance_scale=5.0, num_inference_steps=steps),
        "peer": lambda steps: peer(**inputs, num_inference_steps=steps),
    }


def step_seconds(runs: dict[str, Callable[[int], Any]], few: int, many: int, repeats: int) -> dict[str, float]:
    """Seconds of a step on each side: the slope between two numbers of steps, sides in turns."""
    slopes: dict[str, list[float]] = {name: [] for name in runs}
    for iteration in range(repeats + 1):
        for name, run in runs.items():
            times = [timed(lambda r=run, s=steps: r(s)) for steps in (few, many)]
            if iteration:
                slopes[name].append((times[1] - times[0]) / (many - few))
    return {name: median(found) for name, found in slopes.items()}


def timed(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--true-size", action="store_true")
    options = parser.parse_args()
    dtype = torch.float32 if options.device == "cpu" else torch.float16
    sizes = {"SDXL's size, 128x128 latents": TRUE} if options.true_size else SIZES
    for name, size in sizes.items():
        unet = unet_of(size)
        count = sum(parameter.numel() for parameter in unet.parameters()) / 1e6
        small = count < 10
        # Of a small network only the dispatch is seen, which more threads disturb.
        torch.set_num_threads(1 if small else torch.get_num_threads())
        found = step_seconds(runners(unet, options.device, dtype), 2, 42 if small else 8, 15 if small else 5)
        share, goal = found["ours"] / found["peer"], GOALS.get(name)
        print(
            f"{name:<32} {count:6.1f} M   {found['ours'] * 1e3:7.1f} ms   {share:.2f} of peer ({found['peer'] * 1e3:.1f} ms)"
            f"   goal: {goal or 'reported'}"
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    diffusers.utils.logging.set_verbosity_error()
    main()
