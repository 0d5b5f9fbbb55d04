"""Pipelines that diffusers keeps as deprecated, of parts of their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import diffusers
import torch
from coarse_images import half_mask, picture
from diffusers.pipelines.deprecated.alt_diffusion.modeling_roberta_series import (
    RobertaSeriesConfig,
    RobertaSeriesModelWithTransformation,
)
from diffusers.pipelines.deprecated.paint_by_example import PaintByExampleImageEncoder
from diffusers.pipelines.deprecated.versatile_diffusion.modeling_text_unet import UNetFlatConditionModel
from diffusers.pipelines.deprecated.vq_diffusion.pipeline_vq_diffusion import LearnedClassifierFreeSamplingEmbeddings
from diffusers.pipelines.stable_diffusion.clip_image_project_model import CLIPImageProjection
from tiny_sd import BETAS, unet
from transformers import (
    CLIPImageProcessor,
    CLIPProcessor,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    XLMRobertaTokenizer,
)

from classic_rows import sd, sdxl
from classic_rows.row import Row
from classic_rows.sd import FROM, MASK, TEXT, ddim
from tiny_sdxl import make_unet, text_config, tokenizer

SEEN = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "projection_dim": 16, "image_size": 32}


def letters(length: int = 16) -> Any:
    """A tokenizer of many languages that knows single letters."""
    known = ["<s>", "<pad>", "</s>", "<unk>", "\u2581", *map(chr, range(97, 123)), "<mask>"]
    return XLMRobertaTokenizer(vocab=[(each, -1.0) for each in known], model_max_length=length)


def roberta() -> Any:
    config = RobertaSeriesConfig(
        hidden_size=16, project_dim=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, vocab_size=64,
        max_position_embeddings=32,
    )  # fmt: skip
    return RobertaSeriesModelWithTransformation(config).eval()


def example() -> Any:
    return PaintByExampleImageEncoder(CLIPVisionConfig(**SEEN, patch_size=8, num_hidden_layers=5)).eval()


def eye() -> Any:
    # 256 patches and one token, which VersatileDiffusion counts on.
    return CLIPVisionModelWithProjection(CLIPVisionConfig(**SEEN, patch_size=2, num_hidden_layers=1)).eval()


def reader() -> Any:
    return CLIPTextModelWithProjection(text_config(16, len(sd.plain()["tokenizer"]))).eval()


def flat() -> Any:
    return UNetFlatConditionModel(
        block_out_channels=(16, 32), down_block_types=("DownBlockFlat", "CrossAttnDownBlockFlat"), cross_attention_dim=16,
        up_block_types=("CrossAttnUpBlockFlat", "UpBlockFlat"), layers_per_block=1, attention_head_dim=(2, 4), norm_num_groups=8,
    ).eval()  # fmt: skip


VERSATILE = {
    "image_unet": unet,
    "text_unet": flat,
    "text_encoder": reader,
    "image_encoder": eye,
    "image_feature_extractor": partial(CLIPImageProcessor, size=32, crop_size=32),
}


@cache
def vq_diffusion() -> dict[str, Any]:
    torch.manual_seed(0)
    vqvae = diffusers.VQModel(
        block_out_channels=(8, 8), down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=3,
        norm_num_groups=4, num_vq_embeddings=12, vq_embed_dim=3,
    )  # fmt: skip
    network = diffusers.Transformer2DModel(
        attention_bias=True, cross_attention_dim=16, attention_head_dim=16, num_attention_heads=1, num_vector_embeds=12, sample_size=8,
        num_embeds_ada_norm=12, activation_fn="geglu-approximate", norm_type="ada_norm",
    )  # fmt: skip
    return {
        **{name: sd.plain()[name] for name in ("text_encoder", "tokenizer")},
        "vqvae": vqvae.eval(),
        "transformer": network.eval(),
        "scheduler": diffusers.VQDiffusionScheduler(num_vec_classes=12),
        "learned_classifier_free_sampling_embeddings": LearnedClassifierFreeSamplingEmbeddings(True, 16, 16),
    }


@cache
def of_texts() -> dict[str, Any]:
    made = sd.plain()
    torch.manual_seed(0)
    words = tokenizer("<|endoftext|>", length=77)
    text = CLIPTextModel(text_config(16, len(words), length=77))
    return {**made, "bert": text.eval(), "tokenizer": words, "vqvae": made["vae"], "scheduler": ddim()}


@cache
def across(make: Callable[..., Any]) -> dict[str, Any]:
    """A UNet of two layers in a block, and a ControlNet-XS for it."""
    torch.manual_seed(3)
    plain = make(layers_per_block=2)
    net = diffusers.ControlNetXSAdapter.from_unet(
        plain, size_ratio=0.5, conditioning_embedding_out_channels=(8, 8, 8, 16)
    )
    return {"unet": plain.eval(), "controlnet": net.eval()}


def both(make: Callable[..., Any]) -> dict[str, Callable[[], Any]]:
    return {name: lambda name=name: across(make)[name] for name in ("unet", "controlnet")}


def boxed() -> Any:
    return unet(attention_type="gated-text-image", attention_head_dim=4)


GLIGEN = {
    "unet": boxed,
    "image_encoder": eye,
    "image_project": partial(CLIPImageProjection, hidden_size=16),
    "processor": lambda: CLIPProcessor(CLIPImageProcessor(size=32, crop_size=32), sd.plain()["tokenizer"]),
}
LATENTS = torch.randn(1, 2, 4, 8, 8, generator=torch.Generator().manual_seed(5))

ROWS = {
    "AltDiffusionPipeline": sd.row(TEXT, text_encoder=roberta, tokenizer=letters),
    "AltDiffusionImg2ImgPipeline": sd.row(FROM, text_encoder=roberta, tokenizer=letters),
    "PaintByExamplePipeline": Row(
        sd.parts(
            unet=partial(unet, in_channels=9),
            image_encoder=example,
            feature_extractor=partial(CLIPImageProcessor, size=32, crop_size=32),
        ),
        {**{name: value for name, value in MASK.items() if name != "prompt"}, "example_image": picture(5, 32)},
    ),
    "VQDiffusionPipeline": Row(vq_diffusion, {"prompt": "a red circle", "num_inference_steps": 2, "output_type": "np"}),
    "VersatileDiffusionTextToImagePipeline": Row(sd.parts(**VERSATILE), TEXT),
    "VersatileDiffusionImageVariationPipeline": Row(
        sd.parts(**VERSATILE),
        {**{name: value for name, value in TEXT.items() if name != "prompt"}, "image": picture(3, 32)},
    ),
    "CycleDiffusionPipeline": sd.row({**FROM, "source_prompt": "a blue square", "eta": 0.1}, scheduler=ddim),
    "LDMTextToImagePipeline": Row(of_texts, TEXT),
    "StableDiffusionDiffEditPipeline": sd.row(
        {
            "prompt": "a cat",
            "num_inference_steps": 2,
            "output_type": "np",
            "mask_image": half_mask(8),
            "image_latents": LATENTS,
            "inpaint_strength": 1.0,
        },
        scheduler=ddim,
        inverse_scheduler=partial(diffusers.DDIMInverseScheduler, **BETAS),
    ),
    "StableDiffusionGLIGENTextImagePipeline": sd.row(
        {
            **TEXT,
            "gligen_phrases": ["a cat"],
            "gligen_images": [picture(5, 32)],
            "gligen_boxes": [[0.1, 0.2, 0.5, 0.6]],
        },
        **GLIGEN,
    ),
    "StableDiffusionControlNetXSPipeline": sd.row({**TEXT, "image": picture(4)}, **both(unet)),
    "StableDiffusionXLControlNetXSPipeline": Row(
        sdxl.parts(**both(make_unet)), {**TEXT, "image": picture(4)}, sdxl.NO_MARK
    ),
}
