"""From pictures to latents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..state import InputError, Outputs
from ..state.vocabulary import Generators, Height, ImageLatents, InputImage, Width
from .block import Block
from .contract import Autoencoder, Denoiser
from .decode import VAE_ADVICE, without_overflow
from .slots import component

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor
    from torch import Tensor


class EncodeImage(Block):
    """Encode the given pictures with the VAE; pictures that are latents already pass."""

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between pictures and latents.")
    image_processor: VaeImageProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")

    class Out(Outputs):
        image_latents: ImageLatents

    def run(
        self,
        image: InputImage,
        height: Height | None = None,
        width: Width | None = None,
        generator: Generators | None = None,
    ) -> Out:
        height, width = self.size(height, width)
        pixels = self.image_processor.preprocess(image, height=height, width=width)
        return self.Out(image_latents=self.encoded(pixels, generator))

    def size(self, height: int | None, width: int | None) -> tuple[int | None, int | None]:
        """Size in pixels that pictures are brought to; None keeps their own."""
        return height, width

    def encoded(self, pixels: Tensor, generator: Any) -> Tensor:
        """Latents of pictures `[n, 3, height, width]` in -1..1, drawn from the VAE's posterior."""
        vae: Any = self.vae
        if pixels.shape[1] == vae.config.latent_channels:
            return pixels.to(self.device, vae.dtype)
        dtype = vae.dtype
        with without_overflow(vae):
            latents = sample_posterior(vae, pixels.to(self.device, vae.dtype), generator)
        return self.family.scale_latents(vae, latents.to(dtype))


class EncodeInpaintImage(EncodeImage):
    """Encode the pictures whose masked area is drawn anew, at the denoiser's own size where none is given."""

    denoiser: Denoiser = component(config_only=True)

    def size(self, height: int | None, width: int | None) -> tuple[int | None, int | None]:
        """The denoiser's own size where none is given."""
        default = self.family.default_size(self.denoiser, self.vae)
        return height or default, width or default


def sample_posterior(vae: Any, pixels: Tensor, generator: Any) -> Tensor:
    """Encode pictures; several generators make one row each, so that a picture in a batch is the picture alone."""
    import torch

    if not isinstance(generator, (list, tuple)) or len(generator) == 1:
        single = generator[0] if isinstance(generator, (list, tuple)) else generator
        return _sample(vae.encode(pixels), single)
    if len(generator) % len(pixels):
        raise InputError(
            f"{len(generator)} generators do not fit {len(pixels)} given pictures; give one for each result."
        )
    each = len(generator) // len(pixels)
    posteriors = [vae.encode(row) for row in torch.split(pixels, 1)]
    return torch.cat([_sample(posteriors[i // each], source) for i, source in enumerate(generator)])


def _sample(encoded: Any, generator: Any) -> Tensor:
    latents: Tensor = encoded.latent_dist.sample(generator) if hasattr(encoded, "latent_dist") else encoded.latents
    return latents
