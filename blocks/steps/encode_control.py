"""Control images for ControlNets that read them as latents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ...families.contract import Autoencoder
from ...families.controlnet import nets_of
from ...families.joint_control import reads_mask
from ...families.transformer_control import reads_pixels
from ...state import InputError, Outputs
from ...state.vocabulary import (
    BatchSize,
    ControlEnd,
    ControlImage,
    ControlImages,
    ControlKeep,
    ControlMask,
    ControlMode,
    ControlScale,
    ControlScales,
    ControlStart,
    ControlTypes,
    DType,
    Generators,
    Height,
    ImagesPerPrompt,
    ScheduledSteps,
    StepCount,
    Width,
)
from ..core.slots import component
from .control import ControlAsked, PrepareControl
from .decode import VAE_ADVICE
from .encode_image import channels_of, encoded
from .encode_inpaint import MASK_CONFIG, mask_of
from .given_image import image_faults, is_latents
from .prepare_image_latents import repeat_to_batch

if TYPE_CHECKING:
    import torch
    from diffusers.image_processor import VaeImageProcessor
    from torch import Tensor


class EncodeControl(PrepareControl):
    """Encode the control images with the VAE, and say how much each counts at each step.

    Nets that have layers of their own for images (`conditioning_embedding_channels`) are given pixels.
    """

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between images and latents.")
    control_image_processor: VaeImageProcessor = component(
        config={"vae_scale_factor": 8}, doc="From PIL images, arrays."
    )

    class Out(Outputs):
        controlnet_cond: ControlImages
        conditioning_scale: ControlScales
        controlnet_keep: ControlKeep
        control_kinds: ControlTypes

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        control_image: ControlImage,
        batch_size: BatchSize,
        dtype: DType,
        num_inference_steps: StepCount,
        height: Height,
        width: Width,
        scheduled_steps: ScheduledSteps | None = None,
        num_images_per_prompt: ImagesPerPrompt = 1,
        controlnet_conditioning_scale: ControlScale | None = None,
        control_guidance_start: ControlStart = 0.0,
        control_guidance_end: ControlEnd = 1.0,
        control_mode: ControlMode | None = None,
        generator: Generators | None = None,
    ) -> Out:
        asked = ControlAsked(controlnet_conditioning_scale, control_guidance_start, control_guidance_end, control_mode)
        rows = (batch_size, num_images_per_prompt, dtype)
        steps = scheduled_steps or num_inference_steps
        return self.Out(**self.seen(control_image, asked, rows, steps, (height, width), generator))

    def seen(
        self,
        control_image: ControlImage,
        asked: ControlAsked,
        rows: tuple[int, int, torch.dtype],
        steps: int,
        size: tuple[int, int],
        generator: Generators | None,
        mask: Tensor | None = None,
    ) -> dict[str, Any]:
        """Return what the nets are given, by the names of outputs.

        Args:
            rows, steps: see `prepared`. mask: `[b 1 height width]`, for nets that read one.
        """
        made, *_ = self.prepared(control_image, asked, rows, steps, *size)
        nets = nets_of(self.controlnet)
        images = [made["controlnet_cond"]] if len(nets) == 1 else made["controlnet_cond"]
        latents = [self._seen(net, given, mask, generator) for net, given in zip(nets, images, strict=True)]
        made["controlnet_cond"] = latents[0] if len(nets) == 1 else latents
        return made

    def _seen(self, net: Any, given: Tensor | list[Tensor], mask: Tensor | None, generator: Any) -> Any:
        """Return what one net is given of its images: one, or one for each kind of control."""
        if isinstance(given, list):
            return [self._seen(net, each, mask, generator) for each in given]
        if reads_pixels(net):
            return given
        hidden = mask is not None and reads_mask(net)
        if hidden and is_latents(given, channels_of(self.vae)):
            raise InputError("control_image is latents, which cannot be masked; give the image itself.")
        # Black, and not grey as denoisers read it.
        shown = given.masked_fill(mask > 0.5, -1) if hidden else given
        family = self.family
        scaled = partial(family.scale_control, net, self.vae)
        latents = encoded(family, self.vae, shown, generator, self.device, family.draws_control, scaled)
        return beside_mask(latents, mask) if hidden else latents


def beside_mask(latents: Tensor, mask: Tensor) -> Tensor:
    """Put what is not masked, 1 and 0, behind the channels of latents."""
    import torch

    known = 1 - torch.nn.functional.interpolate(mask, size=latents.shape[-2:])
    return torch.cat([latents, known.to(latents)], dim=1)


class EncodeMaskedControl(EncodeControl):
    """Encode the control images with the VAE, for nets of which some read a mask beside the image, which is black there."""

    mask_processor: VaeImageProcessor = component(config=MASK_CONFIG, doc="From PIL images and arrays to 0 and 1.")

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image, or no mask."""
        yield from super().input_faults(given)
        yield from image_faults(given, control_mask="mask")

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say that a mask is missing, or that no net reads it."""
        yield from super().misfits(given)
        fault = self._mask_fault(given.get("control_mask"))
        if given.get("control_image") is not None and fault is not None:
            yield fault

    def _mask_fault(self, mask: object) -> str | None:
        reading = [net for net in nets_of(self.controlnet) if reads_mask(net)]
        if reading and mask is None:
            return "The ControlNet reads a mask beside its image (extra_conditioning_channels): give control_mask=..., white where the image is drawn anew."
        if mask is not None and not reading:
            return "control_mask is for ControlNets that read a mask beside their image, and this one reads none: leave it out."
        return None

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        control_image: ControlImage,
        batch_size: BatchSize,
        dtype: DType,
        num_inference_steps: StepCount,
        height: Height,
        width: Width,
        control_mask: ControlMask | None = None,
        scheduled_steps: ScheduledSteps | None = None,
        num_images_per_prompt: ImagesPerPrompt = 1,
        controlnet_conditioning_scale: ControlScale | None = None,
        control_guidance_start: ControlStart = 0.0,
        control_guidance_end: ControlEnd = 1.0,
        control_mode: ControlMode | None = None,
        generator: Generators | None = None,
    ) -> EncodeControl.Out:
        # Again: where components are loaded on demand, nobody could ask before the run.
        fault = self._mask_fault(control_mask)
        if fault is not None:
            raise InputError(fault)
        mask = None
        if control_mask is not None:
            pixels = self.mask_processor.preprocess(mask_of(control_mask), height=height, width=width)
            mask = repeat_to_batch(pixels, batch_size, num_images_per_prompt).to(self.device, dtype)
        asked = ControlAsked(controlnet_conditioning_scale, control_guidance_start, control_guidance_end, control_mode)
        rows = (batch_size, num_images_per_prompt, dtype)
        steps = scheduled_steps or num_inference_steps
        return self.Out(**self.seen(control_image, asked, rows, steps, (height, width), generator, mask))
