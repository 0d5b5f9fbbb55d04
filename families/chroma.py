"""What is particular to Chroma (https://huggingface.co/lodestones/Chroma): FLUX.1 "schnell" without its guidance, which is told padding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..guiders import ClassifierFreeGuidance
from ..registry import families
from ..state.vocabulary import NegativePromptMask, PromptMask
from ..state.written_constants import note_constant
from .contract import ConditioningField, RoleComponent, TextEncoding
from .flow import STACKS, TEXT_FIELDS
from .packing import Packed2x2
from .shared_fields import PROMPT

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Denoiser


@frozen
class ChromaContract(Packed2x2):
    """A T5, and a transformer over text and image, in which padding after the first token of it is masked."""

    def static_kwargs(self, denoiser: Any, latents: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return places of tokens, and the mask with those of the image behind those of the text."""
        import torch

        found = super().static_kwargs(denoiser, latents, kwargs)
        text = kwargs["encoder_hidden_states"]
        # Numbers of the text's dtype, as in diffusers, whose attention adds them.
        mask = kwargs["attention_mask"].to(text.dtype)
        seen = mask.new_ones(len(mask), len(found["img_ids"]))
        return {**found, "attention_mask": torch.cat([mask, seen], dim=1)}

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return what the transformer projects."""
        return {"hidden": denoiser.config.joint_attention_dim}


_TEXT = (
    TEXT_FIELDS[0],
    ConditioningField(
        "prompt_attention_mask",
        "negative_prompt_attention_mask",
        PromptMask,
        NegativePromptMask,
        argument="attention_mask",
        source="mask",
    ),
)

CHROMA = ChromaContract(
    name="chroma",
    prefix="Chroma",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:ChromaTransformer2DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 5.0}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:T5TokenizerFast", optional=True),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:T5EncoderModel", optional=True),),
    },
    groups={"denoiser_input_fields": _TEXT, "prompt_embeds": _TEXT, "prompts": (PROMPT,)},
    text_encodings=(TextEncoding(hidden_state=None, tokens="asked", most=512, masked=True, counted_padding=1),),
    max_sequence_length=512,
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    attention_argument="joint_attention_kwargs",
    lora_loader="diffusers.loaders:FluxLoraLoaderMixin",
    accepts={"vae": ("AutoencoderKL", "AutoencoderTiny")},
    defaults={
        "num_inference_steps": 35,
        "SetSizedPartialTimesteps.strength": 0.9,
        "SetSizedInpaintTimesteps.strength": 0.6,
    },
    flow=True,
    joined=STACKS[1:],
    schedule_reads_size=True,
    truncates_start=True,
    classic_pipeline="ChromaPipeline",
)
"""The contract of Chroma."""

families.register(CHROMA.name, f"{__name__}:CHROMA")
note_constant(CHROMA, f"{__name__}.CHROMA")
