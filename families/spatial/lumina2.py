"""What is particular to Lumina-Image 2.0 (Qin et al. 2025, https://arxiv.org/abs/2503.21758)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...guiders import NormKeptGuidance
from ...registry import families
from ...state.written_constants import note_constant
from ..contract import RoleComponent, TextEncoding
from ..flow import FlowContract, shift_of_tokens
from ..layers import Layer
from ..shared_fields import PROMPT
from .masked_text import MASKED_TEXT

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Denoiser, Scheduler

INSTRUCTION = (
    "You are an assistant designed to generate superior images with the superior degree of image-text alignment based on textual prompts or "
    "user prompts. <Prompt Start> "
)
"""What stands before each prompt, as the model was trained (Alpha-VLLM/Lumina-Image-2.0, Apache-2.0); negative prompts stand alone."""


@frozen
class Lumina2Contract(FlowContract):
    """A Gemma; a transformer that is told how much of the noise is gone, and predicts the flow towards the image."""

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer with the share of noise that is gone; solvers go away from the image, so the sign is theirs."""
        return -super().predict(denoiser, latents, 1 - t / 1000, kwargs)

    def schedule(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...] | None) -> dict[str, Any]:
        """Return even sigmas down to 1/steps, and a shift."""
        import numpy as np

        sigmas = {} if scheduler.config.get("use_flow_sigmas") else {"sigmas": np.linspace(1.0, 1 / steps, steps)}
        # By the channels, which diffusers takes for the number of tokens (0.42.1, `image_seq_len = latents.shape[1]`).
        shift = {} if shape is None else shift_of_tokens(scheduler, shape[1])
        return {**sigmas, **shift}

    def tokens_of(self, latents: Tensor) -> Tensor:
        """Return rows of latents, `[b c*h w]`: the length that guidance keeps is that of a row, along the width."""
        return latents.flatten(1, 2)

    def latents_of(self, tokens: Tensor, like: Tensor) -> Tensor:
        """Return rows as latents."""
        return tokens.reshape(like.shape)

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the blocks that read text and image."""
        return [Layer(f"layers.{i}", block) for i, block in enumerate(denoiser.layers)]

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the width of captions."""
        return {"hidden": denoiser.config.cap_feat_dim}


LUMINA2 = Lumina2Contract(
    name="lumina2",
    prefix="Lumina2",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:Lumina2Transformer2DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (RoleComponent("guider", NormKeptGuidance, config={"guidance_scale": 4.0}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:GemmaTokenizerFast"),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:Gemma2Model"),),
    },
    groups={"denoiser_input_fields": MASKED_TEXT, "prompt_embeds": MASKED_TEXT, "prompts": (PROMPT,)},
    text_encodings=(
        TextEncoding(hidden_state=-2, tokens="asked", masked=True, instruction=INSTRUCTION, padding_side="right"),
    ),
    max_sequence_length=256,
    size_multiple=16,
    image_multiple=16,
    zeros_for_empty_prompt=False,
    flow=True,
    schedule_reads_size=True,
    defaults={"num_inference_steps": 30},
    attention_argument="attention_kwargs",
    lora_loader="diffusers.loaders:Lumina2LoraLoaderMixin",
    accepts={"vae": ("AutoencoderKL", "AutoencoderTiny")},
    classic_pipeline="Lumina2Pipeline",
)
"""The contract of Lumina-Image 2.0."""

families.register(LUMINA2.name, f"{__name__}:LUMINA2")
note_constant(LUMINA2, f"{__name__}.LUMINA2")
