"""The depth of images, as the denoiser reads it beside the latents (Stable Diffusion 2, with the networks of Ranftl et al. 2021, https://arxiv.org/abs/2103.13413)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

from ...engine.network_calls import call_network
from ...families.contract import Autoencoder
from ...state import Conditioning, Fault, Group, InputError, Outputs
from ...state.vocabulary import BatchSize, DepthMap, DType, ImagesPerPrompt, InputImage
from ..core.block import Block
from ..core.slots import component
from .given_image import given_image, is_latents
from .prepare_image_latents import repeat_to_batch

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import DPTForDepthEstimation, DPTImageProcessor


NO_DEPTH = (
    "image is latents, of which depth_estimator sees nothing: give the image itself, or depth_map=... beside them."
)


class EstimateDepth(Block):
    """Bring the depth of the images to the size of the latents: one that is given, or what a network sees."""

    vae: Autoencoder = component(config_only=True)
    depth_estimator: DPTForDepthEstimation = component(doc="Sees how far things are.")
    feature_extractor: DPTImageProcessor = component(doc="Prepares images for it.")

    class Out(Outputs):
        depth: Annotated[Conditioning, Group("depth")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say that latents show no depth."""
        if given.get("depth_map") is None and is_latents(given.get("image")):
            yield Fault(NO_DEPTH, "image")

    def run(
        self,
        image: InputImage,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        depth_map: DepthMap | None = None,
    ) -> Out:
        import torch

        channels = self.family.vae_channels(self.vae)
        given = given_image(image, "image", latent_channels=channels)
        shows_latents = is_latents(given, channels)
        if shows_latents and depth_map is None:
            raise InputError(NO_DEPTH)
        found = self._seen(given, dtype) if depth_map is None else depth_map.to(self.device, dtype)
        factor = 1 if shows_latents else self.family.vae_scale_factor(self.vae)
        height, width = (side // factor for side in _size(given))
        sized = torch.nn.functional.interpolate(
            found.unsqueeze(1), size=(height, width), mode="bicubic", align_corners=False
        )
        low, high = (edge(sized, dim=[1, 2, 3], keepdim=True) for edge in (torch.amin, torch.amax))
        if not bool((high > low).all()):
            # Divided by no difference, the classic pipeline makes images of NaN.
            raise InputError(
                "The depth of an image is the same everywhere, which leaves nothing near or far; give another depth_map."
            )
        scaled = (2.0 * (sized - low) / (high - low) - 1.0).to(dtype)
        (part,) = self.family.fields("depth")
        return self.Out(depth=Conditioning({part.positive: repeat_to_batch(scaled, batch_size, num_images_per_prompt)}))

    def _seen(self, images: Any, dtype: DType) -> Tensor:
        import torch

        pixels = self.feature_extractor(images=images, return_tensors="pt").pixel_values.to(self.device, dtype)
        # Its batch norms have no half precision of their own (the hybrid of DPT that was released with the model).
        half = dtype != torch.float32
        with torch.autocast(torch.device(self.device).type, dtype=dtype) if half else nullcontext():
            depth: Tensor = call_network(self.depth_estimator, pixels).predicted_depth
        return depth


def _size(images: Any) -> tuple[int, int]:
    """Return height and width of an image, or of the first of several."""
    first = images[0] if isinstance(images, list) else images
    if hasattr(first, "getbbox"):
        return int(first.height), int(first.width)
    import torch

    # Arrays have their channels last, and tensors first.
    height, width = first.shape[-2:] if isinstance(first, torch.Tensor) else first.shape[-3:-1]
    return int(height), int(width)
