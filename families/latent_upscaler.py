"""What is particular to the x2 latent upscaler of Stable Diffusion (Katherine Crowson's, as diffusers has it).

Its UNet is preconditioned as in Karras et al. 2022 (https://arxiv.org/abs/2206.00364, table 1): what it says is scaled, and some of the
latents is added, to make the sample that it predicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..guiders import ClassifierFreeGuidance
from ..registry import families
from ..state import InputError
from ..state.vocabulary import ExtraChannels, PooledPromptEmbeds
from ..state.written_constants import note_constant
from .contract import ConditioningField, FamilyContract, RoleComponent, TextEncoding
from .denoiser_limits import halving_fault
from .stable_diffusion import SD, StableDiffusionContract
from .unet import BESIDE, HIDDEN, PRECONDITIONING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .layers import Layer
    from .roles import Denoiser

_POOLED = "@pooled"
_LEVELS = 64
"""Cosines and sines of the noise on the small image, which is always none: so many ones, and as many zeros."""


@frozen
class LatentUpscalerContract(StableDiffusionContract):
    """A UNet that is told the logarithm of the noise level, a vector of the text beside it, and small latents in further channels."""

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:  # noqa: ARG002 - the level counts
        """Return the sample: a part of the latents, and what the UNet says; its last channel, a variance, is left out."""
        import torch

        if PRECONDITIONING not in kwargs:
            raise InputError(
                f"The UNet of {self.name} is preconditioned, and the loop does not say how: use PreconditionedDenoise."
            )
        sigma, factor, plain = kwargs[PRECONDITIONING]
        told = {name: value for name, value in kwargs.items() if name not in (PRECONDITIONING, _POOLED)}
        found = super().predict(denoiser, latents, torch.log(sigma) * 0.25, told)[:, :-1]
        sample: Tensor = 1 / (sigma**2 + 1) * plain + factor * found
        return sample

    def static_kwargs(self, denoiser: Any, latents: Tensor, kwargs: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - others read them
        """Return the text's vector behind what says that there is no noise on the small image."""
        import torch

        pooled = kwargs[_POOLED]
        rows = len(pooled)
        return {
            "timestep_cond": torch.cat([pooled.new_ones(rows, _LEVELS), pooled.new_zeros(rows, _LEVELS), pooled], 1)
        }

    def conditioning_fault(self, denoiser: Denoiser, conditioning: Mapping[str, Any]) -> str | None:
        """Say that the UNet is told another vector beside the noise level, or reads other channels."""
        pooled, beside = conditioning["pooled_prompt_embeds"], conditioning["small_latents"]
        needed, given = 2 * _LEVELS + pooled.shape[-1], denoiser.config.time_cond_proj_dim
        if given != needed:
            return f"unet.config.time_cond_proj_dim is {given}, and the text encoder's vector makes {needed}; it is no latent upscaler."
        reads, channels = denoiser.config.in_channels, 2 * beside.shape[1]
        return (
            None
            if reads == channels
            else f"The UNet reads {reads} channels, and latents with small ones beside are {channels}."
        )

    def predicted_channels(self, denoiser: Denoiser) -> None:
        """Return None: `conditioning_fault` says it better, of all of its channels."""

    def latents_fault(self, denoiser: Denoiser, latents: Tensor) -> str | None:
        """Say that sides cannot be halved and doubled again: its stages round nothing, in contrast to those of other UNets."""
        what = "The latents, twice those of the image,"
        return halving_fault(what, latents.shape[-2:], len(denoiser.config.block_out_channels))

    def is_distilled(self, denoiser: Denoiser) -> bool:  # noqa: ARG002 - others read it
        """Return False: the vector that it is told is no strength of guidance."""
        return False

    def embedded_guidance(self, denoiser: Denoiser, scales: Sequence[float]) -> dict[str, Any]:
        """Refuse: it is told no strength."""
        return FamilyContract.embedded_guidance(self, denoiser, scales)

    def layers(self, denoiser: torch.nn.Module) -> list[Layer]:
        """Refuse: its blocks are of another kind."""
        return list(FamilyContract.layers(self, denoiser))

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the width of hidden states, and of the text's vector."""
        width = denoiser.config.time_cond_proj_dim
        return {**super().embedding_widths(denoiser), **({} if width is None else {"pooled": width - 2 * _LEVELS})}


_VECTOR = ConditioningField(
    "pooled_prompt_embeds", "negative_pooled_prompt_embeds", PooledPromptEmbeds, argument=_POOLED, source="pooled"
)
_SMALL = ConditioningField(
    "small_latents", "negative_small_latents", ExtraChannels, argument=BESIDE, kind="image", shared=True
)

SD_LATENT_UPSCALE = LatentUpscalerContract(
    name="stable-diffusion-latent-upscale",
    prefix="SDLatentUpscale",
    roles={
        **SD.roles,
        "scheduler": (RoleComponent("scheduler", "diffusers:EulerDiscreteScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 9.0}),),
    },
    groups={
        "denoiser_input_fields": (HIDDEN, _VECTOR, _SMALL),
        "small_image": (_SMALL,),
        "prompt_embeds": (HIDDEN, _VECTOR),
        "prompts": SD.groups["prompts"],
    },
    # Without the encoder's final norm.
    text_encodings=(TextEncoding(hidden_state=-1, pooled=True, pooled_name="pooler_output"),),
    zeros_for_empty_prompt=False,
    attention_argument=SD.attention_argument,
    accepts=SD.accepts,
    defaults={"num_inference_steps": 75},
    classic_pipeline="StableDiffusionLatentUpscalePipeline",
)
"""The contract of the x2 latent upscaler."""

families.register(SD_LATENT_UPSCALE.name, f"{__name__}:SD_LATENT_UPSCALE")
note_constant(SD_LATENT_UPSCALE, f"{__name__}.SD_LATENT_UPSCALE")
