"""What is particular to diffusion transformers that are told a class (Peebles and Xie 2022, https://arxiv.org/abs/2212.09748)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ..guiders import ClassifierFreeGuidance
from ..registry import families
from ..state.vocabulary import ClassIds, ClassLabels
from ..state.written_constants import note_constant
from .contract import ConditioningField, RoleComponent
from .spatial.latent_transformer import LatentTransformer

if TYPE_CHECKING:
    from torch import Tensor

    from .roles import Autoencoder


@frozen
class DiTContract(LatentTransformer):
    """A transformer that is told a class, and says a variance beside the noise."""

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Bring latents to the VAE's scale by the inverse, which rounds in another way than division."""
        scaled: Tensor = 1 / vae.config.scaling_factor * latents
        return scaled

    def latents_fault(self, denoiser: Any, latents: Tensor) -> str | None:  # noqa: ARG002 - none of them takes others
        """Say that latents are no square: the transformer puts its patches together as one, of any size."""
        height, width = latents.shape[-2:]
        if height == width:
            return None
        return f"The latents are {height}x{width} (height x width), and the transformer draws squares: give height= and width= that are the same, or a square image."


_LABELS = ConditioningField("class_ids", "negative_class_ids", ClassIds, argument="class_labels")

DIT = DiTContract(
    name="dit",
    prefix="DiT",
    roles={
        "denoiser": (RoleComponent("transformer", "diffusers:DiTTransformer2DModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKL"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:DDIMScheduler"),),
    },
    groups={
        "prompts": (ConditioningField("class_labels", "negative_class_labels", ClassLabels),),
        "labels": (_LABELS,),
        "denoiser_input_fields": (_LABELS,),
    },
    accepts={"vae": ("AutoencoderKL", "AutoencoderTiny", "AsymmetricAutoencoderKL")},
    classic_pipeline="DiTPipeline",
)
"""The contract of diffusion transformers that are told a class."""

_UNTOLD = evolve(_LABELS, kind="class")
DIT_VARIATION = evolve(
    DIT,
    name="dit-variation",
    prefix="DiTVariation",
    # All are told the class that stands for none, so nothing can be left out for a second prediction.
    roles={**DIT.roles, "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"enabled": False}),)},
    groups={"labels": (_UNTOLD,), "denoiser_input_fields": (_UNTOLD,)},
)
"""The contract of the same transformers where nobody says a class."""

for _name in ("DIT", "DIT_VARIATION"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
