"""What is particular to unconditional diffusion of pixels (Ho et al. 2020, https://arxiv.org/abs/2006.11239).

Its solver may be that of Song et al. 2020 (https://arxiv.org/abs/2010.02502), too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..guiders import ClassifierFreeGuidance
from ..registry import families
from ..state.written_constants import note_constant
from .contract import FamilyContract, RoleComponent
from .denoiser_limits import image_fault

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class PixelContract(FamilyContract):
    """A network on pixels, which are their own latents."""

    def vae_scale_factor(self, vae: Any) -> int:  # noqa: ARG002 - there is none
        """Return how many pixels a latent is wide: one."""
        return 1

    def latents_fault(self, denoiser: Any, latents: Tensor) -> str | None:
        """Say that images have channels or sides that the UNet does not take."""
        return image_fault(denoiser.config, latents.shape)


DDPM = PixelContract(
    name="ddpm",
    prefix="DDPM",
    roles={
        "denoiser": (RoleComponent("unet", "diffusers:UNet2DModel"),),
        "vae": (),
        "scheduler": (RoleComponent("scheduler", "diffusers:DDPMScheduler"),),
        # It is told nothing that could be left out for a second prediction.
        "guider": (RoleComponent("guider", ClassifierFreeGuidance, config={"enabled": False}),),
    },
    size_multiple=1,
    image_multiple=1,
    defaults={"num_inference_steps": 1000},
    classic_pipeline="DDPMPipeline",
)
"""The contract of unconditional diffusion of pixels."""

families.register(DDPM.name, f"{__name__}:DDPM")
note_constant(DDPM, f"{__name__}.DDPM")
