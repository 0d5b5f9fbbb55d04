"""The parts of further packed transformers with the true architecture and tiny random weights: Chroma, Qwen-Image, FLUX.2, Ovis-Image, Krea 2."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import torch
from diffusers import (
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    ChromaTransformer2DModel,
    FlowMatchEulerDiscreteScheduler,
    Flux2Transformer2DModel,
    Krea2Transformer2DModel,
    OvisImageTransformer2DModel,
    QwenImageControlNetModel,
    QwenImageTransformer2DModel,
)
from tiny_families import autoencoder, t5
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    CLIPImageProcessor,
    LlavaProcessor,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    MistralConfig,
    PixtralVisionConfig,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLTextConfig,
    Qwen2_5_VLTextModel,
    Qwen2Tokenizer,
    Qwen2VLProcessor,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
    Qwen3VLConfig,
    Qwen3VLModel,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

LINES = [
    "assistant\nassistant\nuser\nsystem\n",
    "a red circle on a blue square, two green cats, the photo of a cat",
    (
        "system user assistant Describe the image by detailing the color, shape, size, texture, quantity, text, spatial relationships "
        "of the objects and background: key features of the input, explain how the user's text instruction should alter or modify the image. "
        "Generate a new image that meets the user's requirements while maintaining consistency with the original input where appropriate."
    ),
    (
        "You are an AI that reasons about image descriptions. You give structured responses focusing on object relationships, object\n"
        "attribution and actions without speculation."
    ),
]
"""What the tokenizers are trained on."""
MARKS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip


def chroma(seed: int = 0) -> dict[str, Any]:
    """Components of Chroma, by name."""
    torch.manual_seed(seed)
    transformer = ChromaTransformer2DModel(
        in_channels=64,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        axes_dims_rope=(4, 4, 8),
        approximator_num_channels=16,
        approximator_hidden_dim=16,
        approximator_layers=1,
    )
    # As in the released configuration, which says more than the class reads; the classic inpainting asks for it.
    transformer.register_to_config(guidance_embeds=False)
    return {
        **t5("text_encoder", "tokenizer"),
        "transformer": transformer,
        "scheduler": FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        "vae": autoencoder(),
    }


@cache
def words() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The vocabulary and merges of a byte-level tokenizer that knows the words of `LINES`."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        LINES, trainers.BpeTrainer(vocab_size=1200, initial_alphabet=alphabet, show_progress=False)
    )
    model = json.loads(made.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


def qwen_tokenizer(**options: Any) -> Qwen2Tokenizer:
    """A tokenizer of Qwen's class."""
    vocabulary, merges = words()
    made = Qwen2Tokenizer(vocab=dict(vocabulary), merges=list(merges), model_max_length=4096, **options)
    made.add_special_tokens({"additional_special_tokens": list(MARKS[1:])})
    return made


QWEN_CONFIG: dict[str, Any] = {
    "in_channels": 64,
    "num_layers": 1,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": 16,
    "axes_dims_rope": (4, 4, 8),
}


def qwen_image(seed: int = 0) -> dict[str, Any]:
    """Components of Qwen-Image, by name; its text encoder sees images."""
    torch.manual_seed(seed)
    tokenizer = qwen_tokenizer()
    return {
        "text_encoder": _seeing(tokenizer),
        "tokenizer": tokenizer,
        "transformer": QwenImageTransformer2DModel(**QWEN_CONFIG),
        "scheduler": FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=1.0),
        "vae": AutoencoderKLQwenImage(base_dim=4, num_res_blocks=1),
    }


def qwen_controlnet(seed: int = 3) -> QwenImageControlNetModel:
    """A ControlNet of Qwen-Image whose layers that begin with zeros have some weight, as training would give them."""
    torch.manual_seed(seed)
    made = QwenImageControlNetModel(**QWEN_CONFIG)
    for parameter in made.parameters():
        if not parameter.any():
            parameter.data = 0.1 * torch.randn(parameter.shape)
    return made.eval()


def qwen_language() -> dict[str, Any]:
    """The language model of a Qwen2.5-VL alone, and its tokenizer with a chat template."""
    tokenizer = qwen_tokenizer(chat_template=CHAT)
    config = Qwen2_5_VLTextConfig(**_language(tokenizer), num_hidden_layers=3, rope_parameters=_ROPE)
    return {"text_encoder": Qwen2_5_VLTextModel(config).eval(), "tokenizer": tokenizer}


_ROPE = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e6}


def _seeing(tokenizer: Qwen2Tokenizer) -> Qwen2_5_VLForConditionalGeneration:
    ids = dict(zip(MARKS, tokenizer.convert_tokens_to_ids(list(MARKS)), strict=True))
    text = {**_language(tokenizer), "num_hidden_layers": 2, "rope_parameters": _ROPE}
    vision = {
        "depth": 1,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_heads": 2,
        "out_hidden_size": 16,
        "fullatt_block_indexes": [0],
    }
    return Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            text_config=text,
            vision_config=vision,
            image_token_id=ids["<|image_pad|>"],
            video_token_id=ids["<|video_pad|>"],
            vision_start_token_id=ids["<|vision_start|>"],
            vision_end_token_id=ids["<|vision_end|>"],
        )
    ).eval()


class StillProcessor(Qwen2VLProcessor):
    """It makes tokens of texts and images, and none of videos, which need torchvision."""

    def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
        return argument_name if argument is None else super().check_argument_for_proper_class(argument_name, argument)


def qwen_processor() -> StillProcessor:
    """What makes tokens of texts and images."""
    return StillProcessor(Qwen2VLImageProcessorPil(min_pixels=28 * 28), qwen_tokenizer(), None)


def flux2(seed: int = 0) -> dict[str, Any]:
    """Components of FLUX.2 "dev", by name."""
    torch.manual_seed(seed)
    tokenizer = qwen_tokenizer(padding_side="left")
    # The released one is a PixtralProcessor, which needs torchvision; of it the template and the tokenizer are read.
    processor = LlavaProcessor(CLIPImageProcessor(size=32, crop_size=32), tokenizer, chat_template=CHAT)
    # As long as in the released model: the third layer that is read is the 30th.
    text = {**_language(tokenizer), "num_hidden_layers": 30, "head_dim": 8}
    vision = {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "patch_size": 4,
    }
    config = Mistral3Config(
        text_config=MistralConfig(**text), vision_config=PixtralVisionConfig(**vision), spatial_merge_size=1
    )
    return {
        "text_encoder": Mistral3ForConditionalGeneration(config).eval(),
        "tokenizer": processor,
        **_flux2(guidance_embeds=True, joint_attention_dim=3 * 16),
    }


def flux2_klein(seed: int = 0) -> dict[str, Any]:
    """Components of FLUX.2 "klein", by name."""
    torch.manual_seed(seed)
    tokenizer = qwen_tokenizer(chat_template=CHAT)
    config = Qwen3Config(**_language(tokenizer), num_hidden_layers=27, head_dim=8)
    return {
        "text_encoder": Qwen3ForCausalLM(config).eval(),
        "tokenizer": tokenizer,
        **_flux2(guidance_embeds=False, joint_attention_dim=3 * 16),
    }


CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{{ message['content'][0]['text'] }}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def _language(tokenizer: Qwen2Tokenizer) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "bos_token_id": None,
        "eos_token_id": tokenizer.convert_tokens_to_ids("<|im_end|>"),
    }


def _flux2(**changes: Any) -> dict[str, Any]:
    transformer = Flux2Transformer2DModel(
        in_channels=128,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        timestep_guidance_channels=16,
        axes_dims_rope=(4, 4, 4, 4),
        **changes,
    )
    vae = AutoencoderKLFlux2(block_out_channels=(8, 8, 8, 16), norm_num_groups=4, layers_per_block=1, sample_size=64)
    vae.bn.running_mean.normal_()
    vae.bn.running_var.uniform_(0.5, 2.0)
    scheduler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0)
    return {"transformer": transformer, "scheduler": scheduler, "vae": vae}


def ovis_image(seed: int = 0) -> dict[str, Any]:
    """Components of Ovis-Image, by name."""
    torch.manual_seed(seed)
    tokenizer = qwen_tokenizer(chat_template=CHAT)
    config = Qwen3Config(**_language(tokenizer), num_hidden_layers=2, head_dim=8)
    return {
        "text_encoder": Qwen3Model(config).eval(),
        "tokenizer": tokenizer,
        "transformer": OvisImageTransformer2DModel(
            in_channels=64,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=16,
            axes_dims_rope=(4, 4, 8),
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        "vae": autoencoder(),
    }


def krea2(seed: int = 0) -> dict[str, Any]:
    """Components of Krea 2, by name."""
    torch.manual_seed(seed)
    tokenizer = qwen_tokenizer()
    # As long as in the released model: the last layer that is read is the 35th.
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e6}
    text = {**_language(tokenizer), "num_hidden_layers": 35, "head_dim": 8, "rope_parameters": rope}
    vision = {"depth": 1, "hidden_size": 8, "intermediate_size": 8, "num_heads": 1, "out_hidden_size": 16}
    vision |= {"deepstack_visual_indexes": [0], "num_position_embeddings": 4}
    return {
        "text_encoder": Qwen3VLModel(Qwen3VLConfig(text_config=text, vision_config=vision)).eval(),
        "tokenizer": tokenizer,
        "transformer": Krea2Transformer2DModel(
            in_channels=64,
            num_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            num_key_value_heads=1,
            intermediate_size=32,
            timestep_embed_dim=16,
            text_hidden_dim=16,
            text_num_attention_heads=2,
            text_num_key_value_heads=2,
            text_intermediate_size=16,
            num_layerwise_text_blocks=1,
            num_refiner_text_blocks=1,
            axes_dims_rope=(4, 6, 6),
        ),
        "scheduler": FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=1.0),
        "vae": AutoencoderKLQwenImage(base_dim=4, num_res_blocks=1),
    }
