"""The latents that denoising begins from, where an image is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...families.asked_members import ADD_NOISE, Lack, lacking
from ...families.contract import Autoencoder, Scheduler
from ...families.noise_schedule import first_scale, is_trigonometric, with_noise
from ...state import InputError, Outputs
from ...state.vocabulary import (
    BatchSize,
    DenoisingStart,
    DType,
    Generators,
    Height,
    ImageLatents,
    ImagesPerPrompt,
    Latents,
    LatentTimestep,
    Noise,
    Strength,
    Width,
)
from ..core.block import Block
from ..core.slots import component
from .encode_image import channels_of, image_size
from .prepare_latents import draw_noise, latents_misfits, unpacking_advice

if TYPE_CHECKING:
    from torch import Tensor


class PrepareImageLatents(Block):
    """Add noise to the given images, as much as the first timestep has; none where denoising goes on from a start."""

    vae: Autoencoder = component(config_only=True)
    scheduler: Scheduler = component(doc="Says how strong the noise is.")

    class Out(Outputs):
        latents: Latents
        height: Height
        width: Width

    def shape_advice(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say of tokens how they become latents."""
        yield from unpacking_advice(self.family, given)

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say how latents of the caller's own differ from those of images."""
        yield from latents_misfits(self.family, given, channels_of(self.family, self.vae), self.vae)

    def run(
        self,
        image_latents: ImageLatents,
        latent_timestep: LatentTimestep,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        latents: Latents | None = None,
        denoising_start: DenoisingStart | None = None,
        generator: Generators | None = None,
    ) -> Out:
        if latents is None:
            images = repeat_to_batch(image_latents.to(dtype), batch_size, num_images_per_prompt)
            latents = self.begun(images, latent_timestep, denoising_start, generator)
        height, width = image_size(self.family, self.vae, latents)
        # In the run's own dtype: latents that were kept in half precision would meet weights in float32.
        return self.Out(latents=latents.to(self.device, dtype), height=height, width=width)

    def begun(
        self, images: Tensor, latent_timestep: Tensor, denoising_start: float | None, generator: Generators | None
    ) -> Tensor:
        """Return latents of images with the noise of the first timestep."""
        if denoising_start is not None:
            return images
        noise = draw_noise(tuple(images.shape), generator, self.device, images.dtype)
        return noised(self.scheduler, images, noise, latent_timestep)


class PrepareInpaintLatents(Block):
    """Add noise to the given images, and keep noise and images for blending them in after every step."""

    vae: Autoencoder = component(config_only=True)
    scheduler: Scheduler = component(doc="Says how strong the noise is.")

    class Out(Outputs):
        latents: Latents
        noise: Noise
        image_latents: ImageLatents
        height: Height
        width: Width

    def shape_advice(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say of tokens how they become latents."""
        yield from unpacking_advice(self.family, given)

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say how latents of the caller's own differ from those of images."""
        yield from latents_misfits(self.family, given, channels_of(self.family, self.vae), self.vae)

    def run(
        self,
        image_latents: ImageLatents,
        latent_timestep: LatentTimestep,
        strength: Strength,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        latents: Latents | None = None,
        denoising_start: DenoisingStart | None = None,
        generator: Generators | None = None,
    ) -> Out:
        images = repeat_to_batch(image_latents.to(dtype), batch_size, num_images_per_prompt)
        images = images.contiguous()  # as the classic's: another layout rounds differently
        begun = self.begun(images, latent_timestep, strength, latents, denoising_start, generator)
        height, width = image_size(self.family, self.vae, images)
        return self.Out(latents=begun[0], noise=begun[1], image_latents=images, height=height, width=width)

    def begun(
        self,
        images: Tensor,
        latent_timestep: Tensor,
        strength: float,
        latents: Tensor | None,
        denoising_start: float | None,
        generator: Generators | None,
    ) -> tuple[Tensor, Tensor]:
        """Return latents of images with the noise of the first timestep, and that noise."""
        scheduler, dtype = self.scheduler, images.dtype
        if latents is None or denoising_start is not None:
            noise = draw_noise(tuple(images.shape), generator, self.device, dtype)
        else:
            noise = latents.to(self.device, dtype)
        if denoising_start is not None:
            start = images
        elif latents is not None or strength == 1.0:
            # Nothing of the image is left at full strength; `add_noise` would leave a trace of it, as most schedules
            # do not end in pure noise.
            start = noise * first_scale(scheduler)
        else:
            start = noised(scheduler, images, noise, latent_timestep)
        return start, noise


def noised(scheduler: Scheduler, latents: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
    """Return latents with the noise of a timestep `[1]`.

    Raises:
        InputError: the scheduler adds none, such as one that goes from images to noise.
    """
    # Not asked by the blocks: where latents are given, or denoising goes on from a start, no noise is added.
    adds_own = hasattr(scheduler, "scale_noise") or is_trigonometric(scheduler)
    if not adds_own and (faults := lacking(scheduler, [ADD_NOISE])):
        raise InputError(
            str(Lack("scheduler", scheduler, tuple(faults), "Take another, or give latents=... of your own."))
        )
    # One timestep per row, as diffusers' schedulers document it.
    return with_noise(scheduler, latents, noise, timestep.repeat(len(latents)))


def refuse_other_rows(latents: Tensor, rows: int, what: str) -> None:
    """Refuse latents of the caller's own that have another number of rows than there are results.

    Raises:
        InputError: they have.
    """
    if len(latents) != rows:
        raise InputError(
            f"latents have {len(latents)} rows (shape {list(latents.shape)}), and there are {rows} {what}; give one row for each."
        )


def repeat_to_batch(given: Tensor, batch_size: int, each: int) -> Tensor:
    """Repeat rows to one per image: one serves all, one per prompt serves the images of that prompt.

    Raises:
        InputError: another number of rows.
    """
    import torch

    total = batch_size * each
    if len(given) == total:
        return given
    if len(given) == 1:
        return torch.cat([given] * total)
    if len(given) == batch_size:
        return given.repeat_interleave(each, dim=0)
    raise InputError(
        f"{len(given)} images were given for {batch_size} prompts with {each} images each; give one, one for each "
        "prompt, or one for each result."
    )
