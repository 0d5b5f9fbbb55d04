"""Images that are edited, as the denoiser reads them beside the latents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from ...families.contract import Autoencoder
from ...state import Conditioning, Group, Outputs
from ...state.vocabulary import BatchSize, DType, Height, ImagesPerPrompt, InputImage, Width
from ..core.block import Block
from ..core.slots import component
from .encode_image import encoded_by, image_size
from .given_image import given_image, image_faults, is_latents, pixels_of
from .prepare_image_latents import repeat_to_batch

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor


class EncodeEditedImage(Block):
    """Encode the image that is edited: its most likely latents at the VAE's own scale, and zeros for none; the results have its size."""

    vae: Autoencoder = component(doc="Between images and latents.")
    image_processor: VaeImageProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")

    class Out(Outputs):
        reference: Annotated[Conditioning, Group("reference")]
        height: Height
        width: Width

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image")

    def run(
        self,
        image: InputImage,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        channels = self.family.vae_channels(self.vae)
        given = given_image(image, "image", latent_channels=channels)
        if is_latents(given, channels):
            latents = given.to(self.device, dtype)
        else:
            pixels = pixels_of(self.image_processor, given, "image").to(self.device, self.vae.dtype)
            # Without the scaling factor: so the models were trained (Brooks et al. 2023, https://arxiv.org/abs/2211.09800).
            latents = encoded_by(self.vae, pixels).latent_dist.mode().to(dtype)
        rows = repeat_to_batch(latents, batch_size, num_images_per_prompt)
        (part,) = self.family.fields("reference")
        height, width = image_size(self.family, self.vae, latents)
        told = Conditioning({part.positive: rows, part.negative: rows * 0})
        return self.Out(reference=told, height=height, width=width)
