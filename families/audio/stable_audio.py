"""What is particular to Stable Audio Open (Evans et al. 2024, https://arxiv.org/abs/2407.14358)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...engine.network_calls import call_rows
from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.vocabulary import DurationEmbeds, NegativeSoundEmbeds, SoundEmbeds
from ...state.written_constants import note_constant
from ..contract import ConditioningField, RoleComponent, TextEncoding
from ..layers import Layer
from ..shared_fields import PROMPT
from ..spatial.masked_text import MASKED_TEXT
from .waveforms import WaveformContract

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Denoiser


@frozen
class StableAudioContract(WaveformContract):
    """A T5, a transformer that is told text and seconds, and an autoencoder of waveforms, whose latents are not scaled."""

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer with one timestep for all rows."""
        told = {"timestep": t.reshape(1), **kwargs, "return_dict": False}
        prediction: Tensor = call_rows(self.row_arguments, denoiser, latents, **told)[0]
        return prediction

    def static_kwargs(self, denoiser: Denoiser, latents: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - places hang on the length alone
        """Return cosine and sine of the places of latents, and of the one token of seconds before them."""
        from diffusers.models.embeddings import get_1d_rotary_pos_embed

        width = denoiser.config.attention_head_dim // 2
        found = get_1d_rotary_pos_embed(width, latents.shape[-1] + 1, use_real=True, repeat_interleave_real=False)
        return {"rotary_embedding": tuple(each.to(latents.device) for each in found)}

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the transformer's blocks."""
        return [Layer(f"transformer_blocks.{i}", block) for i, block in enumerate(denoiser.transformer_blocks)]


SOUND = (
    ConditioningField(
        "sound_embeds", "negative_sound_embeds", SoundEmbeds, NegativeSoundEmbeds, argument="encoder_hidden_states"
    ),
    ConditioningField(
        "duration_embeds",
        "negative_duration_embeds",
        DurationEmbeds,
        argument="global_hidden_states",
        shared=True,
        kind="duration",
    ),
)
"""What the denoiser is told: the text with begin and end behind it, and these two alone."""

STABLE_AUDIO = StableAudioContract(
    name="stable-audio",
    prefix="StableAudio",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:StableAudioDiTModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderOobleck"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:EDMDPMSolverMultistepScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 7.0}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:T5TokenizerFast", optional=True),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:T5EncoderModel", optional=True),),
        "embeds_readers": (),
    },
    groups={"denoiser_input_fields": SOUND, "sound": SOUND, "prompt_embeds": MASKED_TEXT, "prompts": (PROMPT,)},
    text_encodings=(TextEncoding(hidden_state=None, masked=True),),
    zeros_for_empty_prompt=True,
    defaults={"num_inference_steps": 100},
    classic_pipeline="StableAudioPipeline",
)
"""The contract of Stable Audio Open."""

families.register(STABLE_AUDIO.name, f"{__name__}:STABLE_AUDIO")
note_constant(STABLE_AUDIO, f"{__name__}.STABLE_AUDIO")
