"""Small images that are made larger: the denoiser reads them with some noise, and is told how much (Ho et al. 2021, https://arxiv.org/abs/2106.15282)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from ...families.contract import Autoencoder, Scheduler
from ...families.noise_schedule import with_noise
from ...state import Conditioning, Group, Outputs
from ...state.vocabulary import (
    BatchSize,
    DType,
    Generators,
    Height,
    ImageNoise,
    ImagesPerPrompt,
    InputImage,
    Width,
)
from ..core.block import Block
from ..core.slots import component
from .given_image import given_image, image_faults, pixels_of
from .prepare_image_latents import repeat_to_batch
from .prepare_latents import draw_noise

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor


class NoiseImage(Block):
    """Put noise on the images that are made larger, so that their own faults are not copied; the results are as much larger as the VAE makes latents."""

    vae: Autoencoder = component(config_only=True)
    low_res_scheduler: Scheduler = component(doc="Says how strong the noise on the small image is.")
    low_res_image_processor: VaeImageProcessor = component(
        config={"vae_scale_factor": 8, "resample": "bicubic"}, doc="From PIL images, arrays."
    )

    class Out(Outputs):
        small: Annotated[Conditioning, Group("small_image")]
        height: Height
        width: Width

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image")

    def run(
        self,
        image: InputImage,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        noise_level: ImageNoise = 20,
        generator: Generators | None = None,
    ) -> Out:
        import torch

        pixels = pixels_of(self.low_res_image_processor, given_image(image, "image"), "image").to(self.device, dtype)
        noise = draw_noise(tuple(pixels.shape), generator, self.device, dtype)
        level = torch.tensor([noise_level], device=self.device)
        noised = with_noise(self.low_res_scheduler, pixels, noise, level)
        rows = repeat_to_batch(noised, batch_size, num_images_per_prompt)
        shown, told = self.family.fields("small_image")
        factor = self.family.vae_scale_factor(self.vae)
        return self.Out(
            small=Conditioning({shown.positive: rows, told.positive: level.repeat(len(rows))}),
            height=pixels.shape[-2] * factor,
            width=pixels.shape[-1] * factor,
        )
