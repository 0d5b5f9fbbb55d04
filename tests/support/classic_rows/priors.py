"""Priors that make an embedding, and decoders of it: unCLIP, Kandinsky 2.1, Würstchen, Stable Cascade, Shap-E."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import diffusers
import torch
from coarse_images import picture
from diffusers.pipelines.deprecated.unclip.text_proj import UnCLIPTextProjModel
from diffusers.pipelines.deprecated.wuerstchen import PaellaVQModel, WuerstchenDiffNeXt, WuerstchenPrior
from diffusers.pipelines.kandinsky.text_encoder import MCLIPConfig, MultilingualCLIP
from diffusers.pipelines.shap_e import ShapERenderer
from transformers import CLIPVisionConfig, CLIPVisionModel

from classic_rows import kandinsky
from classic_rows.deprecated import letters
from classic_rows.kandinsky import FROM, MASKED, SEEN, SHORT, WHOLE, WIDTH
from classic_rows.row import Parts, Row

SIMPLE = {
    "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"), "block_out_channels": (16, 32), "norm_num_groups": 8,
    "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"), "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "layers_per_block": 1, "cross_attention_dim": 16, "attention_head_dim": 4, "resnet_time_scale_shift": "scale_shift",
}  # fmt: skip


def larger() -> Any:
    return diffusers.UNet2DModel(
        sample_size=32, layers_per_block=1, down_block_types=("ResnetDownsampleBlock2D",) * 2, in_channels=6, out_channels=3,
        up_block_types=("ResnetUpsampleBlock2D",) * 2, block_out_channels=(8, 16), norm_num_groups=4, attention_head_dim=4,
    ).eval()  # fmt: skip


@cache
def unclip() -> dict[str, Any]:
    torch.manual_seed(0)
    told, solver = kandinsky.prior(), diffusers.UnCLIPScheduler
    drawn = diffusers.UNet2DConditionModel(
        **SIMPLE, in_channels=3, out_channels=6, class_embed_type="identity", sample_size=16
    )
    joined = UnCLIPTextProjModel(clip_embeddings_dim=WIDTH, time_embed_dim=64, cross_attention_dim=16)
    return {
        **told,
        "prior_scheduler": kandinsky.unclip(),
        "text_proj": joined.eval(),
        "decoder": drawn.eval(),
        "decoder_scheduler": solver(variance_type="learned_range", prediction_type="epsilon"),
        "super_res_first": larger(),
        "super_res_last": larger(),
        "super_res_scheduler": solver(variance_type="fixed_small_log", prediction_type="epsilon"),
        "feature_extractor": told["image_processor"],
    }


@cache
def many_languages() -> dict[str, Any]:
    torch.manual_seed(0)
    config = MCLIPConfig(
        numDims=WIDTH, transformerDimensions=16, hidden_size=16, intermediate_size=16, num_attention_heads=2, num_hidden_layers=1,
        vocab_size=64, max_position_embeddings=96,
    )  # fmt: skip
    return {"text_encoder": MultilingualCLIP(config).eval(), "tokenizer": letters(77)}


def first(**changes: Any) -> Parts:
    """The decoder of Kandinsky 2.1, which is told the text, too."""
    told = {"addition_embed_type": "text_image", "encoder_hid_dim_type": "text_image_proj", "encoder_hid_dim": 16}
    decoder = kandinsky.decoder(**told, cross_attention_dim=WIDTH, **changes)
    return cache(lambda: {**decoder(), **many_languages()})


def joined(**changes: Any) -> Parts:
    def made() -> Mapping[str, Any]:
        return {**first(**changes)(), **{f"prior_{name}": part for name, part in kandinsky.prior().items()}}

    return cache(made)


def two_stages(prior: Any, decoder: Any) -> dict[str, Any]:
    """Parts of a prior, of a decoder, and of the pipeline that joins them."""
    text = {name: kandinsky.prior()[name] for name in ("text_encoder", "tokenizer")}
    vqgan = PaellaVQModel(bottleneck_blocks=1, num_vq_embeddings=16, embed_dim=16)
    solver = diffusers.DDPMWuerstchenScheduler
    first = {f"prior_{name}": part for name, part in {**text, "prior": prior.eval(), "scheduler": solver()}.items()}
    return {**text, **first, "prior": prior, "decoder": decoder.eval(), "vqgan": vqgan.eval(), "scheduler": solver()}


@cache
def wuerstchen() -> dict[str, Any]:
    torch.manual_seed(0)
    prior = WuerstchenPrior(c_in=2, c=8, c_cond=WIDTH, c_r=8, depth=1, nhead=2)
    decoder = WuerstchenDiffNeXt(
        c_r=8, c_cond=WIDTH, c_hidden=[8, 16], nhead=[-1, 2], blocks=[1, 1], level_config=["CT", "CTA"], inject_effnet=[False, True],
        effnet_embd=2, clip_embd=WIDTH,
    )  # fmt: skip
    return two_stages(prior, decoder)


@cache
def cascade() -> dict[str, Any]:
    torch.manual_seed(0)
    common = {"conditioning_dim": 16, "clip_text_pooled_in_channels": WIDTH, "timestep_ratio_embedding_dim": 8}
    prior = diffusers.StableCascadeUNet(
        **common, in_channels=16, out_channels=16, block_out_channels=(16, 16), num_attention_heads=(2, 2), down_num_layers_per_block=(1, 1),
        up_num_layers_per_block=(1, 1), clip_image_in_channels=WIDTH, switch_level=(False,), clip_text_in_channels=WIDTH,
        down_blocks_repeat_mappers=(1, 1), up_blocks_repeat_mappers=(1, 1),
        block_types_per_layer=(("SDCascadeResBlock", "SDCascadeTimestepBlock", "SDCascadeAttnBlock"),) * 2,
    )  # fmt: skip
    decoder = diffusers.StableCascadeUNet(
        **common, in_channels=4, out_channels=4, block_out_channels=(8, 16), num_attention_heads=(-1, 2), down_num_layers_per_block=(1, 1),
        up_num_layers_per_block=(1, 1), down_blocks_repeat_mappers=(1, 1), up_blocks_repeat_mappers=(1, 1), effnet_in_channels=16, patch_size=2,
        block_types_per_layer=(("SDCascadeResBlock", "SDCascadeTimestepBlock"), ("SDCascadeTimestepBlock", "SDCascadeAttnBlock")),
    )  # fmt: skip
    return two_stages(prior, decoder)


def shape_prior(**changes: Any) -> Any:
    return diffusers.PriorTransformer(
        **{
            "num_attention_heads": 2, "attention_head_dim": 8, "embedding_dim": 16, "num_embeddings": 32, "embedding_proj_dim": WIDTH,
            "time_embed_dim": 64, "num_layers": 1, "clip_embed_dim": 32, "additional_embeddings": 0, "time_embed_act_fn": "gelu",
            "norm_in_type": "layer", "encoder_hid_proj_type": None, "added_emb_type": None, **changes,
        }
    ).eval()  # fmt: skip


@cache
def shap_e() -> dict[str, Any]:
    torch.manual_seed(0)
    prior = shape_prior()
    renderer = ShapERenderer(
        param_shapes=((8, 93), (8, 8), (8, 8), (8, 8)), d_latent=16, d_hidden=8, n_output=12, background=(0.1, 0.1, 0.1)
    )
    solver = diffusers.HeunDiscreteScheduler(
        beta_schedule="exp", num_train_timesteps=1024, prediction_type="sample", use_karras_sigmas=True, clip_sample=True, clip_sample_range=1.0
    )  # fmt: skip
    text = {name: kandinsky.prior()[name] for name in ("text_encoder", "tokenizer", "image_processor")}
    return {**text, "prior": prior, "shap_e_renderer": renderer.eval(), "scheduler": solver}


@cache
def seeing() -> dict[str, Any]:
    torch.manual_seed(1)
    prior = shape_prior(num_embeddings=16, embedding_proj_norm_type="layer")
    config = CLIPVisionConfig(
        hidden_size=WIDTH, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=8
    )
    return {**shap_e(), "prior": prior, "image_encoder": CLIPVisionModel(config).eval()}


UNCLIP = {"decoder_num_inference_steps": 2, "super_res_num_inference_steps": 2, "output_type": "np"}
TOLD = {**SEEN, "prompt": "a cat"}
HIGH = {"prompt": "a cat", "height": 128, "width": 128, "num_inference_steps": 2}
EMBEDS = torch.randn(1, 2, 3, 3, generator=torch.Generator().manual_seed(3))
DEEP = torch.randn(1, 16, 3, 3, generator=torch.Generator().manual_seed(3))
# Of random weights a renderer finds no surface at all.
SHAPE = {"num_inference_steps": 2, "output_type": "latent"}

ROWS = {
    "UnCLIPPipeline": Row(unclip, {**UNCLIP, "prompt": "a red circle", "prior_num_inference_steps": 2}),
    "UnCLIPImageVariationPipeline": Row(unclip, {**UNCLIP, "image": picture(3, 32)}),
    "KandinskyPriorPipeline": Row(kandinsky.prior, SHORT),
    "KandinskyPipeline": Row(first(), TOLD),
    "KandinskyImg2ImgPipeline": Row(first(), {**TOLD, **FROM}),
    "KandinskyInpaintPipeline": Row(first(in_channels=9), {**TOLD, **MASKED}),
    "KandinskyCombinedPipeline": Row(joined(), WHOLE),
    "KandinskyImg2ImgCombinedPipeline": Row(joined(), {**WHOLE, **FROM}),
    "KandinskyInpaintCombinedPipeline": Row(joined(in_channels=9), {**WHOLE, **MASKED}),
    "WuerstchenPriorPipeline": Row(wuerstchen, HIGH),
    "WuerstchenDecoderPipeline": Row(
        wuerstchen, {"prompt": "a cat", "image_embeddings": EMBEDS, "num_inference_steps": 2, "output_type": "np"}
    ),
    "WuerstchenCombinedPipeline": Row(wuerstchen, {**HIGH, "prior_num_inference_steps": 2, "output_type": "np"}),
    "StableCascadePriorPipeline": Row(cascade, HIGH),
    "StableCascadeDecoderPipeline": Row(
        cascade, {"prompt": "a cat", "image_embeddings": DEEP, "num_inference_steps": 2, "output_type": "np"}
    ),
    "StableCascadeCombinedPipeline": Row(cascade, {**HIGH, "prior_num_inference_steps": 2, "output_type": "np"}),
    "ShapEPipeline": Row(shap_e, {**SHAPE, "prompt": "a cat"}),
    "ShapEImg2ImgPipeline": Row(seeing, {**SHAPE, "image": picture(3, 32)}),
}
