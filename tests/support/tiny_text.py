"""Trial contracts of families with other text encoders than SDXL's, the text parts alone, and tiny models for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import diffusers
import tiny_families
import torch
from attrs import frozen
from diffusers import FluxPipeline, StableDiffusion3Pipeline, StableDiffusionPipeline
from transformers import CLIPTextModel

from brickwork import EmbeddedGuidance, ModularPipeline, SequentialPipelineBlocks
from brickwork.blocks.steps.encode_prompt import EncodePrompt
from brickwork.families.contract import (
    ConditioningField,
    Denoiser,
    Encoded,
    FamilyContract,
    RoleComponent,
    TextEncoding,
)
from brickwork.families.text_encoding import joined_by_tokens
from brickwork.state.vocabulary import (
    NegativePrompt,
    NegativePromptEmbeds,
    PooledPromptEmbeds,
    Prompt,
    PromptEmbeds,
    SecondNegativePrompt,
    SecondPrompt,
    ThirdNegativePrompt,
    ThirdPrompt,
)
from tiny_sdxl import text_config, tokenizer

PROMPTS = (
    ConditioningField("prompt", "negative_prompt", Prompt, NegativePrompt),
    ConditioningField("prompt_2", "negative_prompt_2", SecondPrompt, SecondNegativePrompt, required=False),
    ConditioningField("prompt_3", "negative_prompt_3", ThirdPrompt, ThirdNegativePrompt, required=False),
)
EMBEDS = ConditioningField(
    "prompt_embeds",
    "negative_prompt_embeds",
    PromptEmbeds,
    NegativePromptEmbeds,
    "encoder_hidden_states",
    source="hidden",
)
POOLED = ConditioningField(
    "pooled_prompt_embeds", "negative_pooled_prompt_embeds", PooledPromptEmbeds, argument="pooled", source="pooled"
)


def _contract(
    cls: type[FamilyContract], name: str, prompts: int, embeds: Sequence[ConditioningField], **more: Any
) -> Any:
    groups = {"prompts": PROMPTS[:prompts], "prompt_embeds": tuple(embeds), "denoiser_input_fields": tuple(embeds)}
    return cls(name=name, prefix=f"Trial{name.title()}", groups=groups, zeros_for_empty_prompt=False, **more)


def _named(name: str, *hints: str, last: bool = False) -> tuple[RoleComponent, ...]:
    """Components of one kind as repositories name them; the last of several may be optional."""
    names = [name, *(f"{name}_{number}" for number in range(2, len(hints) + 1))]
    return tuple(
        RoleComponent(each, f"transformers:{hint}", optional=last and each == names[-1])
        for each, hint in zip(names, hints, strict=True)
    )


SD = _contract(
    FamilyContract,
    "sd",
    1,
    [EMBEDS],
    roles={
        "tokenizers": _named("tokenizer", "CLIPTokenizer"),
        "text_encoders": _named("text_encoder", "CLIPTextModel"),
    },
    text_encodings=(TextEncoding(hidden_state=None, normed=True, negative_tokens="positive", masked=None),),
)


@frozen
class TrialSD3(FamilyContract):
    """Two CLIPs beside a T5 that may be absent."""

    def joined_texts(
        self, encoded: Sequence[Encoded | None], denoiser: Denoiser | None, rows: int, tokens: int | None
    ) -> Mapping[str, torch.Tensor | None]:
        assert tokens is not None
        return joined_by_tokens(encoded, denoiser, rows, tokens)


_CLIP = "CLIPTextModelWithProjection"
SD3 = _contract(
    TrialSD3,
    "sd3",
    3,
    [EMBEDS, POOLED],
    roles={
        "tokenizers": _named("tokenizer", "CLIPTokenizer", "CLIPTokenizer", "T5TokenizerFast", last=True),
        "text_encoders": _named("text_encoder", _CLIP, _CLIP, "T5EncoderModel", last=True),
        "embeds_readers": (RoleComponent("transformer", "diffusers:SD3Transformer2DModel", optional=True),),
    },
    text_encodings=(
        TextEncoding(pooled=True),
        TextEncoding(pooled=True),
        TextEncoding(hidden_state=None, tokens="asked", most=512),
    ),
    max_sequence_length=256,
)
FLUX = _contract(
    FamilyContract,
    "flux",
    2,
    [EMBEDS, POOLED],
    roles={
        "tokenizers": _named("tokenizer", "CLIPTokenizer", "T5TokenizerFast"),
        "text_encoders": _named("text_encoder", "CLIPTextModel", "T5EncoderModel"),
        "guider": (RoleComponent("guider", EmbeddedGuidance, config={"guidance_scale": 3.5}),),
    },
    text_encodings=(
        TextEncoding(hidden=False, pooled=True, pooled_name="pooler_output"),
        TextEncoding(hidden_state=None, tokens="asked", most=512),
    ),
    max_sequence_length=512,
)


def _stable_diffusion() -> dict[str, Any]:
    torch.manual_seed(0)
    clip = tokenizer("<|endoftext|>", length=77)
    return {"text_encoder": CLIPTextModel(text_config(16, len(clip), length=77)), "tokenizer": clip}


CLASSIC = {"sd": StableDiffusionPipeline, "sd3": StableDiffusion3Pipeline, "flux": FluxPipeline}
_FURTHER = ("vae", "unet", "scheduler", "safety_checker", "feature_extractor", "image_encoder", "transformer")


def text_parts(family: FamilyContract) -> dict[str, Any]:
    """Tiny tokenizers, text encoders and what reads embeddings, by name."""
    made = {"sd": _stable_diffusion, "sd3": tiny_families.stable_diffusion_3, "flux": tiny_families.flux}[family.name]()
    wanted = {
        part.name for role in ("tokenizers", "text_encoders", "embeds_readers") for part in family.roles.get(role, ())
    }
    return {name: part for name, part in made.items() if name in wanted}


def classic_text(family: FamilyContract, parts: Mapping[str, Any]) -> diffusers.DiffusionPipeline:
    """The classic pipeline of a family with its text parts alone, of which `encode_prompt` needs no more."""
    cls = CLASSIC[family.name]
    takes = cls.__init__.__code__.co_varnames
    more = {"requires_safety_checker": False} if family is SD else {}
    return cls(**{**{name: None for name in _FURTHER if name in takes}, **parts, **more})


def text_pipeline(family: FamilyContract, parts: Mapping[str, Any], **components: Any) -> ModularPipeline:
    """A pipeline of ours that does no more than encode prompts."""
    made = SequentialPipelineBlocks.from_blocks_dict({"text": EncodePrompt.bind(family)}).init_pipeline()
    made.update_components(**parts, **components)
    return made
