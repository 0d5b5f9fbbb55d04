"""What inpainting adds: the mask, what denoisers read of it, and blending the known area in after every step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...families.contract import Autoencoder, Scheduler
from ...families.noise_schedule import with_noise
from ...state import Outputs
from ...state.user_warnings import user_warning
from ...state.vocabulary import (
    BatchSize,
    CropRegion,
    DType,
    Height,
    ImageLatents,
    Images,
    ImagesPerPrompt,
    InputImage,
    Latents,
    Mask,
    MaskBlur,
    MaskedLatents,
    MaskImage,
    MaskPixels,
    Noise,
    ScaledLatents,
    StepIndex,
    Timesteps,
    Width,
)
from ..core.block import Block
from ..core.sequential import SequentialPipelineBlocks
from ..core.slots import component
from .control import PredictControlled
from .decode import Decode
from .denoise import Denoise, ScaleLatents, StepScheduler
from .encode_inpaint import MASK_CONFIG, NOTHING_WHITE, blurred, cropped, mask_of, sized_as
from .given_image import given_image, image_faults, stretched
from .predict_noise import PredictNoise
from .prepare_image_latents import repeat_to_batch

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor
    from torch import Tensor


class PrepareMask(Block):
    """Bring the mask to the size of the latents."""

    vae: Autoencoder = component(config_only=True)
    mask_processor: VaeImageProcessor = component(config=MASK_CONFIG, doc="From PIL images and arrays to 0 and 1.")

    class Out(Outputs):
        mask: Mask
        mask_pixels: MaskPixels

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no mask."""
        yield from image_faults(given, mask_image="mask")

    def run(
        self,
        mask_image: MaskImage,
        height: Height,
        width: Width,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        mask_blur: MaskBlur | None = None,
        crop_region: CropRegion | None = None,
        image: InputImage | None = None,
    ) -> Out:
        from torch.nn import functional as F

        # Where only the surroundings of the mask are worked on, they are counted in the pixels of the image.
        over = None if crop_region is None or image is None else given_image(image, "image")
        mask_given = mask_of(mask_image)
        if (said := stretched(mask_given, "mask_image", getattr(over, "size", (width, height)))) is not None:
            self.warn(said)
        softened = blurred(self.mask_processor, sized_as(mask_given, over), mask_blur)
        pixels = self.mask_processor.preprocess(softened, height, width, **cropped(crop_region))
        if not pixels.any():
            user_warning(f"{NOTHING_WHITE}: the image comes back as it was given.")
        factor = self.family.vae_scale_factor(self.vae)
        mask = F.interpolate(pixels, size=(height // factor, width // factor)).to(self.device, dtype)
        return self.Out(mask=repeat_to_batch(mask, batch_size, num_images_per_prompt), mask_pixels=pixels)


class AddMaskChannels(Block):
    """Put mask and masked image beside the latents, for denoisers that read them."""

    class Out(Outputs):
        scaled_latents: ScaledLatents

    def run(self, scaled_latents: ScaledLatents, mask: Mask, masked_image_latents: MaskedLatents | None) -> Out:
        if masked_image_latents is None:
            return self.Out(scaled_latents=scaled_latents)
        import torch

        return self.Out(scaled_latents=torch.cat([scaled_latents, mask, masked_image_latents], dim=1))


class ScaleAndMask(SequentialPipelineBlocks):
    """Scale the latents, and put beside them what the denoiser reads of the mask."""

    block_classes = [ScaleLatents, AddMaskChannels]
    block_names = ["scale", "mask"]


class BlendKnown(Block):
    """Put the given image, with the noise of the next step, back where the mask is black.

    Denoisers that read the masked image know what lies there; what they make is left alone.
    """

    scheduler: Scheduler = component(mutates=True)

    class Out(Outputs):
        latents: Latents

    def run(
        self,
        latents: Latents,
        mask: Mask,
        noise: Noise,
        image_latents: ImageLatents,
        timesteps: Timesteps,
        i: StepIndex,
        masked_image_latents: MaskedLatents | None = None,
    ) -> Out:
        if masked_image_latents is not None:
            return self.Out(latents=latents)
        # The noise of the next step, because the latents have been brought there.
        known = known_at(self.scheduler, image_latents, noise, timesteps, i + 1)
        return self.Out(latents=(1 - mask) * known + mask * latents)


def known_at(scheduler: Scheduler, images: Tensor, noise: Tensor, timesteps: Tensor, step: int) -> Tensor:
    """Return latents of given images `[b c h w]` with the noise that they have before a step; without any behind the last."""
    return with_noise(scheduler, images, noise, timesteps[step : step + 1]) if step < len(timesteps) else images


class OverlayOriginal(Block):
    """Put what was drawn back into the whole image, where only the masked area was worked on."""

    image_processor: VaeImageProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")

    class Out(Outputs):
        images: Images

    def run(
        self,
        images: Images,
        image: InputImage,
        mask_image: MaskImage,
        mask_blur: MaskBlur | None = None,
        crop_region: CropRegion | None = None,
    ) -> Out:
        if crop_region is None:
            return self.Out(images=images)
        given = given_image(image, "image")
        softened = blurred(self.image_processor, mask_of(mask_image, given), mask_blur)
        whole = [self.image_processor.apply_overlay(softened, given, each, crop_region) for each in images]
        return self.Out(images=whole)


class DecodeInpaint(SequentialPipelineBlocks):
    """Turn latents into images, and put them back into the whole where only the masked area was worked on."""

    block_classes = [Decode, OverlayOriginal]
    block_names = ["decode", "overlay"]


class StepAndBlend(SequentialPipelineBlocks):
    """Take one step of the solver, then put the known area back."""

    block_classes = [StepScheduler, BlendKnown]
    block_names = ["step", "blend"]


class ControlledInpaintDenoise(Denoise):
    """Denoise the masked area, steered by ControlNets."""

    block_classes = [ScaleAndMask, PredictControlled, StepAndBlend]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]


class InpaintDenoise(Denoise):
    """Denoise the masked area, step by step."""

    block_classes = [ScaleAndMask, PredictNoise, StepAndBlend]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]
