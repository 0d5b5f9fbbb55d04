"""Vectors of images with noise on them, which a denoiser is told as a class (Ramesh et al. 2022, https://arxiv.org/abs/2204.06125)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from ...engine.network_calls import call_network
from ...families.contract import Denoiser, Scheduler
from ...families.noise_schedule import with_noise
from ...state import Conditioning, Group, Outputs
from ...state.vocabulary import (
    BatchSize,
    DType,
    Generators,
    ImagesPerPrompt,
    ImageVectors,
    InputImage,
    Latents,
    NegativePrompt,
    Prompt,
    VectorNoise,
)
from ..core.block import Block
from ..core.slots import component
from ..steps.given_image import as_pil, image_faults
from ..steps.prepare_image_latents import repeat_to_batch
from ..steps.prepare_latents import draw_noise

if TYPE_CHECKING:
    from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer
    from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection


class SeeImages(Block):
    """Turn each image into a vector; where there is no prompt, it is "" for each."""

    image_encoder: CLIPVisionModelWithProjection = component(doc="Sees the images.")
    feature_extractor: CLIPImageProcessor = component(
        config={"size": 224, "crop_size": 224}, doc="Brings them to the size that it sees."
    )

    class Out(Outputs):
        image_embeds: ImageVectors
        prompt: Prompt

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image")

    def run(self, image: InputImage, prompt: Prompt | None = None) -> Out:
        encoder = self.image_encoder
        shown = self.feature_extractor(images=as_pil(image, "image"), return_tensors="pt").pixel_values
        vectors = call_network(encoder, shown.to(self.device, encoder.dtype)).image_embeds
        return self.Out(image_embeds=vectors, prompt=[""] * len(vectors) if prompt is None else prompt)


class AskOfNothing(Block):
    """Compare with the empty text, whatever the images shall not show."""

    class Out(Outputs):
        negative_prompt: NegativePrompt

    def run(self) -> Out:
        return self.Out(negative_prompt="")


class TakePositiveVectors(Block):
    """Take the vectors out of the latents of a prior."""

    denoiser: Denoiser = component(doc="Knows the scale of the vectors.")

    class Out(Outputs):
        image_embeds: ImageVectors

    def run(self, latents: Latents) -> Out:
        return self.Out(image_embeds=self.family.vectors(self.denoiser, latents))


class NoiseVectors(Block):
    """Put noise on vectors of images, and behind each how much that is; no image is zeros."""

    image_normalizer: StableUnCLIPImageNormalizer = component(doc="Knows how vectors are spread.")
    image_noising_scheduler: Scheduler = component(doc="Says how strong the noise on a vector is.")

    class Out(Outputs):
        vectors: Annotated[Conditioning, Group("image_vectors")]

    def run(
        self,
        image_embeds: ImageVectors,
        batch_size: BatchSize,
        dtype: DType,
        noise_level: VectorNoise = 0,
        num_images_per_prompt: ImagesPerPrompt = 1,
        generator: Generators | None = None,
    ) -> Out:
        import torch
        from diffusers.models.embeddings import get_timestep_embedding

        given = image_embeds.to(self.device)
        if isinstance(generator, (list, tuple)):
            # Each with the noise of its own image.
            given = repeat_to_batch(given, batch_size, num_images_per_prompt)
        noise = draw_noise(tuple(given.shape), generator, self.device, given.dtype)
        levels = torch.tensor([noise_level] * len(given), device=self.device)
        normalizer = self.image_normalizer
        spread = with_noise(self.image_noising_scheduler, call_network(normalizer.scale, given), noise, levels)
        noised = call_network(normalizer.unscale, spread)
        told = get_timestep_embedding(levels, noised.shape[-1], flip_sin_to_cos=True, downscale_freq_shift=0)
        joined = torch.cat([noised, told.to(noised.dtype)], dim=1).to(dtype)
        rows = repeat_to_batch(joined, batch_size, num_images_per_prompt)
        (part,) = self.family.fields("image_vectors")
        return self.Out(vectors=Conditioning({part.positive: rows, part.negative: torch.zeros_like(rows)}))
