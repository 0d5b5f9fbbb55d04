"""From images to latents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...engine.network_calls import call_network
from ...families.contract import Autoencoder, FamilyContract
from ...registry.model_dtype import compute_dtype
from ...state import InputError, Outputs
from ...state.vocabulary import Generators, Height, ImageLatents, InputImage, Width
from ..core.block import Block
from ..core.slots import component
from .decode import VAE_ADVICE, in_float32, own_dtype
from .given_image import given_image, image_faults, is_latents, refuse_too_small

if TYPE_CHECKING:
    import torch
    from diffusers.image_processor import VaeImageProcessor
    from torch import Tensor


class EncodeImage(Block):
    """Encode the given images with the VAE; images that are latents already pass."""

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between images and latents.")
    image_processor: VaeImageProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")

    class Out(Outputs):
        image_latents: ImageLatents

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image")

    def run(
        self,
        image: InputImage,
        height: Height | None = None,
        width: Width | None = None,
        generator: Generators | None = None,
    ) -> Out:
        pixels = self._pixels(image, height, width)
        return self.Out(image_latents=encoded(self.family, self.vae, pixels, generator, self.device))

    def _pixels(self, image: InputImage, height: int | None, width: int | None) -> Any:
        channels = channels_of(self.vae)
        given = given_image(image, "image", latent_channels=channels)
        if is_latents(given, channels):
            return given
        if height is None or width is None:
            refuse_too_small(given, "image", self.image_processor.config.vae_scale_factor)
        return self.image_processor.preprocess(given, height=height, width=width)


def channels_of(vae: Autoencoder | None) -> int | None:
    """Return the number of channels of a VAE's latents; None of families that work on pixels."""
    return None if vae is None else int(vae.config.latent_channels)


def encoded(
    family: FamilyContract,
    vae: Autoencoder | None,
    pixels: Tensor,
    generator: Generators | None,
    device: torch.device | str,
    draws: bool = True,
) -> Tensor:
    """Return latents of images `[n, 3, height, width]` in -1..1; those that are latents already pass.

    Args:
        draws: from the VAE's posterior; else its most likely latents, and the generator stays as it is.
    """
    if vae is None:  # the family works on pixels
        return pixels.to(device)
    # Images have three channels here, whatever they were given as: only latents have the VAE's.
    if pixels.shape[1] == vae.config.latent_channels:
        return pixels.to(device, own_dtype(vae))
    dtype = own_dtype(vae)
    # Rounded as all else of the run, also where the VAE then reads it in float32: so does the classic pipeline.
    rounded = pixels.to(device, dtype)
    with in_float32(vae, encoding_overflows(family, vae)):
        given = rounded.to(compute_dtype(vae))
        latents = (
            sample_posterior(vae, given, generator) if draws else call_network(vae.encode, given).latent_dist.mode()
        )
    return family.scale_latents(vae, latents.to(dtype))


def encoding_overflows(family: FamilyContract, vae: Autoencoder) -> bool:
    """Return whether a VAE that says that it overflows is in half precision, be it bfloat16, which the classic only decodes in; of
    families that heed it.
    """
    import torch

    return family.upcasts_vae and own_dtype(vae) != torch.float32 and bool(getattr(vae.config, "force_upcast", False))


def drawing_dtype(family: FamilyContract, vae: Autoencoder) -> torch.dtype:
    """Return the number format in which the posterior of a VAE is drawn."""
    import torch

    return torch.float32 if encoding_overflows(family, vae) else vae.dtype


def sample_posterior(vae: Autoencoder, pixels: Tensor, generator: Generators | None) -> Tensor:
    """Encode images; several generators make one row each, so that an image in a batch is the image alone."""
    import torch

    if not isinstance(generator, (list, tuple)) or len(generator) == 1:
        single = generator[0] if isinstance(generator, (list, tuple)) else generator
        return _sample(call_network(vae.encode, pixels), single)
    if len(generator) % len(pixels):
        raise InputError(
            f"{len(generator)} generators do not fit {len(pixels)} given images; give one for each result."
        )
    each = len(generator) // len(pixels)
    # Row by row: kernels for a batch round otherwise than those for one image.
    posteriors = [call_network(vae.encode, row) for row in torch.split(pixels, 1)]
    return torch.cat([_sample(posteriors[i // each], source) for i, source in enumerate(generator)])


def _sample(encoded: Any, generator: torch.Generator | None) -> Tensor:
    latents: Tensor = encoded.latent_dist.sample(generator) if hasattr(encoded, "latent_dist") else encoded.latents
    return latents
