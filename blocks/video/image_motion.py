"""An image that is set in motion: seen by an encoder in the place of a text, and with some noise beside each frame (Blattmann et al. 2023,
https://arxiv.org/abs/2311.15127).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from ...families.contract import Autoencoder
from ...state import Conditioning, Group, Outputs
from ...state.vocabulary import (
    BatchSize,
    DType,
    FrameRate,
    Generators,
    Height,
    ImagesPerPrompt,
    InputImage,
    MotionAmount,
    MotionRate,
    StartNoise,
    Width,
)
from ..core.block import Block
from ..core.slots import component
from ..steps.decode import VAE_ADVICE, in_float32, own_dtype
from ..steps.encode_beside import told
from ..steps.encode_image import encoded
from ..steps.encode_variation import EncodeVariation
from ..steps.given_image import given_image, image_faults, pixels_of
from ..steps.prepare_image_latents import repeat_to_batch
from ..steps.prepare_latents import draw_noise

if TYPE_CHECKING:
    from diffusers.video_processor import VideoProcessor
    from torch import Tensor


class SeeMovingImage(EncodeVariation):
    """Turn each image into the one vector that the denoiser is told in the place of a prompt; images are made small without artefacts."""

    video_processor: VideoProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")

    def shown(self, image: InputImage) -> Tensor:
        """Return images `[n 3 height width]` as the encoder sees them."""
        import torch

        given = given_image(image, "image")
        side = int(self.image_encoder.config.image_size)
        # In -1..1 while they are resized, as the encoder was trained; each of its own size.
        rows = [
            resized(2.0 * self._numbers(each) - 1.0, side) for each in (given if isinstance(given, list) else [given])
        ]
        seen: Tensor = self.feature_extractor(
            images=(torch.cat(rows) + 1.0) / 2.0,
            do_normalize=True,
            do_center_crop=False,
            do_resize=False,
            do_rescale=False,
            return_tensors="pt",
        ).pixel_values
        return seen

    def _numbers(self, image: Any) -> Tensor:
        """Return an image as a tensor `[n 3 height width]` in 0..1, in its own size."""
        numbers: Tensor = image
        if not hasattr(image, "detach"):
            made = self.video_processor.pil_to_numpy(image) if hasattr(image, "getbbox") else image
            numbers = self.video_processor.numpy_to_pt(made)
        return numbers.float()


class EncodeMovingImage(Block):
    """Encode the image that is set in motion with the VAE, after some noise was put on it: its most likely latents, beside each frame."""

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between images and latents.")
    video_processor: VideoProcessor = component(config={"vae_scale_factor": 8}, doc="From PIL images, arrays.")

    class Out(Outputs):
        beside: Annotated[Conditioning, Group("image_beside")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image."""
        yield from image_faults(given, image="image")

    def run(
        self,
        image: InputImage,
        height: Height,
        width: Width,
        batch_size: BatchSize,
        dtype: DType,
        noise_aug_strength: StartNoise = 0.02,
        num_images_per_prompt: ImagesPerPrompt = 1,
        generator: Generators | None = None,
    ) -> Out:
        import torch

        vae = self.vae
        pixels = pixels_of(self.video_processor, given_image(image, "image"), "image", height, width)
        if isinstance(generator, (list, tuple)):
            # Of each result its own noise, so that a video of a batch is the video alone.
            pixels = repeat_to_batch(pixels, batch_size, num_images_per_prompt)
        noise = draw_noise(tuple(pixels.shape), generator, self.device, pixels.dtype)
        noised = pixels.to(self.device) + noise_aug_strength * noise
        # Encoding overflows in float16 where the VAE says so; decoding does not.
        overflows = own_dtype(vae) == torch.float16 and bool(getattr(vae.config, "force_upcast", False))
        with in_float32(vae, overflows):
            latents = encoded(self.family, vae, noised, None, self.device, draws=False, scaled=lambda found: found)
        rows = repeat_to_batch(latents.to(dtype), batch_size, num_images_per_prompt)
        (part,) = self.family.fields("image_beside")
        return self.Out(beside=Conditioning({part.positive: rows, part.negative: torch.zeros_like(rows)}))


class TellMotion(Block):
    """Tell the denoiser how fast frames follow each other, how much moves, and how much noise is on the image."""

    class Out(Outputs):
        motion: Annotated[Conditioning, Group("motion")]
        frame_rate: FrameRate

    def run(
        self,
        batch_size: BatchSize,
        dtype: DType,
        fps: MotionRate = 7,
        motion_bucket_id: MotionAmount = 127,
        noise_aug_strength: StartNoise = 0.02,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        import torch

        # It was trained with one frame less than a second has.
        ids = torch.tensor([[fps - 1, motion_bucket_id, noise_aug_strength]], dtype=dtype, device=self.device)
        rows = ids.repeat(batch_size * num_images_per_prompt, 1)
        return self.Out(motion=told(self.family, "motion", rows), frame_rate=float(fps))


def resized(images: Tensor, side: int) -> Tensor:
    """Return images `[n c h w]` as squares, blurred before by as much as they become smaller, so that nothing is aliased."""
    from torch.nn.functional import interpolate

    for dim in (-1, -2):
        images = _blurred(images, images.shape[dim] / side, dim)
    return interpolate(images, size=(side, side), mode="bicubic", align_corners=True)


_LEAST_DEVIATION = 0.001
"""Of images that are not made smaller."""


def _blurred(images: Tensor, factor: float, dim: int) -> Tensor:
    """Blur images along a side by a Gaussian of a deviation that fits a factor of reduction, with mirrored edges."""
    import torch
    from torch.nn.functional import conv2d, pad

    deviation = max((factor - 1.0) / 2.0, _LEAST_DEVIATION)
    size = int(max(4.0 * deviation, 3)) | 1  # odd, so that it has a middle
    places = torch.arange(size, dtype=images.dtype, device=images.device) - size // 2
    weights = torch.exp(-places.pow(2.0) / (2 * torch.tensor(deviation, dtype=images.dtype).pow(2.0)))
    kernel = (weights / weights.sum()).view(1, 1, *((1, size) if dim == -1 else (size, 1)))
    edge = size // 2
    around = (edge, edge, 0, 0) if dim == -1 else (0, 0, edge, edge)
    channels = images.shape[1]
    return conv2d(pad(images, around, mode="reflect"), kernel.repeat(channels, 1, 1, 1), groups=channels)
