"""What an autoencoder leaves of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...engine.network_calls import call_network
from ...state import InputError, Outputs
from ...state.vocabulary import ComparedImages, Images, InputImage
from ..core.block import Block
from ..core.slots import component
from ..steps.decode import by_one_thread
from .compared_images import pixels_of_images

if TYPE_CHECKING:
    from diffusers import ModelMixin


class Reconstruct(Block):
    """Encode images with an autoencoder and decode them again, from their most likely latents, in its own dtype and without chance.

    `reference_images` are the images as they were, in 0..1, with which measures compare.
    """

    vae: ModelMixin = component(doc="Between images and latents: any autoencoder of diffusers that reads images.")

    class Out(Outputs):
        images: Images
        reference_images: ComparedImages

    def run(self, image: InputImage) -> Out:
        import torch

        pixels = pixels_of_images(image, "image")
        vae = self.vae
        with by_one_thread(vae):
            encoded = call_network(vae.encode, (pixels * 2 - 1).to(self.device, vae.dtype), return_dict=False)[0]
            # Autoencoders without a distribution give the latents themselves.
            latents = encoded if isinstance(encoded, torch.Tensor) else encoded.mode()
            decoded = call_network(vae.decode, latents, return_dict=False)[0]
        if decoded.shape != pixels.shape:
            sizes = [f"{each.shape[-1]}x{each.shape[-2]}" for each in (pixels, decoded)]
            raise InputError(
                f"image is {sizes[0]} pixels, and this autoencoder gives {sizes[1]} back; give images whose sides it can divide."
            )
        # Within the range that an image has, as a file of it would be.
        made = ((decoded.double().cpu() + 1) / 2).clamp(0, 1)
        return self.Out(images=made, reference_images=pixels)
