"""What is particular to Stable Diffusion 3 and 3.5 (Esser et al. 2024, https://arxiv.org/abs/2403.03206)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ..guiders import ClassifierFreeGuidance
from ..registry import families
from ..state.vocabulary import (
    NegativePrompt,
    Prompt,
    SecondNegativePrompt,
    SecondPrompt,
    ThirdNegativePrompt,
    ThirdPrompt,
)
from ..state.written_constants import note_constant
from .contract import ConditioningField, Encoded, RoleComponent, TextEncoding
from .flow import TEXT_FIELDS, FlowContract, shift_of_tokens
from .text_encoding import joined_by_tokens

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Denoiser, Scheduler

_MOST_SHIFT = 1.16
"""As `pipeline_stable_diffusion_3.py` of diffusers 0.42.1 has it, where the scheduler's configuration says nothing."""


@frozen
class SD3Contract(FlowContract):
    """Two CLIPs and a T5, which may be absent; a transformer over text and image, told pooled text."""

    def joined_texts(
        self, encoded: Sequence[Encoded | None], denoiser: Denoiser | None, rows: int, tokens: int | None
    ) -> Mapping[str, Tensor | None]:
        """Join the CLIPs by width, and with the T5 by tokens."""
        return joined_by_tokens(encoded, denoiser, rows, tokens or self.max_sequence_length or 0)

    def schedule(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...] | None) -> dict[str, Any]:  # noqa: ARG002 - the scheduler's own
        """Return the shift for the number of tokens, two latents wide each, of schedulers that shift by it."""
        if shape is None:
            return {}
        return shift_of_tokens(scheduler, (shape[-2] // 2) * (shape[-1] // 2), _MOST_SHIFT)

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the widths of joined hidden states, and of the pooled vector."""
        return {"hidden": denoiser.config.joint_attention_dim, "pooled": denoiser.config.pooled_projection_dim}


_DENOISER = RoleComponent("transformer", "diffusers:SD3Transformer2DModel")
_CLIP = TextEncoding(pooled=True)

SD3 = SD3Contract(
    name="stable-diffusion-3",
    prefix="SD3",
    roles={
        "denoiser": (_DENOISER,),
        "embeds_readers": (evolve(_DENOISER, optional=True),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 7.0}),),
        "tokenizers": (
            RoleComponent("tokenizer", "transformers:CLIPTokenizer"),
            RoleComponent("tokenizer_2", "transformers:CLIPTokenizer"),
            RoleComponent("tokenizer_3", "transformers:T5TokenizerFast", optional=True),
        ),
        "text_encoders": (
            RoleComponent("text_encoder", "transformers:CLIPTextModelWithProjection"),
            RoleComponent("text_encoder_2", "transformers:CLIPTextModelWithProjection"),
            RoleComponent("text_encoder_3", "transformers:T5EncoderModel", optional=True),
        ),
    },
    groups={
        "denoiser_input_fields": TEXT_FIELDS,
        "prompt_embeds": TEXT_FIELDS,
        "prompts": (
            ConditioningField("prompt", "negative_prompt", Prompt, NegativePrompt),
            ConditioningField("prompt_2", "negative_prompt_2", SecondPrompt, SecondNegativePrompt, required=False),
            ConditioningField("prompt_3", "negative_prompt_3", ThirdPrompt, ThirdNegativePrompt, required=False),
        ),
    },
    text_encodings=(_CLIP, _CLIP, TextEncoding(hidden_state=None, tokens="asked", most=512)),
    max_sequence_length=256,
    size_multiple=16,
    zeros_for_empty_prompt=False,
    flow=True,
    schedule_reads_size=True,
    truncates_start=True,
    defaults={"num_inference_steps": 28, "strength": 0.6},
    attention_argument="joint_attention_kwargs",
    lora_loader="diffusers.loaders:SD3LoraLoaderMixin",
    accepts={"vae": ("AutoencoderKL", "AutoencoderTiny", "AsymmetricAutoencoderKL")},
    advice={
        "scheduler": "Schedulers of flow matching fit: FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler, and "
        "DPMSolverMultistepScheduler or UniPCMultistepScheduler with use_flow_sigmas=True and prediction_type='flow_prediction'."
    },
    classic_pipeline="StableDiffusion3Pipeline",
    modular_pipeline="StableDiffusion3ModularPipeline",
    modular_blocks="StableDiffusion3AutoBlocks",
)
"""The contract of Stable Diffusion 3 and 3.5."""

families.register(SD3.name, f"{__name__}:SD3")
note_constant(SD3, f"{__name__}.SD3")
