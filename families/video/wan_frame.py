"""Images by the video model Wan 2.1: a video of one frame, whose latents are those of an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import fields, frozen

from ...registry import families
from ...state.written_constants import note_constant
from .wan import WAN, WanContract

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Denoiser


@frozen
class FrameContract(WanContract):
    """The transformer and the VAE of Wan, given one frame: latents are `[b c h w]`, and all tasks of images work on them."""

    medium: ClassVar[Literal["image", "video"]] = "image"

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the transformer with videos of one frame."""
        return super().predict(denoiser, latents.unsqueeze(2), t, kwargs).squeeze(2)


WAN_FRAME = FrameContract(
    **{
        **{each.name: getattr(WAN, each.name) for each in fields(WanContract) if each.init},
        "name": "wan-frame",
        "prefix": "WanFrame",
        "video_vae": True,
        "defaults": {
            # Images that are given keep their own sizes.
            "PrepareLatents.height": 480,
            "PrepareLatents.width": 832,
            "SetPartialTimesteps.strength": 0.8,
            "SetInpaintTimesteps.strength": 0.8,
        },
        "classic_pipeline": "",
        "modular_pipeline": "",
        "modular_blocks": "",
    }
)
"""The contract of Wan 2.1 where it draws images."""

families.register(WAN_FRAME.name, f"{__name__}:WAN_FRAME")
note_constant(WAN_FRAME, f"{__name__}.WAN_FRAME")
