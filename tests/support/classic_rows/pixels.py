"""Pipelines without a text: over pixels, and over latents by the number of a class."""

from __future__ import annotations

from functools import cache
from typing import Any

import diffusers
import torch
from coarse_images import half_mask, picture
from tiny_sd import make_parts

from classic_rows.row import Parts, Row

ASKED = {"num_inference_steps": 2, "output_type": "np"}


def network(**changes: Any) -> Any:
    torch.manual_seed(0)
    return diffusers.UNet2DModel(
        **{
            "sample_size": 16,
            "block_out_channels": (8, 16),
            "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
            "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
            "layers_per_block": 1,
            "norm_num_groups": 4,
            "attention_head_dim": 4,
            **changes,
        }
    ).eval()


def parts(scheduler: str, **changes: Any) -> Parts:
    return cache(lambda: {"unet": network(**changes), "scheduler": getattr(diffusers, scheduler)()})


@cache
def dit() -> dict[str, Any]:
    torch.manual_seed(0)
    transformer = diffusers.DiTTransformer2DModel(
        sample_size=8,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=2,
        in_channels=4,
        out_channels=8,
        norm_num_groups=4,
    )
    return {
        "transformer": transformer.eval(),
        "vae": make_parts()["vae"].eval(),
        "scheduler": diffusers.DDIMScheduler(),
    }


@cache
def unconditional() -> dict[str, Any]:
    torch.manual_seed(0)
    vqvae = diffusers.VQModel(
        block_out_channels=(8, 8), down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4, latent_channels=3, num_vq_embeddings=16,
    )  # fmt: skip
    return {"vqvae": vqvae.eval(), "unet": network(), "scheduler": diffusers.DDIMScheduler()}


@cache
def upscaler() -> dict[str, Any]:
    return {**unconditional(), "unet": network(in_channels=6), "scheduler": diffusers.DDIMScheduler()}


REPAINTED = {"image": picture(3, 32), "mask_image": half_mask(32), "jump_length": 1, "jump_n_sample": 1}

ROWS = {
    "DDPMPipeline": Row(parts("DDPMScheduler"), ASKED),
    "DDIMPipeline": Row(parts("DDIMScheduler"), ASKED),
    "PNDMPipeline": Row(parts("PNDMScheduler"), {**ASKED, "num_inference_steps": 8}),
    "ConsistencyModelPipeline": Row(
        parts("CMStochasticIterativeScheduler", num_class_embeds=10), {**ASKED, "class_labels": 3}
    ),
    "RePaintPipeline": Row(parts("RePaintScheduler", sample_size=32), {**ASKED, **REPAINTED}),
    "ScoreSdeVePipeline": Row(parts("ScoreSdeVeScheduler"), ASKED),
    "KarrasVePipeline": Row(parts("KarrasVeScheduler"), ASKED),
    "DiTPipeline": Row(dit, {**ASKED, "class_labels": [3, 7]}),
    "LDMPipeline": Row(unconditional, ASKED),
    "LDMSuperResolutionPipeline": Row(upscaler, {**ASKED, "image": picture(3, 32)}),
    "DanceDiffusionPipeline": Row(
        cache(lambda: {"unet": sound(), "scheduler": diffusers.IPNDMScheduler()}), {"num_inference_steps": 4}
    ),
}


def sound() -> Any:
    torch.manual_seed(0)
    return diffusers.UNet1DModel(
        block_out_channels=(32, 32, 64), extra_in_channels=64, sample_size=512, sample_rate=16_000, in_channels=2, out_channels=2,
        flip_sin_to_cos=True, use_timestep_embedding=False, time_embedding_type="fourier", mid_block_type="UNetMidBlock1D",
        down_block_types=("DownBlock1DNoSkip", "DownBlock1D", "AttnDownBlock1D"),
        up_block_types=("AttnUpBlock1D", "UpBlock1D", "UpBlock1DNoSkip"),
    ).eval()  # fmt: skip
