"""From images to latents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...engine.network_calls import call_network
from ...families.contract import Autoencoder, FamilyContract
from ...registry.model_dtype import compute_dtype
from ...state import InputError, Outputs
from ...state.vocabulary import Generators, Height, ImageLatents, InputImage, Width
from ..core.block import Block
from ..core.slots import component
from .decode import VAE_ADVICE, by_one_thread, in_float32, own_dtype
from .given_image import given_image, image_faults, is_latents, pixels_of

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
        channels = channels_of(self.family, self.vae)
        given = given_image(image, "image", latent_channels=channels)
        if is_latents(given, channels):
            refuse_other_size(self.family, self.vae, given, height, width)
            return given
        return pixels_of(self.image_processor, given, "image", height, width)


def channels_of(family: FamilyContract, vae: Autoencoder | None) -> int | None:
    """Return the number of channels of latents of images; None of families that work on pixels."""
    return None if vae is None else family.vae_channels(vae)


def image_size(family: FamilyContract, vae: Autoencoder, latents: Tensor) -> tuple[int, int]:
    """Return height and width in pixels of images that latents are of."""
    factor = family.vae_scale_factor(vae)
    return latents.shape[-2] * factor, latents.shape[-1] * factor


def refuse_other_size(
    family: FamilyContract,
    vae: Autoencoder,
    latents: Tensor,
    height: int | None,
    width: int | None,
    name: str = "image",
) -> None:
    """Refuse latents that were given as an image of another size than the run: they are not resized, and the schedule may be set for it.

    Raises:
        InputError: they are of another height or width in pixels; None is any.
    """
    rows, columns = image_size(family, vae, latents)
    if height not in (None, rows) or width not in (None, columns):
        asked = f"{height or 'any'}x{width or 'any'}"
        raise InputError(
            f"{name} is latents of {rows}x{columns} pixels, and the run is for {asked}: give height={rows} and width={columns}."
        )


def encoded(
    family: FamilyContract,
    vae: Autoencoder | None,
    pixels: Tensor,
    generator: Generators | None,
    device: torch.device | str,
    draws: bool = True,
    scaled: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Return latents of images `[n, 3, height, width]` in -1..1; those that are latents already pass.

    Args:
        draws: from the VAE's posterior; else its most likely latents, and the generator stays as it is. scaled: from the VAE's scale
            to that of the network that reads them; the denoiser's where None.
    """
    if vae is None:  # the family works on pixels
        return pixels.to(device)
    # Images have three channels here, whatever they were given as: only latents have the VAE's.
    if pixels.shape[1] == family.vae_channels(vae):
        return pixels.to(device, own_dtype(vae))
    dtype = own_dtype(vae)
    # Rounded as all else of the run, also where the VAE then reads it in float32: so does the classic pipeline.
    rounded = pixels.to(device, dtype)
    with in_float32(vae, encoding_overflows(family, vae)):
        given = rounded.to(compute_dtype(vae))
        given = given.unsqueeze(2) if family.video_vae else given
        latents = sample_posterior(vae, given, generator) if draws else _most_likely(encoded_by(vae, given))
    found = latents.squeeze(2).to(dtype) if family.video_vae else latents.to(dtype)
    return family.scale_latents(vae, found) if scaled is None else scaled(found)


def encoding_overflows(family: FamilyContract, vae: Autoencoder) -> bool:
    """Return whether a VAE that says that it overflows is in half precision, be it bfloat16, which the classic only decodes in; of
    families that heed it.
    """
    import torch

    heeds = family.upcasts_vae or family.encodes_float32
    return heeds and own_dtype(vae) != torch.float32 and bool(getattr(vae.config, "force_upcast", False))


def drawing_dtype(family: FamilyContract, vae: Autoencoder) -> torch.dtype:
    """Return the number format in which the posterior of a VAE is drawn."""
    import torch

    return torch.float32 if encoding_overflows(family, vae) else vae.dtype


def sample_posterior(vae: Autoencoder, pixels: Tensor, generator: Generators | None) -> Tensor:
    """Encode images; several generators make one row each, so that an image in a batch is the image alone."""
    import torch

    if not isinstance(generator, (list, tuple)):
        return _sample(encoded_by(vae, pixels), generator)
    if len(generator) % len(pixels):
        raise InputError(
            f"{len(generator)} generators do not fit {len(pixels)} given images; give one for each result."
        )
    each = len(generator) // len(pixels)
    # Row by row: kernels for a batch round otherwise than those for one image.
    posteriors = [encoded_by(vae, row) for row in torch.split(pixels, 1)]
    return torch.cat([_sample(posteriors[i // each], source) for i, source in enumerate(generator)])


def encoded_by(vae: Autoencoder, pixels: Tensor) -> Any:
    """Return what a VAE makes of pixels in its own number format: a posterior, or latents by whatever name."""
    with by_one_thread(vae):
        return call_network(vae.encode, pixels)


def _most_likely(encoded: Any) -> Tensor:
    if not hasattr(encoded, "latent_dist"):
        return _plain(encoded)
    posterior = encoded.latent_dist
    # That of waveforms does not name it.
    latents: Tensor = posterior.mode() if hasattr(posterior, "mode") else posterior.mean
    return latents


def _sample(encoded: Any, generator: torch.Generator | None) -> Tensor:
    latents: Tensor = encoded.latent_dist.sample(generator) if hasattr(encoded, "latent_dist") else _plain(encoded)
    return latents


def _plain(encoded: Any) -> Tensor:
    """Return the latents of an autoencoder that has no posterior: AutoencoderTiny calls them `latents`, AutoencoderDC `latent`."""
    latents: Tensor = encoded.latents if hasattr(encoded, "latents") else encoded.latent
    return latents
