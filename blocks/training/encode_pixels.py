"""From the images of a batch to what a denoiser is to learn of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...families.contract import Autoencoder
from ...state import Outputs
from ..core.block import Block
from ..core.slots import component
from ..steps.encode_image import encoded

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class EncodePixels(Block):
    """Draw latents of images from the VAE's posterior, scaled as the family's denoiser reads them; families of pixels take them as they are."""

    vae: Autoencoder = component(doc="Between images and latents.")

    class Out(Outputs):
        clean: Tensor

    def run(self, pixels: Tensor, generator: torch.Generator) -> Out:
        import torch

        with torch.no_grad():
            return self.Out(clean=encoded(self.family, self.vae, pixels, generator, self.device))
