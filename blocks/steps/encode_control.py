"""Control images for ControlNets that read them as latents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ...families.contract import Autoencoder
from ...families.controlnet import nets_of
from ...families.joint_control import reads_mask
from ...families.transformer_control import reads_pixels
from ...state import Fault, InputError, Outputs
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
    CropRegion,
    DType,
    Generators,
    Height,
    ImagesPerPrompt,
    InputImage,
    ScheduledSteps,
    StepCount,
    Width,
)
from ..core.slots import component
from .control import ControlAsked, PrepareControl
from .decode import VAE_ADVICE
from .encode_image import channels_of, encoded, refuse_other_size
from .encode_inpaint import MASK_CONFIG, cropped, mask_of, sized_as
from .given_image import given_image, image_faults, is_latents
from .inpaint_control import cut_control, uncut_faults
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

    def pixels_of(self, shown: Any, height: int | None, width: int | None) -> Tensor:
        """Return a control image in pixels, or latents of the same size as they are."""
        if not is_latents(shown, channels_of(self.family, self.vae)):
            return super().pixels_of(shown, height, width)
        refuse_other_size(self.family, self.vae, shown, height, width, "control_image")
        latents: Tensor = shown
        return latents

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
            if is_latents(given):
                raise InputError(
                    "control_image is latents, and the ControlNet reads pixels (conditioning_embedding_channels); give the image itself."
                )
            return given
        if mask is None or not reads_mask(net):
            return self._latents(net, given, generator)
        if is_latents(given, channels_of(self.family, self.vae)):
            raise InputError("control_image is latents, which cannot be masked; give the image itself.")
        # Black, and not grey as denoisers read it.
        return beside_mask(self._latents(net, given.masked_fill(mask > 0.5, -1), generator), mask)

    def _latents(self, net: Any, given: Tensor, generator: Any) -> Tensor:
        family = self.family
        scaled = partial(family.scale_control, net, self.vae)
        return encoded(family, self.vae, given, generator, self.device, family.draws_control, scaled)


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
            yield Fault(fault, "control_mask")

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
        size = height, width
        rows = (batch_size, num_images_per_prompt, dtype)
        given = None if control_mask is None else mask_of(control_mask)
        mask = self._mask_pixels(given, size, rows)
        asked = ControlAsked(controlnet_conditioning_scale, control_guidance_start, control_guidance_end, control_mode)
        steps = scheduled_steps or num_inference_steps
        return self.Out(**self.seen(control_image, asked, rows, steps, size, generator, mask))

    def _mask_pixels(
        self, given: Any, size: tuple[int, int], rows: tuple[int, int, torch.dtype], **cut: Any
    ) -> Tensor | None:
        """Return the mask for all images, `[b 1 height width]`; `cut` is the part of it that is worked on.

        Raises:
            InputError: it is missing, or no net reads it.
        """
        # Again: where components are loaded on demand, nobody could ask before the run.
        fault = self._mask_fault(given)
        if fault is not None:
            raise InputError(fault)
        if given is None:
            return None
        batch_size, each, dtype = rows
        pixels = self.mask_processor.preprocess(given, *size, **cut)
        return repeat_to_batch(pixels, batch_size, each).to(self.device, dtype)


class EncodeInpaintControl(EncodeMaskedControl):
    """Encode the control images of inpainting, which show what is worked on."""

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Only images can be cut as the mask is."""
        wrong = list(super().input_faults(given))
        yield from wrong or uncut_faults(given, "control_image", "control_mask")

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
        crop_region: CropRegion | None = None,
        image: InputImage | None = None,
        generator: Generators | None = None,
    ) -> EncodeControl.Out:
        size = height, width
        shown, mask = control_image, None if control_mask is None else mask_of(control_mask)
        if crop_region is not None:
            over = None if image is None else given_image(image, "image")
            shown = cut_control(self.control_image_processor, control_image, crop_region, over, size)
            mask = None if mask is None else sized_as(mask, over)
        rows = (batch_size, num_images_per_prompt, dtype)
        pixels = self._mask_pixels(mask, size, rows, **cropped(crop_region))
        asked = ControlAsked(controlnet_conditioning_scale, control_guidance_start, control_guidance_end, control_mode)
        steps = scheduled_steps or num_inference_steps
        return self.Out(**self.seen(shown, asked, rows, steps, size, generator, pixels))
