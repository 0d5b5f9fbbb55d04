"""What is particular to Stable Video Diffusion (Blattmann et al. 2023, https://arxiv.org/abs/2311.15127)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import evolve, frozen

from ...guiders import FrameScaledGuidance
from ...registry import families
from ...state.vocabulary import ImageBeside, MotionIds
from ...state.written_constants import note_constant
from ..contract import ConditioningField, FamilyContract, RoleComponent
from ..layers import Layer
from ..unet import BESIDE, HIDDEN, middle_of_unet, unet_layers

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser


@frozen
class StableVideoContract(FamilyContract):
    """A UNet of frames before channels that sees an image in the place of a text and beside each frame, and a VAE that decodes frames together."""

    medium: ClassVar[Literal["image", "video"]] = "video"
    frame_rate: ClassVar[float] = 7.0
    frames_first: ClassVar[bool] = True
    decodes_frames: ClassVar[Literal["as a video", "alone", "together"]] = "together"

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the UNet with frames before channels, and the image behind the channels of each."""
        import torch

        told = {name: value for name, value in kwargs.items() if name != BESIDE}
        beside = kwargs[BESIDE][:, :, None].expand(-1, -1, latents.shape[2], -1, -1)
        given = torch.cat([latents, beside], dim=1).transpose(1, 2).contiguous()
        return super().predict(denoiser, given, t, told).transpose(1, 2)

    def latent_channels(self, denoiser: Denoiser, vae: Autoencoder) -> int:  # noqa: ARG002 - it reads an image beside
        """Return the VAE's."""
        return self.vae_channels(vae)

    def default_frames(self, denoiser: Denoiser) -> int:
        """Return what the UNet says."""
        return int(denoiser.config.num_frames)

    def temporal_factor(self, vae: Autoencoder) -> int:  # noqa: ARG002 - every frame has latents of its own
        """Return one."""
        return 1

    def decode_arguments(self, vae: Autoencoder, latents: Tensor) -> dict[str, Any]:  # noqa: ARG002 - others read the VAE
        """Return how many frames see each other."""
        return {"num_frames": len(latents)}

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Return latents times 1 over the scale, which rounds otherwise than a division."""
        unscaled: Tensor = 1 / vae.config.scaling_factor * latents
        return unscaled

    def read_channels(self, denoiser: Denoiser) -> int:
        """Return those of latents, and as many of the image."""
        return int(denoiser.config.in_channels)

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the blocks that look at one frame each."""
        return unet_layers(denoiser)

    def recommended_layers(self, denoiser: Denoiser, layers: Sequence[Layer]) -> list[int]:
        """Return the layers of the middle block, where that sees enough."""
        return middle_of_unet(denoiser, layers)

    def embedding_widths(self, denoiser: Denoiser) -> dict[str, int]:
        """Return the width of what it sees."""
        width = denoiser.config.cross_attention_dim
        return {"hidden": width if isinstance(width, int) else width[0]}


_SEEN = evolve(HIDDEN, source="")
# Whoever leaves out the image leaves out both: what is seen of it, and what lies beside.
_BESIDE = ConditioningField("image_beside", "negative_image_beside", ImageBeside, argument=BESIDE)
_MOTION = ConditioningField(
    "motion_ids", "negative_motion_ids", MotionIds, argument="added_time_ids", shared=True, kind="motion"
)

SVD = StableVideoContract(
    name="stable-video-diffusion",
    prefix="SVD",
    roles={
        "denoiser": (RoleComponent("unet", "diffusers:UNetSpatioTemporalConditionModel"),),
        "vae": (RoleComponent("vae", "diffusers:AutoencoderKLTemporalDecoder"),),
        "scheduler": (RoleComponent("scheduler", "diffusers:EulerDiscreteScheduler"),),
        "guider": (
            RoleComponent("guider", FrameScaledGuidance, config={"guidance_scale": 3.0, "first_frame_scale": 1.0}),
        ),
    },
    groups={
        "denoiser_input_fields": (_SEEN, _BESIDE, _MOTION),
        "prompt_embeds": (_SEEN,),
        "image_beside": (_BESIDE,),
        "motion": (_MOTION,),
    },
    defaults={"height": 576, "width": 1024, "num_inference_steps": 25},
    advice={
        "scheduler": "EulerDiscreteScheduler fits, with prediction_type='v_prediction' and timestep_type='continuous'."
    },
    classic_pipeline="StableVideoDiffusionPipeline",
)
"""The contract of Stable Video Diffusion."""

families.register(SVD.name, f"{__name__}:SVD")
note_constant(SVD, f"{__name__}.SVD")
