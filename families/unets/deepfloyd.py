"""What is particular to DeepFloyd IF (Stability AI 2023, https://github.com/deep-floyd/IF): pixels, told a text by a T5, in stages of more and more of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.written_constants import note_constant
from ..contract import FamilyContract, RoleComponent, TextEncoding
from ..denoiser_limits import halving_fault
from ..layers import Layer
from ..shared_fields import PROMPT
from ..spatial.masked_text import lowered
from ..unet import HIDDEN, SMALL_IMAGE, UNetContract

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser

_COLOURS = 3


@frozen
class DeepFloydContract(UNetContract):
    """A UNet over pixels, which says a variance beside what it predicts."""

    def vae_scale_factor(self, vae: Any) -> int:  # noqa: ARG002 - there is none
        """Return how many pixels a latent is wide: one."""
        return 1

    def latent_channels(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - it may read more
        """Return the number of colours."""
        return _COLOURS

    def predicts_variance(self, denoiser: Denoiser) -> bool:
        """Return whether it predicts more than colours."""
        return bool(denoiser.config.out_channels == 2 * _COLOURS)

    def latents_fault(self, denoiser: Any, latents: Tensor) -> str | None:
        """Say that images have sides that the UNet does not take."""
        return halving_fault("The images", latents.shape[-2:], len(denoiser.config.block_out_channels))

    def layers(self, denoiser: Any) -> list[Layer]:
        """Refuse: its attention is no block of a transformer."""
        return list(FamilyContract.layers(self, denoiser))


DEEPFLOYD = DeepFloydContract(
    name="deepfloyd-if",
    prefix="DeepFloyd",
    roles={
        "denoiser": (RoleComponent("unet", "diffusers:UNet2DConditionModel"),),
        "vae": (),
        "scheduler": (RoleComponent("scheduler", "diffusers:DDPMScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 7.0}),),
        "tokenizers": (RoleComponent("tokenizer", "transformers:T5Tokenizer", optional=True),),
        "text_encoders": (RoleComponent("text_encoder", "transformers:T5EncoderModel", optional=True),),
    },
    groups={"denoiser_input_fields": (HIDDEN,), "prompt_embeds": (HIDDEN,), "prompts": (PROMPT,)},
    text_encodings=(
        TextEncoding(hidden_state=None, tokens=77, negative_tokens="positive", masked=True, clean=lowered),
    ),
    zeros_for_empty_prompt=False,
    attention_argument="cross_attention_kwargs",
    lora_loader="diffusers.loaders:StableDiffusionLoraLoaderMixin",
    size_multiple=1,
    image_multiple=1,
    defaults={"num_inference_steps": 100, "SetPartialTimesteps.strength": 0.7, "SetInpaintTimesteps.strength": 1.0},
    advice={"scheduler": "DDPMScheduler fits, with variance_type='learned_range' and thresholding=True."},
    classic_pipeline="IFPipeline",
)
"""The contract of the first stage, which draws small images of a text."""

DEEPFLOYD_LARGE = evolve(
    DEEPFLOYD,
    name="deepfloyd-if-large",
    prefix="DeepFloydLarge",
    roles={
        **DEEPFLOYD.roles,
        "image_noising_scheduler": (RoleComponent("image_noising_scheduler", "diffusers:DDPMScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 4.0}),),
    },
    groups={**DEEPFLOYD.groups, "denoiser_input_fields": (HIDDEN, *SMALL_IMAGE), "small_image": SMALL_IMAGE},
    defaults={"num_inference_steps": 50},
    classic_pipeline="IFSuperResolutionPipeline",
)
"""The contract of the second stage, which reads a small image beside the pixels of a larger one."""

for _name in ("DEEPFLOYD", "DEEPFLOYD_LARGE"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
