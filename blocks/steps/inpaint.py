"""What inpainting adds: the mask, what denoisers read of it, and blending the known area in after every step."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...families.contract import Autoencoder, Denoiser, Scheduler
from ...state import InputError, Outputs
from ...state.vocabulary import (
    BatchSize,
    CropRegion,
    DType,
    Generators,
    Height,
    ImageLatents,
    ImagePixels,
    Images,
    ImagesPerPrompt,
    InputImage,
    Latents,
    Mask,
    MaskBlur,
    MaskedLatents,
    MaskImage,
    MaskPadding,
    MaskPixels,
    Noise,
    ScaledLatents,
    StepIndex,
    Strength,
    Timesteps,
    Width,
)
from ..core.block import Block
from ..core.sequential import SequentialPipelineBlocks
from ..core.slots import component
from .control import PredictControlled
from .decode import VAE_ADVICE, Decode
from .denoise import Denoise, ScaleLatents, StepScheduler
from .encode_image import encoded
from .given_image import Purpose, given_image, image_faults, is_latents
from .predict_noise import PredictNoise
from .prepare_image_latents import repeat_to_batch
from .prepare_latents import draw_noise

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor


# Binarized, as diffusers' inpainting pipelines have it.
MASK_CONFIG = {"vae_scale_factor": 8, "do_normalize": False, "do_binarize": True, "do_convert_grayscale": True}


def reads_masked(denoiser: Denoiser, vae: Autoencoder) -> bool:
    """Return whether a denoiser reads mask and masked image beside the latents (9 channels in place of 4)."""
    return bool(denoiser.config.in_channels == 2 * vae.config.latent_channels + 1)


class EncodeInpaintImage(Block):
    """Encode the images whose masked area is drawn anew; with a margin, only what lies around the mask."""

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between images and latents.")
    denoiser: Denoiser = component(config_only=True)
    image_processor: VaeImageProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")
    mask_processor: VaeImageProcessor = component(config=MASK_CONFIG, doc="From PIL images and arrays to 0 and 1.")

    class Out(Outputs):
        image_latents: ImageLatents
        image_pixels: ImagePixels | None
        crop_region: CropRegion | None

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """A margin around the mask needs one image that can be put together again, and a mask with something in it."""
        wrong = list(image_faults(given, image="image", mask_image="mask"))
        yield from wrong
        if given.get("padding_mask_crop") is None or wrong:
            return
        images = {
            name: given_image(given[name], name, purpose) for name, purpose in _PURPOSES if given.get(name) is not None
        }
        odd = [name for name, image in images.items() if not hasattr(image, "getbbox")]
        if odd:
            yield f"padding_mask_crop works on PIL images, and {' and '.join(odd)} is another kind."
        elif "mask_image" in images and images["mask_image"].convert("L").getbbox() is None:
            yield f"{_NOTHING}, so padding_mask_crop has nothing to put a margin around."
        if given.get("output_type", "pil") != "pil":
            yield "padding_mask_crop puts the result into the image again: it needs output_type='pil'."

    def run(
        self,
        image: InputImage,
        mask_image: MaskImage,
        height: Height | None = None,
        width: Width | None = None,
        padding_mask_crop: MaskPadding | None = None,
        mask_blur: MaskBlur | None = None,
        strength: Strength | None = None,
        latents: Latents | None = None,
        generator: Generators | None = None,
    ) -> Out:
        default = self.family.default_size(self.denoiser, self.vae)
        height, width = height or default, width or default
        channels = self.vae.config.latent_channels
        given = given_image(image, "image", latent_channels=channels)
        region = None
        if padding_mask_crop is not None:
            softened = blurred(self.mask_processor, mask_of(mask_image, given), mask_blur)
            region = self.mask_processor.get_crop_region(softened, width, height, pad=padding_mask_crop)
        pixels = (
            given
            if is_latents(given, channels)
            else self.image_processor.preprocess(given, height, width, **_crop(region))
        )
        masked = reads_masked(self.denoiser, self.vae)
        # As the classic pipeline, which has no use for these latents then, and draws nothing for them.
        draws = not (masked and (strength == 1.0 or latents is not None))
        image_latents = encoded(self.family, self.vae, pixels, generator, self.device, draws)
        return self.Out(image_latents=image_latents, image_pixels=pixels if masked else None, crop_region=region)


_PURPOSES: tuple[tuple[str, Purpose], ...] = (("image", "image"), ("mask_image", "mask"))
_NOTHING = "mask_image is black everywhere, and only what is white is drawn anew"


def mask_of(mask: MaskImage, image: Any = None) -> Any:
    """Return a mask as the processors understand it.

    Args:
        image: a PIL image, whose size a mask gets that is to be laid over it.
    """
    made = given_image(mask, "mask_image", "mask")
    if hasattr(image, "getbbox") and hasattr(made, "getbbox") and made.size != image.size:
        return made.resize(image.size)
    return made


def blurred(processor: VaeImageProcessor, mask: Any, by: int | None) -> Any:
    """Return a mask with a soft edge; masks of floating-point numbers are taken as they are."""
    if not by:
        return mask
    if isinstance(mask, list):
        return [blurred(processor, each, by) for each in mask]
    if not hasattr(mask, "filter"):
        return mask
    # Black and white alone has no edge to soften.
    return processor.blur(mask.convert("L") if mask.mode == "1" else mask, by)


def _crop(region: object) -> dict[str, Any]:
    """Return how the image processors are told of a region."""
    return {"resize_mode": "default" if region is None else "fill", "crops_coords": region}


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
        softened = blurred(self.mask_processor, mask_of(mask_image, over), mask_blur)
        pixels = self.mask_processor.preprocess(softened, height, width, **_crop(crop_region))
        if not pixels.any():
            warnings.warn(f"{_NOTHING}: the image comes back as it was given.", UserWarning, stacklevel=2)
        factor = self.family.vae_scale_factor(self.vae)
        mask = F.interpolate(pixels, size=(height // factor, width // factor)).to(self.device, dtype)
        return self.Out(mask=repeat_to_batch(mask, batch_size, num_images_per_prompt), mask_pixels=pixels)


class EncodeMaskedImage(Block):
    """Encode the images with the masked area grey, for denoisers that read that.

    For others the random generator moves on as far, as in the classic pipeline, so that later draws of a solver are the same.
    """

    vae: Autoencoder = component(doc="Between images and latents.")
    denoiser: Denoiser = component(config_only=True)

    class Out(Outputs):
        masked_image_latents: MaskedLatents | None

    def run(
        self,
        image_latents: ImageLatents,
        mask_pixels: MaskPixels,
        batch_size: BatchSize,
        dtype: DType,
        image_pixels: ImagePixels | None = None,
        masked_image_latents: MaskedLatents | None = None,
        num_images_per_prompt: ImagesPerPrompt = 1,
        generator: Generators | None = None,
    ) -> Out:
        vae = self.vae
        if image_pixels is None:
            if masked_image_latents is None:
                # The classic pipeline encodes the masked image in every case, and its posterior takes as many
                # numbers.
                draw_noise(tuple(image_latents.shape), generator, self.device, image_latents.dtype)
            return self.Out(masked_image_latents=None)
        if masked_image_latents is None:
            if image_pixels.shape[1] == vae.config.latent_channels:
                raise InputError("image is latents, which cannot be masked; give masked_image_latents, too.")
            # Grey is 0 in pixels of -1..1; the models were trained with the hole in it.
            masked = image_pixels * (mask_pixels < 0.5)
            masked_image_latents = encoded(self.family, vae, masked.to(dtype), generator, self.device)
        rows = repeat_to_batch(masked_image_latents.to(self.device, dtype), batch_size, num_images_per_prompt)
        return self.Out(masked_image_latents=rows)


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
        scheduler = self.scheduler
        known = image_latents
        if i < len(timesteps) - 1:
            # The noise of the next step, because the latents have been brought there; after the last step there is
            # none.
            known = scheduler.add_noise(known, noise, timesteps[i + 1 : i + 2])
        return self.Out(latents=(1 - mask) * known + mask * latents)


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
