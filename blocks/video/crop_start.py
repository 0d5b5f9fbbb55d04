"""Images that videos begin with, cropped to the size of the videos."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...families.contract import Autoencoder, Denoiser
from ...state import Outputs
from ...state.vocabulary import Height, InputImage, Width
from ..core.block import Block
from ..core.slots import component
from ..steps.given_image import as_pil, image_faults
from ..steps.resolve_size import resolved_size

if TYPE_CHECKING:
    from diffusers.video_processor import VideoProcessor


class CropStartImage(Block):
    """Scale and crop the image that videos begin with to their size: the one that the caller names, or, of those that the denoiser was
    trained with, the one whose ratio is nearest to the image's.
    """

    denoiser: Denoiser = component(config_only=True)
    vae: Autoencoder = component(config_only=True)
    video_processor: VideoProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")

    class Out(Outputs):
        image: InputImage
        height: Height
        width: Width

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image")

    def run(self, image: InputImage, height: Height | None = None, width: Width | None = None) -> Out:
        shown = as_pil(image, "image")
        images = shown if isinstance(shown, list) else [shown]
        own = self.family.trained_size(self.denoiser, images[0].height, images[0].width)
        size = resolved_size(self.family, self.denoiser, self.vae, height or own[0], width or own[1])
        cropped = [self.video_processor.resize(each, *size, resize_mode="crop") for each in images]
        return self.Out(image=cropped if isinstance(shown, list) else cropped[0], height=size[0], width=size[1])
