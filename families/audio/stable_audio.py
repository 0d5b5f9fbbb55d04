"""What is particular to Stable Audio Open (Evans et al. 2024, https://arxiv.org/abs/2407.14358)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import frozen

from ...engine.network_calls import call_rows
from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.vocabulary import DurationEmbeds, NegativeSoundEmbeds, SoundEmbeds
from ...state.written_constants import note_constant
from ..contract import ConditioningField, FamilyContract, RoleComponent, TextEncoding
from ..layers import Layer
from ..shared_fields import PROMPT
from ..spatial.masked_text import MASKED_TEXT

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser


@frozen
class StableAudioContract(FamilyContract):
    """A T5, a transformer that is told text and seconds, and an autoencoder of waveforms, whose latents are not scaled."""

    medium: ClassVar[Literal["image", "video", "audio"]] = "audio"

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

    def vae_scale_factor(self, vae: Autoencoder) -> int:
        """Return how many samples a latent is long."""
        return math.prod(vae.config.downsampling_ratios)

    def vae_channels(self, vae: Autoencoder) -> int:
        """Return those that the decoder reads."""
        return int(vae.config.decoder_input_channels)

    def scale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:  # noqa: ARG002 - they have one scale
        """Return them as they are."""
        return latents

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:  # noqa: ARG002 - as above
        """Return them as they are."""
        return latents

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the transformer's blocks."""
        return [Layer(f"transformer_blocks.{i}", block) for i, block in enumerate(denoiser.transformer_blocks)]

    def recommended_layers(self, denoiser: Denoiser, layers: Sequence[Layer]) -> list[int]:  # noqa: ARG002 - all are alike
        """Return the layer at a third of the way."""
        return [len(layers) // 3]


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
