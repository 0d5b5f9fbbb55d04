"""Noise for videos, and videos from latents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...families.asked_members import FIRST_NOISE, asks
from ...families.contract import Autoencoder, Denoiser, FamilyContract, Scheduler
from ...families.noise_schedule import first_scale
from ...registry.model_dtype import compute_dtype
from ...state import Fault, InputError, Outputs
from ...state.vocabulary import (
    BatchSize,
    DenoisingEnd,
    DType,
    FrameCount,
    FrameRate,
    Generators,
    Height,
    ImageLatents,
    ImagesPerPrompt,
    Latents,
    LatentTimestep,
    OutputType,
    OwnTimesteps,
    Sigmas,
    StepCount,
    Videos,
    Width,
)
from ..core.block import Block
from ..core.slots import component
from ..steps.decode import VAE_ADVICE, decoded_by, decoding_overflows, in_float32
from ..steps.prepare_image_latents import PrepareImageLatents, repeat_to_batch
from ..steps.prepare_latents import draw_noise
from ..steps.resolve_size import own_size, resolved_size
from ..steps.set_timesteps import Asked, SetTimesteps

if TYPE_CHECKING:
    from diffusers.video_processor import VideoProcessor


class PrepareVideoLatents(Block):
    """Draw noise for every video, or take latents that the caller gives, at the scheduler's first noise level."""

    denoiser: Denoiser = component(config_only=True)
    vae: Autoencoder = component(config_only=True)
    scheduler: Scheduler = component(doc="Says how strong the first noise is.")

    class Out(Outputs):
        latents: Latents
        height: Height
        width: Width

    def effective_defaults(self) -> Mapping[str, Any]:
        """The denoiser's own size."""
        return own_size(self.family, self.denoiser, self.vae)

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say of which numbers of frames the VAE makes no videos."""
        frames = given.get("num_frames")
        fault = self.family.frame_fault(self.vae, frames) if isinstance(frames, int) else None
        if fault is not None:
            yield Fault(fault, "num_frames")

    def run(
        self,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        height: Height | None = None,
        width: Width | None = None,
        num_frames: FrameCount = 16,
        latents: Latents | None = None,
        generator: Generators | None = None,
    ) -> Out:
        family = self.family
        height, width = resolved_size(family, self.denoiser, self.vae, height, width)
        count = batch_size * num_images_per_prompt
        shape = video_shape(family, self.denoiser, self.vae, count, num_frames, height, width)
        if latents is None:
            latents = draw_noise(shape, generator, self.device, dtype)
        elif tuple(latents.shape) != shape:
            raise InputError(
                f"latents have the shape {list(latents.shape)}; {count} videos of {num_frames} frames of {height}x{width} need {list(shape)}."
            )
        made = latents.to(self.device, dtype) * first_scale(self.scheduler)
        return self.Out(latents=made, height=height, width=width)


asks(PrepareVideoLatents, scheduler=(FIRST_NOISE,))


def video_shape(
    family: FamilyContract, denoiser: Denoiser, vae: Autoencoder, count: int, frames: int, height: int, width: int
) -> tuple[int, ...]:
    """Return the shape of latents of videos of so many frames, `(b, c, f, h, w)`.

    Raises:
        InputError: the VAE makes no videos of so many.
    """
    fault = family.frame_fault(vae, frames)
    if fault is not None:
        raise InputError(fault)
    rows, channels, *sides = family.latent_shape(denoiser, vae, count, height, width)
    return (rows, channels, family.latent_frames(vae, frames), *sides)


class SetTimestepsOfLatents(SetTimesteps):
    """Set the scheduler as the size of the latents asks for, along time, too."""

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        latents: Latents,
        num_inference_steps: StepCount = 50,
        timesteps: OwnTimesteps | None = None,
        sigmas: Sigmas | None = None,
        denoising_end: DenoisingEnd | None = None,
    ) -> SetTimesteps.Out:
        asked = Asked(num_inference_steps, timesteps, sigmas)
        return self.scheduled(asked, denoising_end, tuple(latents.shape))


class NoiseVideo(PrepareImageLatents):
    """Add noise to the given videos, as much as the first timestep has."""

    class Out(Outputs):
        latents: Latents

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        image_latents: ImageLatents,
        latent_timestep: LatentTimestep,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        latents: Latents | None = None,
        generator: Generators | None = None,
    ) -> Out:
        if latents is None:
            videos = repeat_to_batch(image_latents.to(dtype), batch_size, num_images_per_prompt)
            latents = self.begun(videos, latent_timestep, None, generator)
        return self.Out(latents=latents.to(self.device, dtype))


class DecodeVideo(Block):
    """Turn latents into videos with the VAE, and say how many frames a second has; `output_type="latent"` passes them on as they are."""

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between videos and latents.")
    video_processor: VideoProcessor = component(config={"vae_scale_factor": 8}, doc="To PIL images, arrays, tensors.")

    class Out(Outputs):
        videos: Videos
        frame_rate: FrameRate

    def run(self, latents: Latents, output_type: OutputType = "pil") -> Out:
        family, vae = self.family, self.vae
        if output_type == "latent":
            return self.Out(videos=latents, frame_rate=family.frame_rate)
        with in_float32(vae, decoding_overflows(family, vae)):
            dtype = compute_dtype(vae)
            # Into the VAE's format before or after they are scaled: the other way round is another rounding than the classic's.
            given = latents if family.unscales_first else latents.to(dtype)
            pixels = decoded_by(family, vae, family.unscale_latents(vae, given).to(dtype))
        made = self.video_processor.postprocess_video(pixels, output_type=output_type)
        return self.Out(videos=made, frame_rate=family.frame_rate)
