"""Images of families that have no preset, and Kandinsky 5."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import diffusers
import torch
import transformers
from coarse_images import picture
from tiny_packed import qwen_image, qwen_processor

from classic_rows import flux
from classic_rows.language import QWEN3, SMALL, WIDTH, film_vae, words
from classic_rows.row import Row
from classic_rows.sd import TEXT
from classic_rows.t5 import FLOW, four_channels, parts, sixteen_channels
from classic_rows.video import SMALL as FILM


def bria() -> Any:
    return diffusers.BriaFiboTransformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=2 * WIDTH,
        text_encoder_dim=WIDTH, axes_dims_rope=[0, 4, 4],
    )  # fmt: skip


@cache
def smol() -> Mapping[str, Any]:
    torch.manual_seed(0)
    # An empty prompt is the token 128000.
    small = {**SMALL, "vocab_size": 128001, "pad_token_id": 0, "eos_token_id": 3, "bos_token_id": 2}
    config = transformers.SmolLM3Config(**small, no_rope_layers=[1, 1], layer_types=["full_attention"] * 2)
    return {"text_encoder": transformers.SmolLM3ForCausalLM(config).eval(), "tokenizer": words(128)}


@cache
def fibo_vae() -> Any:
    torch.manual_seed(0)
    return diffusers.AutoencoderKLWan(
        base_dim=8, decoder_base_dim=8, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True],
        in_channels=12, out_channels=12, patch_size=2, scale_factor_spatial=16, scale_factor_temporal=4, is_residual=True,
    ).eval()  # fmt: skip


def longcat() -> Any:
    return diffusers.LongCatImageTransformer2DModel(
        in_channels=64, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=WIDTH,
        pooled_projection_dim=WIDTH, axes_dims_rope=[4, 4, 8],
    )  # fmt: skip


@cache
def qwen_reader() -> Mapping[str, Any]:
    """Qwen2.5-VL, its tokenizer and its processor."""
    made = qwen_image()
    return {**{name: made[name] for name in ("text_encoder", "tokenizer")}, "text_processor": qwen_processor()}


def ernie() -> Any:
    return diffusers.ErnieImageTransformer2DModel(
        hidden_size=32, num_attention_heads=2, num_layers=1, ffn_hidden_size=32, in_channels=16, out_channels=16, text_in_dim=WIDTH,
        rope_axes_dim=(4, 6, 6),
    )  # fmt: skip


@cache
def flux2_vae() -> Any:
    torch.manual_seed(0)
    return diffusers.AutoencoderKLFlux2(
        block_out_channels=(8, 8, 8, 8), layers_per_block=1, latent_channels=4, norm_num_groups=4
    ).eval()


@cache
def mistral() -> Mapping[str, Any]:
    torch.manual_seed(0)
    text = transformers.MistralConfig(**SMALL, vocab_size=len(words()), pad_token_id=0)
    seen = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
        "head_dim": 8,
    }
    config = transformers.Mistral3Config(text_config=text, vision_config={"model_type": "pixtral", **seen})
    return {"text_encoder": transformers.Mistral3Model(config).eval(), "tokenizer": words()}


def hunyuan_image() -> Any:
    return diffusers.HunyuanImageTransformer2DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=8, num_layers=1, num_single_layers=1, num_refiner_layers=1,
        text_embed_dim=WIDTH, text_embed_2_dim=32, rope_axes_dim=(4, 4),
    )  # fmt: skip


@cache
def hunyuan_vae() -> Any:
    torch.manual_seed(0)
    return diffusers.AutoencoderKLHunyuanImage(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(32, 32, 32, 32), layers_per_block=1, scaling_factor=0.476986,
        spatial_compression_ratio=8, sample_size=64,
    ).eval()  # fmt: skip


@cache
def byte_reader() -> Mapping[str, Any]:
    torch.manual_seed(1)
    config = transformers.T5Config(vocab_size=256, d_model=32, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    return {
        **qwen_reader(),
        "text_encoder_2": transformers.T5EncoderModel(config).eval(),
        "tokenizer_2": transformers.ByT5Tokenizer(extra_ids=0),
        "guider": diffusers.guiders.AdaptiveProjectedMixGuidance(adaptive_projected_guidance_start_step=1),
        "ocr_guider": diffusers.guiders.AdaptiveProjectedMixGuidance(adaptive_projected_guidance_start_step=1),
    }


def prx(**changes: Any) -> Any:
    return diffusers.PRXTransformer2DModel(
        **{
            "patch_size": 1, "in_channels": 4, "context_in_dim": WIDTH, "hidden_size": 8, "mlp_ratio": 2.0, "num_heads": 2, "depth": 1,
            "axes_dim": [2, 2], **changes,
        }
    )  # fmt: skip


def gemma_reader(whole: bool = False) -> Mapping[str, Any]:
    """The encoder of a T5Gemma, or the model that is around it."""
    torch.manual_seed(0)
    own = transformers.models.t5gemma.modeling_t5gemma
    small = {
        **SMALL,
        "vocab_size": len(words()),
        "pad_token_id": 0,
        "layer_types": ["full_attention"] * 2,
        "max_position_embeddings": 128,
    }
    module = transformers.models.t5gemma.configuration_t5gemma.T5GemmaModuleConfig(**small)
    config = transformers.T5GemmaConfig(encoder=module.to_dict(), decoder=module.to_dict(), is_encoder_decoder=False)
    encoder = transformers.T5GemmaEncoderModel(config) if whole else own.T5GemmaEncoder(config.encoder)
    return {"text_encoder": encoder.eval(), "tokenizer": words()}


def kandinsky5(**changes: Any) -> Any:
    return diffusers.Kandinsky5Transformer3DModel(
        **{
            "in_visual_dim": 16, "in_text_dim": WIDTH, "in_text_dim2": 32, "time_dim": 16, "out_visual_dim": 16, "patch_size": (1, 2, 2),
            "model_dim": 16, "ff_dim": 32, "num_text_blocks": 1, "num_visual_blocks": 1, "axes_dims": (1, 1, 2), "visual_cond": False,
            "attention_type": "regular", **changes,
        }
    )  # fmt: skip


@cache
def two_readers() -> Mapping[str, Any]:
    clip = flux.plain()
    return {
        "text_encoder": qwen_image()["text_encoder"],
        "tokenizer": qwen_processor(),
        "text_encoder_2": clip["text_encoder"],
        "tokenizer_2": clip["tokenizer"],
    }


wide_film_vae = partial(film_vae, 16, mid_block_add_attention=False)


def told() -> dict[str, Any]:
    """Embeddings, where a class cleans every text with ftfy, without a look at whether that is installed."""
    drawn = torch.Generator().manual_seed(3)
    sides = ("prompt", "negative_prompt")
    embeds = {f"{side}_embeds": torch.randn(1, 8, WIDTH, generator=drawn) for side in sides}
    return {
        **embeds,
        **{f"{side}_attention_mask": torch.ones(1, 8, dtype=torch.bool) for side in sides},
        "prompt": None,
    }


FIBO = {
    "prompt": "{'a': 'cat'}",
    "num_inference_steps": 2,
    "height": 64,
    "width": 64,
    "output_type": "np",
    "max_sequence_length": 64,
}
SHORT = {**TEXT, "max_sequence_length": 32}
CLIP = {**FILM, "height": 32, "width": 32, "num_frames": 5, "max_sequence_length": 16}

ROWS = {
    "BriaFiboPipeline": Row(parts(bria, fibo_vae, FLOW, smol), FIBO),
    "BriaFiboEditPipeline": Row(
        parts(bria, fibo_vae, FLOW, smol),
        {**FIBO, "prompt": '{"a": "cat", "edit_instruction": "blue"}', "image": picture(3), "_auto_resize": False},
    ),
    "LongCatImagePipeline": Row(
        parts(longcat, sixteen_channels, partial(FLOW, use_dynamic_shifting=True), qwen_reader), {**TEXT, "enable_prompt_rewrite": False}
    ),
    "ErnieImagePipeline": Row(parts(ernie, flux2_vae, FLOW, mistral), {**TEXT, "use_pe": False}),
    "HunyuanImagePipeline": Row(parts(hunyuan_image, hunyuan_vae, FLOW, byte_reader), TEXT),
    "PRXPipeline": Row(
        parts(partial(prx, in_channels=16), sixteen_channels, FLOW, gemma_reader),
        {**TEXT, **told(), "use_resolution_binning": False},
    ),
    "PRXPixelPipeline": Row(
        parts(partial(prx, in_channels=3, bottleneck_size=8, resolution_embeds=True), four_channels, FLOW, QWEN3),
        {**TEXT, **told(), "height": 16, "width": 16, "use_resolution_binning": False},
    ),
    # Whatever is asked for, images have a megapixel.
    "Kandinsky5T2IPipeline": Row(parts(kandinsky5, sixteen_channels, FLOW, two_readers), SHORT, dear=True),
    "Kandinsky5I2IPipeline": Row(
        parts(partial(kandinsky5, visual_cond=True), sixteen_channels, FLOW, two_readers), {**TEXT, "image": picture(3)}, dear=True
    ),
    "Kandinsky5T2VPipeline": Row(parts(kandinsky5, wide_film_vae, FLOW, two_readers), CLIP),
    "Kandinsky5I2VPipeline": Row(
        parts(partial(kandinsky5, visual_cond=True), wide_film_vae, FLOW, two_readers), {**CLIP, "num_frames": 25, "image": picture(3, 32)}
    ),
}  # fmt: skip
