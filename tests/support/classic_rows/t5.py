"""Images by transformers that are told a text by T5."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import diffusers
import torch
from tiny_families import stable_diffusion_3
from tiny_sd import make_parts
from transformers import UMT5Config, UMT5EncoderModel

from classic_rows.row import Parts, Row
from classic_rows.sd import TEXT

PLAIN = {**TEXT, "max_sequence_length": 32}
BINNED = {**PLAIN, "clean_caption": False, "use_resolution_binning": False}


@cache
def encoder() -> dict[str, Any]:
    """A T5 of width 32 and its tokenizer."""
    made = stable_diffusion_3()
    return {"text_encoder": made["text_encoder_3"], "tokenizer": made["tokenizer_3"]}


@cache
def umt5() -> dict[str, Any]:
    torch.manual_seed(0)
    words = encoder()["tokenizer"]
    config = UMT5Config(vocab_size=len(words), d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4)
    return {"text_encoder": UMT5EncoderModel(config).eval(), "tokenizer": words}


@cache
def four_channels() -> Any:
    torch.manual_seed(0)
    return make_parts()["vae"].eval()


@cache
def sixteen_channels() -> Any:
    return stable_diffusion_3()["vae"].eval()


def parts(
    network: Callable[[], Any], vae: Callable[[], Any], scheduler: Callable[[], Any], text: Callable[[], Any] = encoder
) -> Parts:
    @cache
    def made() -> dict[str, Any]:
        torch.manual_seed(2)
        return {**text(), "transformer": network().eval(), "vae": vae(), "scheduler": scheduler()}

    return made


def pixart() -> Any:
    return diffusers.PixArtTransformer2DModel(
        sample_size=8, num_layers=2, attention_head_dim=8, num_attention_heads=4, cross_attention_dim=32, caption_channels=32,
        in_channels=4, out_channels=8, norm_num_groups=4, use_additional_conditions=False,
    )  # fmt: skip


def aura() -> Any:
    return diffusers.AuraFlowTransformer2DModel(
        sample_size=8, num_mmdit_layers=1, num_single_dit_layers=1, attention_head_dim=8, num_attention_heads=4,
        joint_attention_dim=32, caption_projection_dim=32, pos_embed_max_size=64,
    )  # fmt: skip


def cogview3() -> Any:
    return diffusers.CogView3PlusTransformer2DModel(
        in_channels=4, num_layers=1, attention_head_dim=8, num_attention_heads=4, out_channels=4, text_embed_dim=32,
        time_embed_dim=8, condition_dim=2, pos_embed_max_size=8, sample_size=8,
    )  # fmt: skip


def bria() -> Any:
    return diffusers.BriaTransformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=32,
        axes_dims_rope=[0, 4, 4],
    )  # fmt: skip


def latte() -> Any:
    return diffusers.LatteTransformer3DModel(
        sample_size=8, num_layers=1, patch_size=2, attention_head_dim=8, num_attention_heads=3, caption_channels=32,
        in_channels=4, cross_attention_dim=24, out_channels=8, attention_bias=True, activation_fn="gelu-approximate",
        num_embeds_ada_norm=1000, norm_type="ada_norm_single", norm_elementwise_affine=False, norm_eps=1e-6,
    )  # fmt: skip


def cogvideo_solver() -> Any:
    return diffusers.CogVideoXDDIMScheduler()


DPM = diffusers.DPMSolverMultistepScheduler
FLOW = diffusers.FlowMatchEulerDiscreteScheduler

ROWS = {
    "PixArtAlphaPipeline": Row(parts(pixart, four_channels, DPM), BINNED),
    "PixArtSigmaPipeline": Row(parts(pixart, four_channels, DPM), BINNED),
    "PixArtSigmaPAGPipeline": Row(parts(pixart, four_channels, DPM), BINNED, {"pag_applied_layers": ["blocks.1"]}),
    "AuraFlowPipeline": Row(parts(aura, four_channels, FLOW, umt5), PLAIN),
    "BriaPipeline": Row(parts(bria, four_channels, FLOW), {**PLAIN, "negative_prompt": "blue"}),
    "CogView3PlusPipeline": Row(parts(cogview3, four_channels, cogvideo_solver), PLAIN),
    "LattePipeline": Row(
        parts(latte, four_channels, diffusers.DDIMScheduler),
        {
            "prompt": "a cat",
            "num_inference_steps": 2,
            "height": 64,
            "width": 64,
            "video_length": 1,
            "clean_caption": False,
            "output_type": "pt",
        },
    ),
}
