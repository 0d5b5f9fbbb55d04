"""What inpainting makes of images and masks before it denoises: their pixels, and the latents of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...families.contract import Autoencoder, Denoiser, FamilyContract
from ...state import Fault, InputError, Outputs
from ...state.vocabulary import (
    BatchSize,
    CropRegion,
    DType,
    Generators,
    Height,
    ImageLatents,
    ImagePixels,
    ImagesPerPrompt,
    InputImage,
    Latents,
    MaskBlur,
    MaskedLatents,
    MaskImage,
    MaskPadding,
    MaskPixels,
    Strength,
    Width,
)
from ..core.block import Block
from ..core.slots import component
from .decode import VAE_ADVICE
from .encode_image import channels_of, drawing_dtype, encoded, refuse_other_size
from .given_image import Purpose, given_image, image_faults, is_latents, refuse_too_small
from .prepare_image_latents import repeat_to_batch
from .prepare_latents import draw_noise
from .resolve_size import sides_of

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor
    from torch import Tensor


# Binarized, as diffusers' inpainting pipelines have it.
MASK_CONFIG = {"vae_scale_factor": 8, "do_normalize": False, "do_binarize": True, "do_convert_grayscale": True}


def reads_masked(family: FamilyContract, denoiser: Denoiser, vae: Autoencoder | None) -> bool:
    """Return whether a denoiser reads mask and masked image beside the latents (9 channels in place of 4)."""
    channels = channels_of(family, vae)
    return channels is not None and bool(denoiser.config.in_channels == 2 * channels + 1)


class EncodeInpaintImage(Block):
    """Encode the images whose masked area is drawn anew; with a margin, only what lies around the mask."""

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between images and latents.")
    denoiser: Denoiser = component(config_only=True)
    image_processor: VaeImageProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")
    mask_processor: VaeImageProcessor = component(config=MASK_CONFIG, doc="From PIL images and arrays to 0 and 1.")

    class Out(Outputs):
        image_latents: ImageLatents
        image_pixels: ImagePixels
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
            text = f"padding_mask_crop works on PIL images, and {' and '.join(odd)} is another kind."
            yield Fault(text, "padding_mask_crop", *odd)
        elif "mask_image" in images and images["mask_image"].convert("L").getbbox() is None:
            text = f"{NOTHING_WHITE}, so padding_mask_crop has nothing to put a margin around."
            yield Fault(text, "mask_image", "padding_mask_crop")
        if given.get("output_type", "pil") != "pil":
            text = "padding_mask_crop puts the result into the image again: it needs output_type='pil'."
            yield Fault(text, "output_type", "padding_mask_crop")

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
        channels = channels_of(self.family, self.vae)
        given = given_image(image, "image", latent_channels=channels)
        if is_latents(given, channels):
            refuse_other_size(self.family, self.vae, given, height, width)
        height, width = self._size(given, height, width)
        region = None
        if padding_mask_crop is not None:
            softened = blurred(self.mask_processor, mask_of(mask_image, given), mask_blur)
            region = self.mask_processor.get_crop_region(softened, width, height, pad=padding_mask_crop)
        pixels = (
            given
            if is_latents(given, channels)
            else self.image_processor.preprocess(given, height, width, **cropped(region))
        )
        draws = self._draws(strength, latents)
        image_latents = encoded(self.family, self.vae, pixels, generator, self.device, draws)
        return self.Out(image_latents=image_latents, image_pixels=pixels, crop_region=region)

    def _draws(self, strength: float | None, latents: Tensor | None) -> bool:
        """As the classic pipeline, which has no use for these latents of a denoiser that reads them masked, and draws nothing for them."""
        return not (reads_masked(self.family, self.denoiser, self.vae) and (strength == 1.0 or latents is not None))

    def _size(self, given: Any, height: int | None, width: int | None) -> tuple[int, int]:  # noqa: ARG002 - another's
        """Where no size is given, it is the denoiser's."""
        sides = sides_of(self.family, self.denoiser, self.vae, height, width)
        return sides["height"], sides["width"]


class EncodeControlledInpaintImage(EncodeInpaintImage):
    """Encode the images whose masked area is drawn anew and steered; where no size is given, it is theirs, as in the classic pipeline."""

    def _size(self, given: Any, height: int | None, width: int | None) -> tuple[int, int]:
        if is_latents(given, channels_of(self.family, self.vae)):
            return super()._size(given, height, width)
        processor = self.image_processor
        if height is None or width is None:
            refuse_too_small(given, "image", processor.config.vae_scale_factor)
        rows, columns = processor.get_default_height_width(
            given[0] if isinstance(given, list) else given, height, width
        )
        return int(rows), int(columns)


class EncodeLikelyInpaintImage(EncodeInpaintImage):
    """Encode the images whose masked area is drawn anew to their most likely latents, for denoisers that read them as a reference, too."""

    def _draws(self, strength: float | None, latents: Tensor | None) -> bool:  # noqa: ARG002 - others read them
        return False


_PURPOSES: tuple[tuple[str, Purpose], ...] = (("image", "image"), ("mask_image", "mask"))
NOTHING_WHITE = "mask_image is black everywhere, and only what is white is drawn anew"


def mask_of(mask: MaskImage, image: Any = None, name: str = "mask_image") -> Any:
    """Return a mask as the processors understand it.

    Args:
        image: a PIL image, whose size a mask gets that is to be laid over it. name: of the input, for errors.
    """
    return sized_as(given_image(mask, name, "mask"), image)


def sized_as(made: Any, image: Any) -> Any:
    """Return a PIL image that is to be laid over another in its size."""
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


def cropped(region: object) -> dict[str, Any]:
    """Return how the image processors are told of a region."""
    return {"resize_mode": "default" if region is None else "fill", "crops_coords": region}


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
        mask_pixels: MaskPixels,
        image_pixels: ImagePixels,
        batch_size: BatchSize,
        dtype: DType,
        masked_image_latents: MaskedLatents | None = None,
        num_images_per_prompt: ImagesPerPrompt = 1,
        generator: Generators | None = None,
    ) -> Out:
        vae = self.vae
        is_known = is_latents(image_pixels, channels_of(self.family, vae))
        if not reads_masked(self.family, self.denoiser, vae):
            if vae is not None and masked_image_latents is None and not is_known:
                self._draw_as_if(max(len(image_pixels), len(mask_pixels)), image_pixels, generator)
            return self.Out(masked_image_latents=None)
        if masked_image_latents is None:
            if is_known:
                raise InputError("image is latents, which cannot be masked; give masked_image_latents, too.")
            # Grey is 0 in pixels of -1..1; the models were trained with the hole in it.
            masked = image_pixels * (mask_pixels < 0.5)
            masked_image_latents = encoded(self.family, vae, masked.to(dtype), generator, self.device)
        rows = repeat_to_batch(masked_image_latents.to(self.device, dtype), batch_size, num_images_per_prompt)
        return self.Out(masked_image_latents=rows)

    def _draw_as_if(self, rows: int, pixels: Tensor, generator: Generators | None) -> None:
        """Draw as many numbers as the posterior of masked images takes, which the classic pipeline encodes in every case."""
        _draw_posterior(self, rows, (pixels.shape[-2], pixels.shape[-1]), generator)


class DrawForMasked(Block):
    """Move the random generator on as far as the latents of masked images take.

    The classic pipeline with a control image encodes them before all else, and reads nothing of them.
    """

    vae: Autoencoder = component(doc="Between images and latents.")

    def run(
        self,
        image: InputImage,
        mask_image: MaskImage,
        height: Height,
        width: Width,
        generator: Generators | None = None,
    ) -> None:
        given = (given_image(image, "image", latent_channels=channels_of(self.family, self.vae)), mask_of(mask_image))
        rows = max(1 if hasattr(each, "getbbox") else len(each) for each in given)
        _draw_posterior(self, rows, (height, width), generator)


def _draw_posterior(
    block: EncodeMaskedImage | DrawForMasked, rows: int, size: tuple[int, int], generator: Generators | None
) -> None:
    """Draw what the posterior of images of a size in pixels takes: a row for each, or for each generator."""
    rows = len(generator) if isinstance(generator, (list, tuple)) else rows
    factor = block.family.vae_scale_factor(block.vae)
    shape = (rows, block.family.vae_channels(block.vae), size[0] // factor, size[1] // factor)
    draw_noise(shape, generator, block.device, drawing_dtype(block.family, block.vae))
