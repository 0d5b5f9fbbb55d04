"""Small images that a network over pixels makes larger, told how much noise is on them (Ho et al. 2021, https://arxiv.org/abs/2106.15282)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from ...families.contract import Scheduler
from ...families.noise_schedule import with_noise
from ...state import Conditioning, Group, InputError, Outputs
from ...state.vocabulary import (
    BatchSize,
    DType,
    EnlargedNoise,
    Generators,
    Height,
    ImagesPerPrompt,
    InputImage,
    Latents,
    SmallPixels,
    Width,
)
from ..core.block import Block
from ..core.slots import component
from ..steps.given_image import given_image, image_faults, pixels_of
from ..steps.prepare_image_latents import repeat_to_batch
from ..steps.prepare_latents import draw_noise

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor


class NoiseEnlarged(Block):
    """Bring small images, or what a stage before has drawn (`small_pixels`), to the size of the results, and put noise on them."""

    image_noising_scheduler: Scheduler = component(doc="Says how strong the noise on the small image is.")
    small_image_processor: VaeImageProcessor = component(config={"vae_scale_factor": 1}, doc="From PIL images, arrays.")

    class Out(Outputs):
        small: Annotated[Conditioning, Group("small_image")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image")

    def run(
        self,
        height: Height,
        width: Width,
        batch_size: BatchSize,
        dtype: DType,
        image: InputImage | None = None,
        small_pixels: SmallPixels | None = None,
        num_images_per_prompt: ImagesPerPrompt = 1,
        noise_level: EnlargedNoise = 250,
        generator: Generators | None = None,
    ) -> Out:
        import torch
        from torch.nn.functional import interpolate

        if (image is None) == (small_pixels is None):
            raise InputError(
                "Give image=..., the small image that is made larger, or small_pixels=..., the latents of the stage before; one of the two."
            )
        shown = small_pixels
        if shown is None:
            shown = pixels_of(self.small_image_processor, given_image(image, "image"), "image")
        rows = repeat_to_batch(shown.to(self.device, dtype), batch_size, num_images_per_prompt)
        enlarged = interpolate(rows, (height, width), mode="bilinear", align_corners=True)
        noise = draw_noise(tuple(enlarged.shape), generator, self.device, dtype)
        levels = torch.tensor([noise_level] * len(enlarged), device=self.device)
        noised = with_noise(self.image_noising_scheduler, enlarged, noise, levels)
        pixels, told = self.family.fields("small_image")
        return self.Out(small=Conditioning({pixels.positive: noised, told.positive: levels}))


class HandOnPixels(Block):
    """Hand on pixels that were denoised as the image of what comes after, in 0..1."""

    class Out(Outputs):
        image: InputImage

    def run(self, latents: Latents) -> Out:
        return self.Out(image=(latents / 2 + 0.5).clamp(0, 1))
