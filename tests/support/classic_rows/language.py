"""Images by transformers that are told a text by a language model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import diffusers
import tokenizers
import torch
import transformers
from coarse_images import half_mask, picture

from classic_rows import flux
from classic_rows.row import Parts, Row
from classic_rows.sd import TEXT
from classic_rows.t5 import FLOW, four_channels, parts, sixteen_channels

WIDTH = 16
SMALL = {
    "hidden_size": WIDTH,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 8,
}


@cache
def words(length: int = 64) -> Any:
    """A tokenizer of single letters, with a chat template."""
    letters = ["<pad>", "<unk>", "<s>", "</s>", *map(chr, range(32, 127))]
    model = tokenizers.models.WordLevel({each: number for number, each in enumerate(letters)}, unk_token="<unk>")
    backend = tokenizers.Tokenizer(model)
    backend.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex("."), "isolated")
    backend.post_processor = tokenizers.processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 2)])
    special = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    made = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, model_max_length=length, padding_side="right", **special
    )
    made.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    return made


def told_by(model: str, config: str, **changes: Any) -> Callable[[], Mapping[str, Any]]:
    """A language model of transformers, and the tokenizer."""

    @cache
    def made() -> Mapping[str, Any]:
        torch.manual_seed(0)
        asked = getattr(transformers, config)(vocab_size=len(words()), pad_token_id=0, **{**SMALL, **changes})
        return {"text_encoder": getattr(transformers, model)(asked).eval(), "tokenizer": words()}

    return made


QWEN3 = told_by("Qwen3Model", "Qwen3Config")
GEMMA = told_by("GemmaModel", "GemmaConfig")
GEMMA2 = told_by("Gemma2Model", "Gemma2Config")
GLM = told_by("GlmModel", "GlmConfig")


def z_image() -> Any:
    made = diffusers.ZImageTransformer2DModel(
        in_channels=16, dim=32, n_layers=1, n_refiner_layers=1, n_heads=2, n_kv_heads=2, cap_feat_dim=WIDTH, axes_dims=[8, 4, 4],
        axes_lens=[256, 32, 32],
    )  # fmt: skip
    for parameter in (made.x_pad_token, made.cap_pad_token):
        torch.nn.init.normal_(parameter, std=0.1)
    return made


@cache
def deep_vae() -> Any:
    torch.manual_seed(0)
    size: dict[str, Any] = {}
    for side in ("encoder", "decoder"):
        size |= {f"{side}_block_types": ("ResBlock", "EfficientViTBlock"), f"{side}_block_out_channels": (8, 8)}
        size |= {f"{side}_qkv_multiscales": ((), (5,)), f"{side}_layers_per_block": (1, 1)}
    return diffusers.AutoencoderDC(
        latent_channels=4, attention_head_dim=2, downsample_block_type="conv", upsample_block_type="interpolate", **size
    ).eval()


def sana(**changes: Any) -> Any:
    return diffusers.SanaTransformer2DModel(
        in_channels=4, out_channels=4, num_layers=1, num_attention_heads=2, attention_head_dim=4, num_cross_attention_heads=2,
        cross_attention_head_dim=4, cross_attention_dim=8, caption_channels=WIDTH, sample_size=32, patch_size=1, **changes,
    )  # fmt: skip


def sana_net() -> Any:
    torch.manual_seed(3)
    made = diffusers.SanaControlNetModel(
        in_channels=4, out_channels=4, num_layers=1, num_attention_heads=2, attention_head_dim=4, num_cross_attention_heads=2,
        cross_attention_head_dim=4, cross_attention_dim=8, caption_channels=WIDTH, sample_size=32, patch_size=1,
    )  # fmt: skip
    return some_weight(made)


def some_weight(net: Any) -> Any:
    """A net whose layers that begin with zeros have some weight."""
    for parameter in net.parameters():
        if not parameter.any():
            parameter.data = 0.1 * torch.randn(parameter.shape)
    return net.eval()


def z_image_net(channels: int = 16) -> Any:
    torch.manual_seed(3)
    made = diffusers.ZImageControlNetModel(
        control_layers_places=[0], control_refiner_layers_places=[0], control_in_dim=channels, dim=32, n_refiner_layers=1, n_heads=2, n_kv_heads=2,
        add_control_noise_refiner="control_noise_refiner",
    )  # fmt: skip
    return some_weight(made)


def lumina() -> Any:
    return diffusers.LuminaNextDiT2DModel(
        sample_size=8, patch_size=2, in_channels=4, hidden_size=24, num_layers=1, num_attention_heads=3, num_kv_heads=1, multiple_of=16,
        cross_attention_dim=WIDTH,
    )  # fmt: skip


def lumina2() -> Any:
    return diffusers.Lumina2Transformer2DModel(
        sample_size=8, patch_size=2, in_channels=16, hidden_size=16, num_layers=1, num_refiner_layers=1, num_attention_heads=2, num_kv_heads=1,
        multiple_of=16, axes_dim_rope=(4, 2, 2), cap_feat_dim=WIDTH,
    )  # fmt: skip


def cogview4(channels: int = 4) -> Any:
    return diffusers.CogView4Transformer2DModel(
        in_channels=channels, num_layers=1, attention_head_dim=4, num_attention_heads=4, out_channels=4, text_embed_dim=WIDTH, time_embed_dim=8,
        condition_dim=4, sample_size=8, pos_embed_max_size=8,
    )  # fmt: skip


@cache
def qwen_vl() -> Mapping[str, Any]:
    """Qwen2.5-VL, of which a text is told with a template around it."""
    torch.manual_seed(0)
    text = {
        **SMALL,
        "vocab_size": len(words()),
        "rope_scaling": {"type": "default", "mrope_section": [1, 1, 2], "rope_type": "default"},
    }
    seen = {
        "depth": 1,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_heads": 2,
        "out_hidden_size": WIDTH,
        "fullatt_block_indexes": [0],
    }
    config = transformers.Qwen2_5_VLConfig(text_config=text, vision_config=seen)
    return {"text_encoder": transformers.Qwen2_5_VLForConditionalGeneration(config).eval(), "tokenizer": words(2048)}


@cache
def qwen_vae() -> Any:
    torch.manual_seed(0)
    return diffusers.AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=4,
        dim_mult=[1, 2, 4],
        num_res_blocks=1,
        temperal_downsample=[False, True],
        latents_mean=[0.0] * 4,
        latents_std=[1.0] * 4,
    ).eval()


QWEN = {
    "patch_size": 2, "in_channels": 16, "num_layers": 1, "attention_head_dim": 16, "num_attention_heads": 2, "joint_attention_dim": WIDTH,
    "axes_dims_rope": (8, 4, 4),
}  # fmt: skip


def qwen() -> Any:
    return diffusers.QwenImageTransformer2DModel(**QWEN, out_channels=4)


def qwen_net(mask_channels: int = 0) -> Any:
    torch.manual_seed(3)
    return some_weight(
        diffusers.QwenImageControlNetModel(**QWEN, out_channels=4, extra_condition_channels=mask_channels)
    )


def steered(parts: Parts, net: Callable[[], Any]) -> Parts:
    """The parts with a ControlNet."""
    return cache(lambda: {**parts(), "controlnet": net()})


@cache
def film_vae(latents: int = 4, **changes: Any) -> Any:
    torch.manual_seed(0)
    return diffusers.AutoencoderKLHunyuanVideo(
        latent_channels=latents, block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=4, down_block_types=("HunyuanVideoDownBlock3D",) * 4,
        up_block_types=("HunyuanVideoUpBlock3D",) * 4, **changes,
    ).eval()  # fmt: skip


def hunyuan_video(cls: str = "HunyuanVideoTransformer3DModel", **changes: Any) -> Any:
    return getattr(diffusers, cls)(
        **{
            "in_channels": 4, "out_channels": 4, "num_attention_heads": 2, "attention_head_dim": 10, "num_layers": 1, "num_single_layers": 1,
            "num_refiner_layers": 1, "patch_size": 1, "guidance_embeds": True, "text_embed_dim": WIDTH, "pooled_projection_dim": 32,
            "rope_axes_dim": (2, 4, 4), **changes,
        }
    )  # fmt: skip


@cache
def two_encoders() -> Mapping[str, Any]:
    clip = flux.plain()
    llama = told_by("LlamaModel", "LlamaConfig")()
    return {**llama, "text_encoder_2": clip["text_encoder"], "tokenizer_2": clip["tokenizer"]}


FILM = {
    **TEXT,
    "height": 16,
    "width": 16,
    "num_frames": 5,
    "output_type": "pt",
    "prompt_template": {"template": "{}", "crop_start": 0},
}
LONG = {**TEXT, "max_sequence_length": 32}
FROM = {**LONG, "image": picture(3), "strength": 0.6, "num_inference_steps": 4}
MASKED = {**FROM, "mask_image": half_mask()}
SANA = {
    **LONG,
    "height": 32,
    "width": 32,
    "clean_caption": False,
    "use_resolution_binning": False,
    "complex_human_instruction": None,
}
SHIFTED = partial(
    FLOW, base_shift=0.25, max_shift=0.75, base_image_seq_len=256, use_dynamic_shifting=True, time_shift_type="linear"
)
QWENS = {**TEXT, "height": 32, "width": 32, "negative_prompt": "blue", "true_cfg_scale": 2.0, "max_sequence_length": 64}
QWEN_FROM = {**QWENS, "image": picture(3, 32), "strength": 0.6, "num_inference_steps": 4}
MOVING = partial(FLOW, use_dynamic_shifting=True)

ROWS = {
    "HunyuanVideoPipeline": Row(
        parts(hunyuan_video, film_vae, FLOW, two_encoders), {**FILM, "max_sequence_length": 16}
    ),
    "ZImagePipeline": Row(parts(z_image, sixteen_channels, FLOW, QWEN3), {**LONG, "negative_prompt": "blue"}),
    "ZImageImg2ImgPipeline": Row(parts(z_image, sixteen_channels, FLOW, QWEN3), FROM),
    "ZImageInpaintPipeline": Row(parts(z_image, sixteen_channels, FLOW, QWEN3), MASKED),
    "SanaPipeline": Row(parts(sana, deep_vae, FLOW, GEMMA2), SANA),
    "SanaPAGPipeline": Row(parts(sana, deep_vae, FLOW, GEMMA2), SANA, {"pag_applied_layers": "transformer_blocks.0"}),
    "SanaSprintPipeline": Row(
        parts(
            partial(sana, qk_norm="rms_norm_across_heads", guidance_embeds=True),
            deep_vae,
            diffusers.SCMScheduler,
            GEMMA2,
        ),
        SANA,
    ),
    "SanaSprintImg2ImgPipeline": Row(
        parts(
            partial(sana, qk_norm="rms_norm_across_heads", guidance_embeds=True),
            deep_vae,
            diffusers.SCMScheduler,
            GEMMA2,
        ),
        {**SANA, "image": picture(3, 32), "strength": 0.5},
    ),
    "LuminaPipeline": Row(parts(lumina, four_channels, FLOW, GEMMA), {**LONG, "clean_caption": False}),
    "Lumina2Pipeline": Row(parts(lumina2, sixteen_channels, FLOW, GEMMA2), LONG),
    "CogView4Pipeline": Row(parts(cogview4, four_channels, SHIFTED, GLM), LONG),
    "CogView4ControlPipeline": Row(
        parts(partial(cogview4, 8), four_channels, SHIFTED, GLM), {**LONG, "control_image": picture(3)}
    ),
    "QwenImagePipeline": Row(parts(qwen, qwen_vae, MOVING, qwen_vl), QWENS),
    "QwenImageImg2ImgPipeline": Row(parts(qwen, qwen_vae, MOVING, qwen_vl), QWEN_FROM),
    "QwenImageInpaintPipeline": Row(parts(qwen, qwen_vae, MOVING, qwen_vl), {**QWEN_FROM, "mask_image": half_mask(32)}),
    "QwenImageControlNetPipeline": Row(
        steered(parts(qwen, qwen_vae, MOVING, qwen_vl), qwen_net), {**QWENS, "control_image": picture(3, 32)}
    ),
    "QwenImageControlNetInpaintPipeline": Row(
        steered(parts(qwen, qwen_vae, MOVING, qwen_vl), partial(qwen_net, 4)),
        {**QWENS, "control_image": picture(3, 32), "control_mask": half_mask(32)},
    ),
    "SanaControlNetPipeline": Row(
        steered(parts(sana, deep_vae, FLOW, GEMMA2), sana_net), {**SANA, "control_image": picture(3, 32)}
    ),
    "ZImageControlNetPipeline": Row(
        steered(parts(z_image, sixteen_channels, FLOW, QWEN3), z_image_net), {**LONG, "control_image": picture(3)}
    ),
    "ZImageControlNetInpaintPipeline": Row(
        steered(parts(z_image, sixteen_channels, FLOW, QWEN3), partial(z_image_net, 33)),
        {**LONG, "image": picture(3), "mask_image": half_mask(), "control_image": picture(4)},
    ),
}
