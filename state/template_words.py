"""Names that diffusers' blocks ask for by template (`InputParam.template("prompt")`), each with its type here."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from .values.array_types import Image, Tensor
from .vocabulary import (
    BatchSize,
    DType,
    Generators,
    Height,
    Images,
    ImagesPerPrompt,
    Latents,
    NegativePrompt,
    OutputType,
    PooledPromptEmbeds,
    Prompt,
    PromptEmbeds,
    SecondNegativePrompt,
    SecondPrompt,
    Sigmas,
    StepCount,
    Timesteps,
    Width,
    value_of,
)


@frozen
class Word:
    """A well-known value: type with metadata, and how it is usually declared."""

    type_hint: Any
    doc: str
    default: Any = None
    required: bool = False
    kwargs_type: str | None = None
    is_group: bool = False


def _word(type_hint: Any, doc: str = "", **how: Any) -> Word:
    value = value_of(type_hint)
    return Word(type_hint, doc or (value.doc if value else ""), **how)


_FIELDS = "denoiser_input_fields"
_COMMON: dict[str, Word] = {
    "prompt": _word(Prompt, required=True),
    "prompt_2": _word(SecondPrompt),
    "negative_prompt": _word(NegativePrompt),
    "negative_prompt_2": _word(SecondNegativePrompt),
    "max_sequence_length": _word(int, "Most tokens of a prompt.", default=512),
    "height": _word(Height),
    "width": _word(Width),
    "num_inference_steps": _word(StepCount, default=50),
    "num_images_per_prompt": _word(ImagesPerPrompt, default=1),
    "generator": _word(Generators),
    "sigmas": _word(Sigmas),
    "strength": _word(float, "How much of the given image is redrawn, 0 to 1.", default=0.9),
    "image": _word(Image, "The image to begin from.", required=True),
    "mask_image": _word(Image, "White where the image is redrawn.", required=True),
    "padding_mask_crop": _word(int, "Margin in pixels around the mask to crop to."),
    "control_image": _word(Image, "Image that steers the ControlNet.", required=True),
    "control_guidance_start": _word(float, "Share of the steps after which control begins.", default=0.0),
    "control_guidance_end": _word(float, "Share of the steps after which control ends.", default=1.0),
    "controlnet_conditioning_scale": _word(float, "Weight of the ControlNet.", default=1.0),
    "latents": _word(Latents),
    "timesteps": _word(Timesteps),
    "output_type": _word(OutputType, default="pil"),
    "attention_kwargs": _word(dict[str, Any], "Handed to the attention processors."),
    "denoiser_input_fields": _word(None, "All conditional inputs of the denoiser.", kwargs_type=_FIELDS, is_group=True),
    "prompt_embeds": _word(PromptEmbeds, required=True, kwargs_type=_FIELDS),
    "prompt_embeds_mask": _word(Tensor, "1 where a token counts.", required=True, kwargs_type=_FIELDS),
    "negative_prompt_embeds": _word(PromptEmbeds, kwargs_type=_FIELDS),
    "negative_prompt_embeds_mask": _word(Tensor, "1 where a token counts.", kwargs_type=_FIELDS),
    "pooled_prompt_embeds": _word(PooledPromptEmbeds, required=True, kwargs_type=_FIELDS),
    "negative_pooled_prompt_embeds": _word(PooledPromptEmbeds, kwargs_type=_FIELDS),
    "image_latents": _word(Latents, "Latents of the given image, without noise.", required=True),
    "batch_size": _word(BatchSize, default=1),
    "dtype": _word(DType),
    "images": _word(Images),
    "videos": _word(list[Image], "Finished videos."),
}
INPUT_WORDS: dict[str, Word] = {k: v for k, v in _COMMON.items() if k not in {"images", "videos"}}
OUTPUT_WORDS: dict[str, Word] = {k: v for k, v in _COMMON.items() if not v.is_group}
