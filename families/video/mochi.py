"""What is particular to Mochi 1 (Genmo 2024, https://github.com/genmoai/mochi)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import frozen

from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.written_constants import note_constant
from ..channel_statistics import statistics_of
from ..contract import RoleComponent, TextEncoding
from ..flow import FlowContract
from ..layers import Layer
from ..shared_fields import PROMPT
from ..spatial.masked_text import MASK, MASKED_TEXT

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser, Scheduler

_BOTH = ("hidden_states", "encoder_hidden_states")
_SLOW = 0.025
"""Where the sigmas, after half of the steps on a line, go on along a parabola."""


@frozen
class MochiContract(FlowContract):
    """A T5 with its mask, a transformer whose time runs from noise at 0 to the video, a VAE with numbers of each channel."""

    medium: ClassVar[Literal["image", "video"]] = "video"
    frame_rate: ClassVar[float] = 30.0
    predicts_float32: ClassVar[bool] = True
    draws_float32: ClassVar[bool] = True
    reads_shift: ClassVar[bool] = False
    unscales_first: ClassVar[bool] = True

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer with the timestep in the dtype of the latents; the prediction is in float32."""
        told = {**kwargs, MASK.argument: kwargs[MASK.argument].bool()}
        return super().predict(denoiser, latents, t.to(latents.dtype), told).float()

    def schedule(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...] | None) -> dict[str, Any]:  # noqa: ARG002 - of any size
        """Return sigmas on a line, and from the middle on along a parabola."""
        import numpy as np
        from diffusers.pipelines.mochi.pipeline_mochi import linear_quadratic_schedule

        # One step has no half: diffusers divides by zero.
        return {"sigmas": np.array(linear_quadratic_schedule(steps, _SLOW) if steps > 1 else [1.0])}

    def vae_scale_factor(self, vae: Autoencoder) -> int:  # noqa: ARG002 - its configuration does not say
        """Return that of the one VAE."""
        return 8

    def temporal_factor(self, vae: Autoencoder) -> int:  # noqa: ARG002 - as above
        """Return that of the one VAE."""
        return 6

    def scale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Take mean and deviation of each channel away, of VAEs that have them."""
        config = vae.config
        if config.latents_mean is None or config.latents_std is None:
            return latents * float(config.scaling_factor)
        mean, deviation = statistics_of(config, latents)
        return (latents - mean) * float(config.scaling_factor) / deviation

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Give each channel its deviation and mean, of VAEs that have them."""
        config = vae.config
        if config.latents_mean is None or config.latents_std is None:
            return latents / float(config.scaling_factor)
        mean, deviation = statistics_of(config, latents)
        return latents * deviation / float(config.scaling_factor) + mean

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the blocks, which read text and video."""
        return [
            Layer(f"transformer_blocks.{i}", block, _BOTH, _BOTH) for i, block in enumerate(denoiser.transformer_blocks)
        ]

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the width of texts."""
        return {"hidden": denoiser.config.text_embed_dim}


MOCHI = MochiContract(
    name="mochi",
    prefix="Mochi",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:MochiTransformer3DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKLMochi"),),
        "scheduler": (
            RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler", config={"invert_sigmas": True}),
        ),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 4.5}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:PreTrainedTokenizerBase", optional=True),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:T5EncoderModel", optional=True),),
    },
    groups={"denoiser_input_fields": MASKED_TEXT, "prompt_embeds": MASKED_TEXT, "prompts": (PROMPT,)},
    text_encodings=(TextEncoding(hidden_state=None, tokens="asked", masked=True),),
    max_sequence_length=256,
    size_multiple=16,
    image_multiple=16,
    flow=True,
    attention_argument="attention_kwargs",
    lora_loader="diffusers.loaders:Mochi1LoraLoaderMixin",
    defaults={"num_inference_steps": 64, "height": 480, "width": 848, "num_frames": 19},
    classic_pipeline="MochiPipeline",
)
"""The contract of Mochi 1."""

families.register(MOCHI.name, f"{__name__}:MOCHI")
note_constant(MOCHI, f"{__name__}.MOCHI")
