"""Images of any size by denoisers that were trained with some: the nearest is drawn, and brought to what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...state import Outputs
from ...state.vocabulary import AskedSize, Height, Images, Latents, OutputType, Width
from ..steps.decode import Decode
from ..steps.resolve_size import ResolveSize, own_size


class ResolveTrainedSize(ResolveSize):
    """Take the size next to the one that the caller names, or to the denoiser's own, of those that the denoiser was trained with."""

    class Out(Outputs):
        height: Height
        width: Width
        asked_size: AskedSize

    def effective_defaults(self) -> Mapping[str, Any]:
        """None of its own: the image is of the size that is asked for, and latents of another."""
        return {}

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self, height: Height | None = None, width: Width | None = None
    ) -> Out:
        own = own_size(self.family, self.denoiser, self.vae)
        asked = (height or own["height"], width or own["width"])
        found = self.family.trained_size(self.denoiser, *asked)
        return self.Out(height=found[0], width=found[1], asked_size=asked if self.family.keeps_asked_size else found)


class DecodeAsAsked(Decode):
    """Turn latents into images with the VAE, resize them and cut off what is over at two sides."""

    class Out(Outputs):
        images: Images

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self, latents: Latents, asked_size: AskedSize, output_type: OutputType = "pil"
    ) -> Out:
        if output_type == "latent":
            return self.Out(images=latents)
        from diffusers.image_processor import PixArtImageProcessor

        height, width = asked_size
        pixels = PixArtImageProcessor.resize_and_crop_tensor(self.decoded(latents), width, height)
        return self.Out(images=self.image_processor.postprocess(pixels, output_type=output_type))
