"""Noise for videos, and videos from latents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...engine.network_calls import call_network
from ...families.asked_members import FIRST_NOISE, asks
from ...families.contract import Autoencoder, Denoiser, FamilyContract, Scheduler
from ...families.noise_schedule import first_scale
from ...registry.model_dtype import compute_dtype
from ...state import Fault, InputError, Outputs
from ...state.vocabulary import (
    BatchSize,
    DecodedFrames,
    DecodeNoiseScale,
    DecodeTimestep,
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
from ..steps.decode import VAE_ADVICE, by_one_thread, decoded_by, decoding_overflows, in_float32
from ..steps.prepare_image_latents import PrepareImageLatents, noised, repeat_to_batch
from ..steps.prepare_latents import draw_noise
from ..steps.resolve_size import own_size, resolved_size
from ..steps.set_timesteps import Asked, SetTimesteps

if TYPE_CHECKING:
    import torch
    from diffusers.video_processor import VideoProcessor
    from torch import Tensor


class PrepareVideoLatents(Block):
    """Draw noise for every video, or take latents that the caller gives, at the scheduler's first noise level."""

    denoiser: Denoiser = component(config_only=True)
    vae: Autoencoder = component(config_only=True)
    scheduler: Scheduler = component(doc="Says how strong the first noise is.")

    class Out(Outputs):
        latents: Latents
        height: Height
        width: Width
        num_frames: FrameCount

    def effective_defaults(self) -> Mapping[str, Any]:
        """The denoiser's own size and number of frames."""
        own = own_size(self.family, self.denoiser, self.vae)
        # Those of a family come before its denoiser's.
        frames = self.family.defaults.get("num_frames") or self.family.default_frames(self.denoiser)
        return {**own, "num_frames": frames}

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
        num_frames: FrameCount | None = None,
        latents: Latents | None = None,
        generator: Generators | None = None,
    ) -> Out:
        height, width = resolved_size(self.family, self.denoiser, self.vae, height, width)
        made = self.prepared(batch_size * num_images_per_prompt, dtype, height, width, num_frames, latents, generator)
        return self.Out(**made, height=height, width=width)

    def prepared(
        self,
        count: int,
        dtype: torch.dtype,
        height: int,
        width: int,
        num_frames: int | None,
        latents: Tensor | None,
        generator: Generators | None,
    ) -> dict[str, Any]:
        """Return latents for so many videos of a size that the family has, and how many frames these have.

        Raises:
            InputError: given latents have another shape, or the VAE makes no videos of so many frames.
        """
        family = self.family
        num_frames = num_frames or family.default_frames(self.denoiser)
        shape = video_shape(family, self.denoiser, self.vae, count, num_frames, height, width)
        if latents is None:
            latents = draw_video_noise(family, shape, generator, self.device, dtype)
        elif tuple(latents.shape) != shape:
            raise InputError(
                f"latents have the shape {list(latents.shape)}; {count} videos of {num_frames} frames of {height}x{width} need {list(shape)}."
            )
        made = latents.to(self.device, dtype) * first_scale(self.scheduler)
        return {"latents": made, "num_frames": num_frames}


class PrepareSizedVideoLatents(PrepareVideoLatents):
    """Draw noise for every video of a size that is known, or take latents that the caller gives, at the scheduler's first noise level."""

    class Out(Outputs):
        latents: Latents
        num_frames: FrameCount

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        batch_size: BatchSize,
        dtype: DType,
        height: Height,
        width: Width,
        num_images_per_prompt: ImagesPerPrompt = 1,
        num_frames: FrameCount | None = None,
        latents: Latents | None = None,
        generator: Generators | None = None,
    ) -> Out:
        count = batch_size * num_images_per_prompt
        return self.Out(**self.prepared(count, dtype, height, width, num_frames, latents, generator))


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
    return (rows, channels, family.read_frames(denoiser, family.latent_frames(vae, frames)), *sides)


def draw_video_noise(
    family: FamilyContract,
    shape: tuple[int, ...],
    generator: Generators | None,
    device: torch.device | str,
    dtype: torch.dtype,
    frames_first: bool | None = None,
) -> Tensor:
    """Draw standard normal noise of a shape `(b, c, f, h, w)`; the rest as `draw_noise`.

    Args:
        frames_first: frames before channels; as the family draws where None.
    """
    count, channels, frames, *sides = shape
    turned = family.frames_first if frames_first is None else frames_first
    order = (frames, channels) if turned else (channels, frames)
    import torch

    drawn = draw_noise((count, *order, *sides), generator, device, torch.float32 if family.draws_float32 else dtype)
    return (drawn.transpose(1, 2) if turned else drawn).to(dtype)


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

    def begun(
        self, images: Tensor, latent_timestep: Tensor, denoising_start: float | None, generator: Generators | None
    ) -> Tensor:
        """Return latents of videos with the noise of the first timestep."""
        if denoising_start is not None:
            return images
        noise = noise_of_videos(self.family, images, generator, self.device)
        return noised(self.scheduler, images, noise, latent_timestep)


def noise_of_videos(
    family: FamilyContract, videos: Tensor, generator: Generators | None, device: torch.device | str
) -> Tensor:
    """Draw noise for latents of given videos, in the order in which the family draws it for such."""
    frames_first = family.frames_first or family.frames_first_of_videos
    return draw_video_noise(family, tuple(videos.shape), generator, device, videos.dtype, frames_first)


class DropAddedFrames(Block):
    """Leave the latents out that were only there for a denoiser that reads several frames as one."""

    vae: Autoencoder = component(config_only=True)

    class Out(Outputs):
        latents: Latents

    def run(self, latents: Latents, num_frames: FrameCount) -> Out:
        added = latents.shape[2] - self.family.latent_frames(self.vae, num_frames)
        return self.Out(latents=latents[:, :, added:].contiguous() if added else latents)


class DecodeVideo(Block):
    """Turn latents into videos with the VAE, and say how many frames a second has; `output_type="latent"` passes them on as they are."""

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between videos and latents.")
    video_processor: VideoProcessor = component(config={"vae_scale_factor": 8}, doc="To PIL images, arrays, tensors.")

    class Out(Outputs):
        videos: Videos
        frame_rate: FrameRate

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say that a VAE decodes no part of the frames by itself."""
        if given.get("decode_chunk_size") is not None and self.family.decodes_frames == "as a video":
            yield Fault(
                f"decode_chunk_size: the VAE of {self.family.name} reads a video as one, and not frames; leave it out, and decode in tiles: "
                "pipe.vae.enable_tiling().",
                "decode_chunk_size",
            )

    def run(
        self,
        latents: Latents,
        output_type: OutputType = "pil",
        frame_rate: FrameRate | None = None,
        decode_chunk_size: DecodedFrames | None = None,
    ) -> Out:
        rate = frame_rate or self.family.frame_rate
        return self.Out(videos=self.shown(latents, output_type, at_once=decode_chunk_size), frame_rate=rate)

    def shown(
        self, latents: Tensor, output_type: str, noise: DecodingNoise | None = None, at_once: int | None = None
    ) -> Any:
        """Return videos in the form that is asked for.

        Args:
            noise: that the VAE is given, and told of; None for none. at_once: as `decoded_frames` has it.
        """
        family, vae = self.family, self.vae
        if output_type == "latent":
            return latents
        with in_float32(vae, decoding_overflows(family, vae)):
            dtype = compute_dtype(vae)
            # Into the VAE's format before or after they are scaled: the other way round is another rounding than the classic's.
            given = latents if family.unscales_first else latents.to(dtype)
            unscaled = family.unscale_latents(vae, given).to(dtype)
            mixed, told = (unscaled, {}) if noise is None else noise.mixed(unscaled, self.device)
            if family.decodes_frames == "as a video":
                pixels = decoded_by(family, vae, mixed, **told)
            else:
                pixels = decoded_frames(family, vae, mixed, at_once)
        return self.video_processor.postprocess_video(pixels, output_type=output_type)


@frozen(eq=False)
class DecodingNoise:
    """Noise that a VAE is given when it decodes: the level that it is told, and how much of the latents it is, for all videos or one for each."""

    timestep: float | list[float]
    scale: float | list[float] | None
    generator: Generators | None

    def mixed(self, latents: Tensor, device: Any) -> tuple[Tensor, dict[str, Any]]:
        """Return latents with the noise, and what the VAE is told."""
        levels = self._of_rows(self.timestep, latents, "decode_timestep")
        scales = levels if self.scale is None else self._of_rows(self.scale, latents, "decode_noise_scale")
        noise = draw_noise(tuple(latents.shape), self.generator, device, latents.dtype)
        part = scales[:, None, None, None, None]
        return (1 - part) * latents + part * noise, {"temb": levels}

    @staticmethod
    def _of_rows(value: float | list[float], latents: Tensor, name: str) -> Tensor:
        listed = list(value) if isinstance(value, (list, tuple)) else [value] * len(latents)
        if len(listed) != len(latents):
            raise InputError(
                f"{name} holds {len(listed)} numbers, and there are {len(latents)} videos; give one number, or one for each."
            )
        return latents.new_tensor(listed)


class DecodeNoisyVideo(DecodeVideo):
    """Turn latents into videos with a VAE that may have been trained with noise, which then gets some and is told how much.

    How many frames a second has is said where the denoiser is told it.
    """

    class Out(Outputs):
        videos: Videos

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        latents: Latents,
        output_type: OutputType = "pil",
        decode_timestep: DecodeTimestep = 0.0,
        decode_noise_scale: DecodeNoiseScale | None = None,
        generator: Generators | None = None,
    ) -> Out:
        asked = DecodingNoise(decode_timestep, decode_noise_scale, generator)
        noise = asked if self.vae.config.timestep_conditioning else None
        return self.Out(videos=self.shown(latents, output_type, noise))


def decoded_frames(family: FamilyContract, vae: Autoencoder, latents: Tensor, at_once: int | None) -> Tensor:
    """Return videos `[b 3 f height width]` of latents `[b c f h w]`, of a VAE that reads frames as images.

    Args:
        at_once: so many frames in a call. Of VAEs that see frames together they are of one video.
    """
    import torch

    count, frames = latents.shape[0], latents.shape[2]
    rows = latents.transpose(1, 2).flatten(0, 1)
    groups = torch.split(rows, frames) if family.decodes_frames == "together" else [rows]
    each = at_once or family.frames_at_once or frames
    parts = [part for group in groups for part in torch.split(group, each)]
    with by_one_thread(vae):
        made = [
            call_network(vae.decode, part, **family.decode_arguments(vae, part), return_dict=False)[0] for part in parts
        ]
    pixels = torch.cat(made)
    return pixels.reshape(count, frames, *pixels.shape[1:]).transpose(1, 2).float()
