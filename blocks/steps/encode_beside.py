"""Images that a denoiser reads beside its latents: in further channels, or in further tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from ...families.contract import Autoencoder, FamilyContract
from ...state import Conditioning, Group, InputError, Outputs
from ...state.vocabulary import (
    AutoResize,
    BatchSize,
    ControlImage,
    DType,
    Generators,
    Height,
    ImageLatents,
    ImagePixels,
    ImagesPerPrompt,
    InputImage,
    MaskPixels,
    ReferenceImage,
    Width,
)
from ..core.block import Block
from ..core.slots import component
from .decode import VAE_ADVICE
from .encode_image import encoded, refuse_other_size
from .given_image import given_image, image_faults, is_latents
from .prepare_image_latents import repeat_to_batch
from .resolve_size import reference_size

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor
    from torch import Tensor


class EncodeControlImage(Block):
    """Encode a control image with the VAE, for denoisers that read its latents in further channels: drawn from its posterior, or its most likely ones, as the
    family has it.
    """

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between images and latents.")
    image_processor: VaeImageProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")

    class Out(Outputs):
        beside: Annotated[Conditioning, Group("extra_channels")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, control_image="control")

    def run(
        self,
        control_image: ControlImage,
        height: Height,
        width: Width,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        generator: Generators | None = None,
    ) -> Out:
        channels = self.family.vae_channels(self.vae)
        given = given_image(control_image, "control_image", "control", channels)
        if is_latents(given, channels):
            refuse_other_size(self.family, self.vae, given, height, width, "control_image")
        else:
            given = self.image_processor.preprocess(given, height=height, width=width)
        # Repeated before it is encoded, as in the classic pipeline: the posterior is drawn for each image of the batch.
        rows = repeat_to_batch(given, batch_size, num_images_per_prompt).contiguous()
        draws = self.family.draws_control
        latents = encoded(self.family, self.vae, rows, generator if draws else None, self.device, draws=draws)
        return self.Out(beside=told(self.family, "extra_channels", latents.to(dtype)))


class EncodeMaskedChannels(Block):
    """Encode the images with the masked area grey, and put the whole mask after them, for denoisers that read both in further channels.

    Each latent has the pixels of the mask that lie in it as channels of its own, so no edge of the mask is rounded.
    """

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between images and latents.")

    class Out(Outputs):
        beside: Annotated[Conditioning, Group("extra_channels")]

    def run(
        self,
        mask_pixels: MaskPixels,
        image_pixels: ImagePixels,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        generator: Generators | None = None,
    ) -> Out:
        import torch

        if is_latents(image_pixels, self.family.vae_channels(self.vae)):
            raise InputError("image is latents, which cannot be masked; give the image itself.")
        masked = (image_pixels * (1 - mask_pixels)).to(dtype)
        latents = encoded(self.family, self.vae, masked, generator, self.device)
        inside = torch.nn.functional.pixel_unshuffle(mask_pixels, self.family.vae_scale_factor(self.vae))
        parts = [
            repeat_to_batch(part.to(self.device, dtype), batch_size, num_images_per_prompt)
            for part in (latents, inside)
        ]
        return self.Out(beside=told(self.family, "extra_channels", torch.cat(parts, dim=1)))


class EncodeReferenceTokens(Block):
    """Encode a reference image with the VAE, for denoisers that read its latents in further tokens; nothing where none is given."""

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between images and latents.")
    image_processor: VaeImageProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")

    class Out(Outputs):
        reference: Annotated[Conditioning, Group("reference")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image")

    def run(
        self,
        batch_size: BatchSize,
        dtype: DType,
        image: InputImage | None = None,
        auto_resize: AutoResize = True,
        num_images_per_prompt: ImagesPerPrompt = 1,
        generator: Generators | None = None,
    ) -> Out:
        if image is None:
            return self.Out(reference=Conditioning({}))
        latents = self._latents(image, "image", auto_resize, generator)
        rows = repeat_to_batch(latents.to(dtype), batch_size, num_images_per_prompt)
        return self.Out(reference=told(self.family, "reference", rows))

    def _latents(self, image: Any, name: str, auto_resize: bool, generator: Any = None) -> Tensor:
        """Return the most likely latents of a reference: nothing is drawn of it."""
        channels = self.family.vae_channels(self.vae)
        given = given_image(image, name, latent_channels=channels)
        if not is_latents(given, channels):
            height, width = reference_size(self.family, self.image_processor, given, auto_resize)
            given = self.image_processor.preprocess(given, height=height, width=width)
        return encoded(self.family, self.vae, given, generator, self.device, draws=False)


class EncodeInpaintReferenceTokens(EncodeReferenceTokens):
    """Encode another image that the denoiser reads as a reference; the image that is inpainted is read itself where none is given."""

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image_reference="image")

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        image_latents: ImageLatents,
        batch_size: BatchSize,
        dtype: DType,
        image_reference: ReferenceImage | None = None,
        auto_resize: AutoResize = True,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> EncodeReferenceTokens.Out:
        other = None if image_reference is None else self._latents(image_reference, "image_reference", auto_resize)
        latents = image_latents if other is None else other
        rows = repeat_to_batch(latents.to(dtype), batch_size, num_images_per_prompt)
        return self.Out(reference=told(self.family, "reference", rows))


def told(family: FamilyContract, group: str, value: Tensor | list[Tensor]) -> Conditioning:
    """Return a value under the name that a group's one field has in a family."""
    (part,) = family.fields(group)
    return Conditioning({part.positive: value})
