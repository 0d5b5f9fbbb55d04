"""Differential diffusion: a map says how much each place of an image may change (Levin and Fried 2023, https://arxiv.org/abs/2306.00950)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...families.contract import Autoencoder, Scheduler
from ...state import Outputs
from ...state.vocabulary import (
    BatchSize,
    Change,
    ChangeMap,
    DType,
    Generators,
    Height,
    ImageLatents,
    ImagesPerPrompt,
    Latents,
    Noise,
    StepIndex,
    Timesteps,
    Width,
)
from ..core.block import Block
from ..core.sequential import SequentialPipelineBlocks
from ..core.slots import component
from ..steps.denoise import Denoise, ScaleLatents, StepScheduler
from ..steps.encode_image import image_size
from ..steps.encode_inpaint import mask_of
from ..steps.given_image import image_faults
from ..steps.inpaint import known_at
from ..steps.predict_noise import PredictNoise
from ..steps.prepare_image_latents import PrepareInpaintLatents, noised, repeat_to_batch
from ..steps.prepare_latents import draw_noise

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor


class PrepareDifferentialLatents(PrepareInpaintLatents):
    """Add the noise of the first timestep to the given images, and keep noise and images for putting them back after every step.

    Latents that the caller gives are the noise.
    """

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        image_latents: ImageLatents,
        timesteps: Timesteps,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        latents: Latents | None = None,
        generator: Generators | None = None,
    ) -> PrepareInpaintLatents.Out:
        images = repeat_to_batch(image_latents.to(dtype), batch_size, num_images_per_prompt)
        if latents is None:
            noise = draw_noise(tuple(images.shape), generator, self.device, dtype)
        else:
            noise = latents.to(self.device, dtype)
        begun = noised(self.scheduler, images, noise, timesteps[:1])
        height, width = image_size(self.family, self.vae, images)
        return self.Out(latents=begun, noise=noise, image_latents=images, height=height, width=width)


class PrepareChangeMap(Block):
    """Bring the map to the size of the images, and take the mean over each latent."""

    vae: Autoencoder = component(config_only=True)
    map_processor: VaeImageProcessor = component(
        config={"vae_scale_factor": 8, "do_normalize": False, "do_convert_grayscale": True},
        doc="From PIL images and arrays to 0..1.",
    )

    class Out(Outputs):
        change: Change

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no map."""
        yield from image_faults(given, change_map="mask")

    def run(
        self,
        change_map: ChangeMap,
        height: Height,
        width: Width,
        batch_size: BatchSize,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        from torch.nn.functional import adaptive_avg_pool2d

        # In pixels first: the processor rounds sides to multiples of its own, which those of latents need not be.
        pixels = self.map_processor.preprocess(mask_of(change_map, name="change_map"), height, width)
        factor = self.family.vae_scale_factor(self.vae)
        # In float32, in whatever format the run is: thresholds are compared with it.
        change = adaptive_avg_pool2d(pixels.float(), (height // factor, width // factor)).to(self.device)
        return self.Out(change=repeat_to_batch(change, batch_size, num_images_per_prompt))


class KeepByMap(Block):
    """Put the given image, with the noise of the next step, back where the map does not let it change yet.

    After step i of n these are the places whose change is at most 1 - (i + 1) / n: all but those of 1 at first, and those of 0 to the end.
    """

    scheduler: Scheduler = component(mutates=True)

    class Out(Outputs):
        latents: Latents

    def run(
        self,
        latents: Latents,
        change: Change,
        noise: Noise,
        image_latents: ImageLatents,
        timesteps: Timesteps,
        i: StepIndex,
    ) -> Out:
        import torch

        known = known_at(self.scheduler, image_latents, noise, timesteps, i + 1)
        kept = 1 - change >= (i + 1) / len(timesteps)
        return self.Out(latents=torch.where(kept, known, latents))


class StepAndKeep(SequentialPipelineBlocks):
    """Take one step of the solver, then put back what may not change yet."""

    block_classes = [StepScheduler, KeepByMap]
    block_names = ["step", "keep"]


class DifferentialDenoise(Denoise):
    """Denoise, step by step, what the map lets change."""

    block_classes = [ScaleLatents, PredictNoise, StepAndKeep]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]
