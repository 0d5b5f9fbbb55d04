"""Videos that steer a video: what stays of one, what is drawn anew of it, and images that it shall look like (VACE: Jiang et al. 2025, 2503.07598)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from ...families.contract import Autoencoder, Denoiser
from ...registry.model_dtype import compute_dtype
from ...state import Conditioning, Fault, Group, InputError, Outputs
from ...state.vocabulary import (
    BatchSize,
    DType,
    FrameCount,
    Generators,
    Height,
    ImagesPerPrompt,
    InputVideo,
    Latents,
    LayerScales,
    ReferenceImages,
    VideoControl,
    VideoMask,
    Width,
)
from ..core.block import Block
from ..core.slots import component
from ..steps.decode import VAE_ADVICE
from ..steps.given_image import given_image, image_faults, pixels_of
from ..steps.prepare_image_latents import repeat_to_batch
from .encode import frames_of, row_by_row, video_faults
from .latents import PrepareSizedVideoLatents

if TYPE_CHECKING:
    from diffusers.video_processor import VideoProcessor
    from torch import Tensor


class EncodeSteeringVideo(Block):
    """Encode what a video is steered by: what stays of a given one, what is drawn anew of it, and images in frames of their own before it.

    Without a video, all is drawn anew; without a mask, all of the video.
    """

    memory_advice = VAE_ADVICE

    denoiser: Denoiser = component(config_only=True, doc="Says in how many layers it is steered, and in which dtype.")
    vae: Autoencoder = component(doc="Between videos and latents.")
    video_processor: VideoProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")

    class Out(Outputs):
        num_frames: FrameCount
        steering: Annotated[Conditioning, Group("video_control")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no video, mask or image, and that a mask is of no video."""
        yield from video_faults(given, video="image", mask="mask")
        if given.get("mask") is not None and given.get("video") is None:
            yield Fault("mask is given, and says which places of a video are drawn anew: give video=..., too.", "mask")
        yield from image_faults(given, reference_images="image")

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say that there is not one weight for each layer."""
        scales, layers = given.get("conditioning_scale"), len(self.denoiser.config.vace_layers)
        if isinstance(scales, (list, tuple)) and len(scales) != layers:
            text = f"conditioning_scale holds {len(scales)} weights, and the denoiser is steered in {layers} layers; give one weight, or one for each."
            yield Fault(text, "conditioning_scale")

    def run(
        self,
        height: Height,
        width: Width,
        batch_size: BatchSize,
        video: InputVideo | None = None,
        mask: VideoMask | None = None,
        reference_images: ReferenceImages | None = None,
        conditioning_scale: LayerScales = 1.0,
        num_frames: FrameCount = 16,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        import torch

        films = self._films(video, height, width, num_frames)
        frames = films[0].shape[2]
        fault = self.family.frame_fault(self.vae, frames)
        if fault is not None:
            raise InputError(fault if video is None else f"video: {fault}")
        drawn = self._masks(mask, films, height, width)
        halves = [
            [film * (1 - where) for film, where in zip(films, drawn, strict=True)],
            [film * where for film, where in zip(films, drawn, strict=True)],
        ]
        latents = torch.cat([self._encoded(half) for half in halves], dim=1)
        told_of = torch.cat([latents, self._mask_channels(drawn, latents)], dim=1)
        for image in self._references(reference_images, height, width):
            before = self._encoded([image])
            # It is nothing that is drawn anew, and no mask is of it.
            blank = told_of.new_zeros(1, told_of.shape[1] - before.shape[1], 1, *told_of.shape[3:])
            before = torch.cat([before, blank], dim=1).expand(len(told_of), -1, -1, -1, -1)
            told_of = torch.cat([before, told_of], dim=2)
        rows = repeat_to_batch(told_of.to(compute_dtype(self.denoiser)), batch_size, num_images_per_prompt)
        layers = len(self.denoiser.config.vace_layers)
        scales = (
            list(conditioning_scale) if isinstance(conditioning_scale, (list, tuple)) else [conditioning_scale] * layers
        )
        control, weights = self.family.fields("video_control")
        steering = {control.positive: rows, weights.positive: rows.new_tensor([scales] * len(rows))}
        return self.Out(num_frames=frames, steering=Conditioning(steering))

    def _films(self, video: Any, height: int, width: int, num_frames: int) -> list[Tensor]:
        """Return videos `[1 3 f height width]` in -1..1; one that is grey, where none is given."""
        import torch

        if video is None:
            return [torch.zeros(1, 3, num_frames, height, width, device=self.device)]
        shown = [pixels_of(self.video_processor, each, "video", height, width) for each in frames_of(video)]
        return [each.transpose(0, 1)[None].to(self.device) for each in shown]

    def _masks(self, mask: Any, films: Sequence[Tensor], height: int, width: int) -> list[Tensor]:
        """Return for each video `[1 1 f height width]`, 1 where it is drawn anew, else 0.

        Raises:
            InputError: there are other numbers of masks than of frames or of videos.
        """
        if mask is None:
            return [film.new_ones(film[:, :1].shape) for film in films]
        given = [
            pixels_of(self.video_processor, each, "mask", height, width) for each in frames_of(mask, "mask", "mask")
        ]
        if len(given[0]) != films[0].shape[2] or len(given) not in (1, len(films)):
            raise InputError(
                f"mask has {len(given)} videos of {len(given[0])} frames, and video {len(films)} of {films[0].shape[2]}; give a mask for each "
                "frame, of one video for all, or of each."
            )
        # Of -1..1, as images are read.
        drawn = [(each[:, :1].transpose(0, 1)[None].to(films[0]) > 0).to(films[0]) for each in given]
        return drawn * len(films) if len(drawn) == 1 else drawn

    def _encoded(self, films: Sequence[Tensor]) -> Tensor:
        """Return the most likely latents of videos, scaled in float32, and then in the VAE's dtype."""
        scaled = self._scaled
        return row_by_row(self.family, self.vae, list(films), None, self.device, False, scaled)

    def _scaled(self, latents: Tensor) -> Tensor:
        return self.family.scale_latents(self.vae, latents.float()).to(latents.dtype)

    def _mask_channels(self, drawn: Sequence[Tensor], latents: Tensor) -> Tensor:
        """Return masks with the pixels of a latent as channels, `[videos pixels f h w]`, in as many frames as latents have."""
        import torch

        inside = torch.nn.functional.pixel_unshuffle
        factor = self.family.vae_scale_factor(self.vae)
        rows = torch.cat([inside(each.transpose(1, 2), factor).transpose(1, 2) for each in drawn])
        resized = torch.nn.functional.interpolate
        return resized(rows, size=tuple(latents.shape[2:]), mode="nearest-exact").to(latents.dtype)

    def _references(self, images: Any, height: int, width: int) -> list[Tensor]:
        """Return each image as a video of one frame, in the middle of a white one."""
        import torch

        if images is None:
            return []
        given = given_image(images, "reference_images")
        single = hasattr(given, "getbbox") or getattr(given, "ndim", 4) == 3
        placed = []
        for each in [given] if single else given:
            pixels = pixels_of(self.video_processor, each, "reference_images")
            scale = min(height / pixels.shape[-2], width / pixels.shape[-1])
            size = int(pixels.shape[-2] * scale), int(pixels.shape[-1] * scale)
            small = torch.nn.functional.interpolate(pixels, size=size, mode="bilinear", align_corners=False)
            top, left = (height - size[0]) // 2, (width - size[1]) // 2
            canvas = torch.ones(1, 3, 1, height, width, device=self.device)
            canvas[:, :, 0, top : top + size[0], left : left + size[1]] = small.to(canvas)
            placed.append(canvas)
        return placed


class PrepareSteeredLatents(PrepareSizedVideoLatents):
    """Draw noise for every video, in as many latents along time as steer it, or take latents that the caller gives."""

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        batch_size: BatchSize,
        dtype: DType,
        height: Height,
        width: Width,
        video_control: VideoControl,
        num_frames: FrameCount,
        num_images_per_prompt: ImagesPerPrompt = 1,
        latents: Latents | None = None,
        generator: Generators | None = None,
    ) -> PrepareSizedVideoLatents.Out:
        before = video_control.shape[2] - self.family.latent_frames(self.vae, num_frames)
        frames = num_frames + before * self.family.temporal_factor(self.vae)
        count = batch_size * num_images_per_prompt
        made = self.prepared(count, dtype, height, width, frames, latents, generator)
        return self.Out(latents=made["latents"], num_frames=num_frames)
