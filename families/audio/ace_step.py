"""What is particular to ACE-Step 1.5 (Gong et al. 2025, https://arxiv.org/abs/2506.00045, of version 1), which makes music with singing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...engine.network_calls import call_rows
from ...guiders import AdaptiveProjectedGuidance
from ...registry import families
from ...state.vocabulary import NegativeSongEmbeds, SongContext, SongEmbeds
from ...state.written_constants import note_constant
from ..contract import ConditioningField, RoleComponent, TextEncoding
from ..layers import Layer
from ..shared_fields import PROMPT
from .waveforms import WaveformContract

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser, Scheduler

_SHIFT = 3.0
"""Of the schedule that the turbo models were trained with, and others do well with; another one is said by `sigmas=`."""


@frozen
class AceStepContract(WaveformContract):
    """A language model for texts and the tokens of lyrics, a network that joins them with a timbre, and a transformer of sequences."""

    def schedule(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...] | None) -> dict[str, Any]:  # noqa: ARG002 - songs of every length have one
        """Return shifted sigmas: the scheduler itself has no shift, and tells times in 0..1."""
        import torch

        times = torch.linspace(1.0, 0.0, steps + 1, dtype=torch.float32)[:-1]
        return {"sigmas": (_SHIFT * times / (1 + (_SHIFT - 1) * times)).tolist()}

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer, whose sequences have their channels last; the second time is the same one where no step is skipped."""
        time = t.to(latents.dtype).expand(len(latents))
        told = {"timestep": time, "timestep_r": time, **kwargs, "return_dict": False}
        prediction: Tensor = call_rows(self.row_arguments, denoiser, latents.transpose(1, 2), **told)[0]
        return prediction.transpose(1, 2)

    def latent_channels(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - the denoiser says it
        """Return those of the sound alone."""
        return int(denoiser.config.audio_acoustic_hidden_dim)

    def predicted_channels(self, denoiser: Denoiser) -> int | None:
        """Return those of the sound."""
        return int(denoiser.config.audio_acoustic_hidden_dim)

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the transformer's layers."""
        return [Layer(f"layers.{i}", block) for i, block in enumerate(denoiser.layers)]


SONG = (
    ConditioningField(
        "song_embeds", "negative_song_embeds", SongEmbeds, NegativeSongEmbeds, argument="encoder_hidden_states"
    ),
    ConditioningField(
        "song_context",
        "negative_song_context",
        SongContext,
        argument="context_latents",
        shared=True,
        kind="context",
    ),
)
"""What the denoiser is told: text, lyrics and timbre in one sequence, and the sound beside the latents."""

ACE_STEP = AceStepContract(
    name="ace-step",
    prefix="AceStep",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:AceStepTransformer1DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderOobleck"),),
        "scheduler": (
            RoleComponent(
                "scheduler",
                "diffusers:FlowMatchEulerDiscreteScheduler",
                config={"num_train_timesteps": 1, "shift": 1.0},
            ),
        ),
        "guider": (
            RoleComponent(
                "guider",
                AdaptiveProjectedGuidance,
                # Of time alone, and from the conditional prediction, as in the classic pipeline, whose scale is one more.
                config={
                    "guidance_scale": 6.0,
                    "use_original_formulation": True,
                    "adaptive_projected_guidance_momentum": -0.75,
                    "adaptive_projected_guidance_rescale": 2.5,
                    "adaptive_projected_guidance_norm_dim": -1,
                    "eta": 0.0,
                },
            ),
        ),
        "tokenizers": (RoleComponent("tokenizer", "transformers:PreTrainedTokenizerBase"),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:Qwen3Model"),),
        "embeds_readers": (),
    },
    groups={"denoiser_input_fields": SONG, "sound": SONG, "prompts": (PROMPT,)},
    text_encodings=(TextEncoding(hidden_state=None, tokens="longest", most=256),),
    lora_loader="diffusers.loaders:AceStepLoraLoaderMixin",
    attention_argument="attention_kwargs",
    flow=True,
    # The transformer is not told which tokens of a batch of texts are padding.
    rows_independent=False,
    defaults={"num_inference_steps": 8},
    classic_pipeline="AceStepPipeline",
)
"""The contract of ACE-Step 1.5."""

families.register(ACE_STEP.name, f"{__name__}:ACE_STEP")
note_constant(ACE_STEP, f"{__name__}.ACE_STEP")
