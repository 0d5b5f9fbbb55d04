"""What is particular to LTX-Video (HaCohen et al. 2024, https://arxiv.org/abs/2501.00103)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import frozen

from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.written_constants import note_constant
from ..contract import RoleComponent, TextEncoding
from ..flow import FlowContract, shift_of_tokens
from ..layers import Layer
from ..packing import KEPT, RATE
from ..shared_fields import KEPT_FRAMES, PROMPT, TOLD_FRAME_RATE
from ..spatial.latent_transformer import Float32Latents
from ..spatial.masked_text import MASK, MASKED_TEXT

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser, Scheduler

_FRAMES_OF_LATENT, _PIXELS_OF_LATENT = 8, 32
"""By which places of tokens are in seconds and pixels, as the transformer was trained."""


@frozen
class LTXContract(Float32Latents, FlowContract):
    """A T5, a transformer that reads each latent as a token, a VAE of 32 pixels and 8 frames per latent, which may be told a noise level."""

    medium: ClassVar[Literal["image", "video"]] = "video"
    frame_rate: ClassVar[float] = 25.0
    reads_shift: ClassVar[bool] = False
    unscales_first: ClassVar[bool] = True
    noises_decoding: ClassVar[bool] = True

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer in its own dtype, that of its text, with tokens; the prediction is in float32."""
        told = {name: value for name, value in kwargs.items() if name not in (KEPT, RATE)}
        told[MASK.argument] = kwargs[MASK.argument].bool()
        if KEPT in kwargs:
            times = self.times_of_frames(latents, t, kwargs[KEPT])
            told["timestep"] = times.repeat_interleave(latents.shape[-2] * latents.shape[-1], dim=1)
        tokens = self.tokens_of(latents).to(kwargs["encoder_hidden_states"].dtype)
        return self.latents_of(super().predict(denoiser, tokens, t, told).float(), latents)

    def static_kwargs(self, denoiser: Denoiser, latents: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - others read it
        """Return frames, rows and columns of tokens, and how long and large each is."""
        frames, height, width = latents.shape[-3:]
        rate = float(kwargs[RATE][0]) if RATE in kwargs else self.frame_rate
        sides = (_FRAMES_OF_LATENT / rate, _PIXELS_OF_LATENT, _PIXELS_OF_LATENT)
        return {"num_frames": frames, "height": height, "width": width, "rope_interpolation_scale": sides}

    def tokens_of(self, latents: Tensor) -> Tensor:
        """Return latents `[b c f h w]` as tokens `[b f*h*w c]`."""
        return latents.flatten(2).transpose(1, 2).contiguous()  # another layout rounds differently

    def latents_of(self, tokens: Tensor, like: Tensor) -> Tensor:
        """Return tokens as latents; the inverse of `tokens_of`."""
        return tokens.transpose(1, 2).reshape(like.shape)

    def schedule(self, scheduler: Scheduler, steps: int, shape: tuple[int, ...] | None) -> dict[str, Any]:
        """Return even sigmas down to 1/steps, and a shift by the number of tokens."""
        import numpy as np

        shift = {} if shape is None else shift_of_tokens(scheduler, shape[-3] * shape[-2] * shape[-1])
        return {"sigmas": np.linspace(1.0, 1 / steps, steps), **shift}

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the transformer's blocks, which give back the video."""
        return [Layer(f"transformer_blocks.{i}", block) for i, block in enumerate(denoiser.transformer_blocks)]

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the width of texts."""
        return {"hidden": denoiser.config.caption_channels}

    def vae_scale_factor(self, vae: Autoencoder) -> int:
        """Return the pixels of a patch, doubled by each stage that halves."""
        config = vae.config
        return int(config.spatial_compression_ratio or config.patch_size * 2 ** sum(config.spatio_temporal_scaling))

    def temporal_factor(self, vae: Autoencoder) -> int:
        """Return the frames of a patch, doubled by each stage that halves."""
        config = vae.config
        return int(config.temporal_compression_ratio or config.patch_size_t * 2 ** sum(config.spatio_temporal_scaling))

    def latent_channels(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - others read it
        """Return the VAE's."""
        return self.vae_channels(vae)

    def scale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Take mean and deviation of each channel away."""
        mean, deviation = self._statistics(vae, latents)
        scaled: Tensor = (latents - mean) * vae.config.scaling_factor / deviation
        return scaled

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Give each channel its deviation and mean."""
        mean, deviation = self._statistics(vae, latents)
        unscaled: Tensor = latents * deviation / vae.config.scaling_factor + mean
        return unscaled

    def decode_arguments(self, vae: Autoencoder, latents: Tensor) -> dict[str, Any]:
        """Return the noise level that some of its VAEs are told, which is none."""
        return {"temb": latents.new_zeros(len(latents)) if vae.config.timestep_conditioning else None}

    @staticmethod
    def _statistics(vae: Any, latents: Tensor) -> tuple[Tensor, Tensor]:
        shape = (1, -1, *[1] * (latents.ndim - 2))
        mean, deviation = (
            each.view(shape).to(latents.device, latents.dtype) for each in (vae.latents_mean, vae.latents_std)
        )
        return mean, deviation


LTX = LTXContract(
    name="ltx",
    prefix="LTX",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:LTXVideoTransformer3DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKLLTXVideo"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:FlowMatchEulerDiscreteScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 3.0}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:PreTrainedTokenizerBase", optional=True),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:T5EncoderModel", optional=True),),
    },
    groups={
        "denoiser_input_fields": (*MASKED_TEXT, KEPT_FRAMES, TOLD_FRAME_RATE),
        "prompt_embeds": MASKED_TEXT,
        "prompts": (PROMPT,),
        "kept_frames": (KEPT_FRAMES,),
        "frame_rate": (TOLD_FRAME_RATE,),
    },
    text_encodings=(TextEncoding(hidden_state=None, tokens="asked", hands_mask=True),),
    max_sequence_length=128,
    size_multiple=32,
    image_multiple=32,
    zeros_for_empty_prompt=False,
    flow=True,
    attention_argument="attention_kwargs",
    lora_loader="diffusers.loaders:LTXVideoLoraLoaderMixin",
    defaults={"height": 512, "width": 704, "num_frames": 161},
    classic_pipeline="LTXPipeline",
    modular_pipeline="LTXModularPipeline",
    modular_blocks="LTXAutoBlocks",
)
"""The contract of LTX-Video."""

families.register(LTX.name, f"{__name__}:LTX")
note_constant(LTX, f"{__name__}.LTX")
