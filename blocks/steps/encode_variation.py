"""Images in the place of prompts, for denoisers that are told nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from ...engine.network_calls import call_network
from ...state import Conditioning, Group, Outputs
from ...state.vocabulary import BatchSize, DType, ImagesPerPrompt, InputImage
from ..core.block import Block
from ..core.slots import component
from .given_image import as_pil, image_faults

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection


class EncodeVariation(Block):
    """Turn each image into the one vector that the denoiser is told in the place of a prompt; zeros are no image."""

    image_encoder: CLIPVisionModelWithProjection = component(doc="Sees the images.")
    feature_extractor: CLIPImageProcessor = component(
        config={"size": 224, "crop_size": 224}, doc="Brings them to the size that it sees."
    )

    class Out(Outputs):
        batch_size: BatchSize
        dtype: DType
        embeds: Annotated[Conditioning, Group("prompt_embeds")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image")

    def shown(self, image: InputImage) -> Tensor:
        """Return images `[n 3 height width]` as the encoder sees them."""
        pixels: Tensor = self.feature_extractor(as_pil(image, "image"), return_tensors="pt").pixel_values
        return pixels

    def run(self, image: InputImage, num_images_per_prompt: ImagesPerPrompt = 1) -> Out:
        encoder = self.image_encoder
        pixels = self.shown(image).to(self.device, encoder.dtype)
        embeds = call_network(encoder, pixels).image_embeds[:, None]
        rows = embeds.repeat_interleave(num_images_per_prompt, dim=0)
        (part,) = self.family.fields("prompt_embeds")
        told = Conditioning({part.positive: rows, part.negative: rows * 0})
        return self.Out(batch_size=len(embeds), dtype=embeds.dtype, embeds=told)
