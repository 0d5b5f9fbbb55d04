"""What is particular to AnimateDiff (Guo et al. 2023, https://arxiv.org/abs/2307.04725): motion modules in a UNet of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import frozen

from ...guiders import ClassifierFreeGuidance
from ...registry import families
from ...state.written_constants import note_constant
from ..contract import FamilyContract, RoleComponent
from ..layers import Layer
from ..sdxl import SDXL, SDXLContract
from ..stable_diffusion import SD, StableDiffusionContract
from ..unet import HIDDEN, unet_layers

if TYPE_CHECKING:
    from torch import Tensor

    from ..roles import Autoencoder, Denoiser


class MovingFrames(FamilyContract):
    """The part of a contract of UNets of images with motion modules, over a VAE of images: a frame is an image of a batch, and all see one text."""

    __slots__ = ()
    medium: ClassVar[Literal["image", "video"]] = "video"
    frames_first_of_videos: ClassVar[bool] = True
    draws_video: ClassVar[bool] = True
    encodes_float32: ClassVar[bool] = True
    decodes_frames: ClassVar[Literal["as a video", "alone", "together"]] = "alone"
    frames_at_once: ClassVar[int | None] = 16

    def predict(self, denoiser: Denoiser, latents: Tensor, t: Tensor, kwargs: Mapping[str, Any]) -> Tensor:
        """Call the UNet with the text once for each frame."""
        name = HIDDEN.argument
        told = {**kwargs, name: kwargs[name].repeat_interleave(latents.shape[2], dim=0)}
        return super().predict(denoiser, latents, t, told)

    def temporal_factor(self, vae: Autoencoder) -> int:  # noqa: ARG002 - every frame has latents of its own
        """Return one."""
        return 1

    def unscale_latents(self, vae: Autoencoder, latents: Tensor) -> Tensor:
        """Return latents times 1 over the scale, which rounds otherwise than a division."""
        unscaled: Tensor = 1 / vae.config.scaling_factor * latents
        return unscaled

    def latents_fault(self, denoiser: Denoiser, latents: Tensor) -> str | None:
        """Say that motion modules have no places for so many frames."""
        frames, most = latents.shape[2], denoiser.config.motion_max_seq_length
        if frames <= most:
            return None
        return f"The video has {frames} frames, and the motion modules have places for {most}: give num_frames={most} or less, or a shorter video."

    def layers(self, denoiser: Any) -> list[Layer]:
        """Return the transformer blocks that look at one frame each, without those of motion."""
        return [layer for layer in unet_layers(denoiser) if ".motion_modules." not in layer.path]


@frozen
class AnimateDiffContract(MovingFrames, StableDiffusionContract):
    """Stable Diffusion 1.5 with motion modules."""


@frozen
class AnimateDiffXLContract(MovingFrames, SDXLContract):
    """Stable Diffusion XL with motion modules."""

    encodes_float32: ClassVar[bool] = False


_UNET = (RoleComponent("unet", "diffusers:UNetMotionModel"),)
_ADVICE = (
    "a UNet of images gets motion modules from an adapter: "
    "brickwork.presets.animatediff.with_motion(unet, motion_adapter) makes a UNetMotionModel of both."
)
_FRAMES = {"num_frames": 16}
_STEERING = ("controlnet", "adapter")


def _roles(family: FamilyContract, guidance_scale: float) -> dict[str, tuple[RoleComponent, ...]]:
    guider = RoleComponent("guider", ClassifierFreeGuidance, config={"guidance_scale": guidance_scale})
    kept = {name: parts for name, parts in family.roles.items() if name not in _STEERING}
    return {**kept, "denoiser": _UNET, "guider": (guider,)}


def _shared(family: FamilyContract) -> dict[str, Any]:
    given = ("roles", "groups", "text_encodings", "zeros_for_empty_prompt", "attention_argument", "lora_loader")
    more = ("upcasts_vae", "ip_adapter_weights", "ip_adapter_names", "repeats_text")
    return {name: getattr(family, name) for name in (*given, *more)}


ANIMATEDIFF = AnimateDiffContract(
    **{**_shared(SD), "roles": _roles(SD, 7.5)},
    name="animatediff",
    prefix="AnimateDiff",
    accepts={"vae": SD.accepts["vae"]},
    advice={**SD.advice, "denoiser": _ADVICE},
    defaults={"SetPartialTimesteps.strength": 0.8, **_FRAMES},
    rows_independent=False,
    classic_pipeline="AnimateDiffPipeline",
)
"""The contract of Stable Diffusion 1.5 with motion modules."""

ANIMATEDIFF_XL = AnimateDiffXLContract(
    **{**_shared(SDXL), "roles": _roles(SDXL, 5.0)},
    name="animatediff-xl",
    prefix="AnimateDiffXL",
    accepts={"vae": SDXL.accepts["vae"]},
    advice={**SDXL.advice, "denoiser": _ADVICE},
    defaults=_FRAMES,
    rows_independent=False,
    classic_pipeline="AnimateDiffSDXLPipeline",
)
"""The contract of Stable Diffusion XL with motion modules."""

for _name in ("ANIMATEDIFF", "ANIMATEDIFF_XL"):
    families.register(globals()[_name].name, f"{__name__}:{_name}")
    note_constant(globals()[_name], f"{__name__}.{_name}")
