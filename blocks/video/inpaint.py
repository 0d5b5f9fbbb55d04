"""Inpainting of videos: a mask for each frame says what is drawn anew, and the rest is put back after every step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ...families.contract import Autoencoder
from ...state import InputError, Outputs
from ...state.vocabulary import (
    BatchSize,
    DType,
    FrameCount,
    Generators,
    ImageLatents,
    ImagesPerPrompt,
    Latents,
    LatentTimestep,
    Mask,
    Noise,
    VideoMask,
)
from ..core.block import Block
from ..core.slots import component
from ..steps.denoise import Denoise, ScaleLatents
from ..steps.encode_inpaint import MASK_CONFIG
from ..steps.given_image import pixels_of
from ..steps.inpaint import StepAndBlend
from ..steps.predict_noise import PredictNoise
from ..steps.prepare_image_latents import noised, repeat_to_batch
from .encode import frames_of, video_faults
from .latents import NoiseVideo, noise_of_videos

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor
    from torch import Tensor


class NoiseInpaintVideo(NoiseVideo):
    """Add noise to the given videos, as much as the first timestep has, and keep it, so that what stays can be noised as much at each step."""

    class Out(Outputs):
        latents: Latents
        noise: Noise
        image_latents: ImageLatents

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        image_latents: ImageLatents,
        latent_timestep: LatentTimestep,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        generator: Generators | None = None,
    ) -> Out:
        videos = repeat_to_batch(image_latents.to(dtype), batch_size, num_images_per_prompt)
        noise = noise_of_videos(self.family, videos, generator, self.device)
        latents = noised(self.scheduler, videos, noise, latent_timestep).to(self.device, dtype)
        return self.Out(latents=latents, noise=noise, image_latents=videos)


class PrepareVideoMask(Block):
    """Bring a mask for each frame to the size of the latents: a latent is drawn anew where one of the frames that it is of is white."""

    vae: Autoencoder = component(config_only=True)
    mask_processor: VaeImageProcessor = component(config=MASK_CONFIG, doc="From PIL images and arrays to 0 and 1.")

    class Out(Outputs):
        mask: Mask

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no mask."""
        yield from video_faults(given, mask="mask")

    def run(
        self,
        mask: VideoMask,
        image_latents: ImageLatents,
        num_frames: FrameCount,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        import torch

        factor = self.family.vae_scale_factor(self.vae)
        frames, height, width = image_latents.shape[-3:]
        size = (height * factor, width * factor)
        given = [pixels_of(self.mask_processor, each, "mask", *size) for each in frames_of(mask, "mask", "mask")]
        if any(len(each) not in (1, num_frames) for each in given):
            raise InputError(
                f"mask has {len(given[0])} frames, and video {num_frames}; give a mask for each frame, or one for all."
            )
        rows = [each.expand(num_frames, -1, -1, -1) for each in given]
        made = torch.cat([self._of_latents(each, frames, factor) for each in rows]).to(self.device, dtype)
        return self.Out(mask=repeat_to_batch(made, batch_size, num_images_per_prompt))

    def _of_latents(self, pixels: Tensor, frames: int, factor: int) -> Tensor:
        """Return the mask `[1 1 f h w]` of latents of one `[frames 1 height width]`, the first of whose frames has a latent of its own."""
        import torch

        small = torch.nn.functional.max_pool2d(pixels, factor)
        step = self.family.temporal_factor(self.vae)
        groups = [small[:1], *torch.split(small[1:], step)] if len(small) > 1 else [small]
        if len(groups) != frames:
            raise InputError(f"mask has {len(groups)} latents along time, and the video {frames}.")
        return torch.stack([each.amax(dim=0) for each in groups], dim=1)[None]


class InpaintVideoDenoise(Denoise):
    """Denoise what the mask of each frame shows, step by step."""

    block_classes = [ScaleLatents, PredictNoise, StepAndBlend]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]
