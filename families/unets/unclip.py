"""What is particular to Stable unCLIP (Stability AI 2023, after Ramesh et al. 2022, https://arxiv.org/abs/2204.06125): a UNet that is told a noisy vector."""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.vocabulary import NoisedVectors
from ...state.written_constants import note_constant
from ..contract import ConditioningField, RoleComponent
from ..stable_diffusion import SD, StableDiffusionContract
from ..unet import HIDDEN
from .kandinsky22 import KANDINSKY22_PRIOR


@frozen
class UnClipContract(StableDiffusionContract):
    """A UNet of Stable Diffusion 2 that is told the vector of an image as a class, with some noise on it, and how much."""

    def denoiser_fault(self, denoiser: Any) -> str | None:
        """Say that a UNet is told no vector."""
        if denoiser.config.class_embed_type == "projection":
            return super().denoiser_fault(denoiser)
        return (
            f"has class_embed_type={denoiser.config.class_embed_type!r}, and is told no vector of an image: it is the UNet of another family, "
            "such as stable-diffusion."
        )


_VECTOR = ConditioningField(
    "noised_image_embeds", "negative_noised_image_embeds", NoisedVectors, argument="class_labels"
)

UNCLIP = UnClipContract(
    name="stable-unclip",
    prefix="StableUnCLIP",
    roles={
        **{name: parts for name, parts in SD.roles.items() if name not in ("controlnet", "adapter")},
        "image_noising_scheduler": (RoleComponent("image_noising_scheduler", "diffusers:DDPMScheduler"),),
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": 10.0}),),
    },
    groups={
        "denoiser_input_fields": (HIDDEN, _VECTOR),
        "prompt_embeds": (HIDDEN,),
        "prompts": SD.groups["prompts"],
        "image_vectors": (_VECTOR,),
    },
    text_encodings=SD.text_encodings,
    zeros_for_empty_prompt=False,
    attention_argument=SD.attention_argument,
    lora_loader=SD.lora_loader,
    accepts=SD.accepts,
    advice=SD.advice,
    defaults={"num_inference_steps": 20},
    classic_pipeline="StableUnCLIPPipeline",
)
"""The contract of the UNet."""

UNCLIP_PRIOR = evolve(
    KANDINSKY22_PRIOR,
    name="stable-unclip-prior",
    prefix="StableUnCLIPPrior",
    roles={
        **KANDINSKY22_PRIOR.roles,
        "scheduler": (RoleComponent("scheduler", "diffusers:DDPMScheduler"),),
    },
    advice={"scheduler": "DDPMScheduler fits, with prediction_type='sample'."},
    classic_pipeline="",
)
"""The contract of the prior, which makes vectors of images of a text."""

for _name in ("UNCLIP", "UNCLIP_PRIOR"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
