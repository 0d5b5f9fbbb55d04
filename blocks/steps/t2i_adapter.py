"""T2I-Adapters: features of an image added to the denoiser's way down (Mou et al. 2023, https://arxiv.org/abs/2302.08453)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...engine.network_calls import call_network
from ...families.contract import ImageAdapter
from ...guiders import GuidanceBranch
from ...registry.compilation import uncompiled
from ...state import Fault, InputError, Outputs
from ...state.vocabulary import (
    AdapterFactor,
    BatchSize,
    ControlImage,
    ControlScale,
    DType,
    Height,
    ImagesPerPrompt,
    StepCount,
    StepIndex,
    Width,
)
from ...state.vocabulary import AdapterFeatures as AdapterFeatureList
from ..core.block import Block
from ..core.slots import component
from .control import for_each
from .denoise import Denoise, ScaleLatents, StepScheduler
from .denoiser_call import DenoiserCall, DenoiserInput
from .given_image import given_image, image_faults, refuse_too_small
from .predict_noise import PredictNoise, repeated
from .prepare_image_latents import repeat_to_batch

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor
    from torch import Tensor


class EncodeAdapterImage(Block):
    """Turn the adapter's image into features, once for all steps; where no size is known yet, it is the image's."""

    adapter: ImageAdapter = component(doc="Sees the image.")
    adapter_image_processor: VaeImageProcessor = component(
        config={"do_normalize": False, "vae_scale_factor": 8}, doc="From PIL images, arrays."
    )

    class Out(Outputs):
        adapter_features: AdapterFeatureList
        height: Height
        width: Width

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no image; a list may hold one for each adapter."""
        yield from image_faults(given, adapter_image="control")

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say of how many adapters the images or the scales are, where there are others."""
        if given.get("adapter_image") is not None:
            scale = given.get("adapter_conditioning_scale")
            try:
                self._per_adapter(given["adapter_image"], 1.0 if scale is None else scale)
            except InputError as error:
                yield Fault(str(error), "adapter_image", "adapter_conditioning_scale")

    def run(
        self,
        adapter_image: ControlImage,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        adapter_conditioning_scale: ControlScale = 1.0,
        height: Height | None = None,
        width: Width | None = None,
    ) -> Out:
        rows, size = self._rows(adapter_image, adapter_conditioning_scale, height, width)
        features = [repeat_to_batch(each.to(dtype), batch_size, num_images_per_prompt) for each in rows]
        return self.Out(adapter_features=features, height=size[0], width=size[1])

    def _rows(
        self, given: Any, scale: Any, height: int | None, width: int | None
    ) -> tuple[Sequence[Tensor], tuple[int, int]]:
        """Return features of the images, a row for each, and the size that the images were brought to."""
        adapter: Any = self.adapter
        images, scales = self._per_adapter(given, scale)
        pixels = []
        for each in images:
            image = given_image(each, "adapter_image", "control")
            height, width = self._size(image, height, width)
            made = self.adapter_image_processor.preprocess(image, height=height, width=width)
            self._refuse_channels(made.shape[1])
            pixels.append(made.to(self.device, adapter.dtype))
        assert height is not None
        assert width is not None
        if len(images) > 1:
            return call_network(adapter, pixels, scales), (height, width)
        return [each * scales[0] for each in call_network(adapter, pixels[0])], (height, width)

    def _refuse_channels(self, count: int) -> None:
        """Refuse images of other channels than the adapter reads.

        Raises:
            InputError: they are.
        """
        adapter: Any = self.adapter
        read = getattr(getattr(adapter, "adapters", [adapter])[0], "config", {}).get("in_channels")
        if read is not None and read != count:
            advice = ' Give them in grey: image.convert("L").' if read == 1 else ""
            raise InputError(f"adapter_image has {count} channels, and the adapter reads {read} (in_channels).{advice}")

    def _per_adapter(self, given: Any, scale: Any) -> tuple[Sequence[Any], list[float]]:
        """Return the image and the scale of each adapter."""
        adapter: Any = self.adapter
        count = len(getattr(adapter, "adapters", [adapter]))
        images = given if count > 1 else [given]
        if not isinstance(images, (list, tuple)) or len(images) != count:
            raise InputError(f"There are {count} adapters; give adapter_image a list with one image for each.")
        return images, for_each("adapter_conditioning_scale", scale, count, "adapters")

    def _size(self, image: Any, height: int | None, width: int | None) -> tuple[int, int]:
        """The image's size, down to what the adapter divides by, where none is given."""
        if height is not None and width is not None:
            return height, width
        adapter: Any = self.adapter
        refuse_too_small(image, "adapter_image", adapter.downscale_factor)
        own = self.adapter_image_processor.get_default_height_width(image)
        factor = adapter.downscale_factor
        return height or own[0] // factor * factor, width or own[1] // factor * factor


class EncodeSizedAdapterImage(EncodeAdapterImage):
    """Turn the adapter's image into features of the size that the images have, once for all steps."""

    class Out(Outputs):
        adapter_features: AdapterFeatureList

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        adapter_image: ControlImage,
        batch_size: BatchSize,
        dtype: DType,
        height: Height,
        width: Width,
        num_images_per_prompt: ImagesPerPrompt = 1,
        adapter_conditioning_scale: ControlScale = 1.0,
    ) -> Out:
        rows, _ = self._rows(adapter_image, adapter_conditioning_scale, height, width)
        features = [repeat_to_batch(each.to(dtype), batch_size, num_images_per_prompt) for each in rows]
        return self.Out(adapter_features=features)


class AdapterFeatures(DenoiserInput):
    """Features of a T2I-Adapter, for the denoiser's way down."""

    def prepare(
        self,
        i: StepIndex,
        num_inference_steps: StepCount,
        adapter_features: AdapterFeatureList,
        adapter_conditioning_factor: AdapterFactor = 1.0,
    ) -> list[Any] | None:
        """Return the features, as long as the adapter counts."""
        return adapter_features if i < int(num_inference_steps * adapter_conditioning_factor) else None

    def extra_inputs(
        self,
        prepared: list[Any],
        call: DenoiserCall,
        branches: Sequence[GuidanceBranch],
        latents: Tensor,
        kwargs: Mapping[str, Any],  # noqa: ARG002 - as in the base
    ) -> Mapping[str, Any]:
        """Return the features for every branch; the denoiser takes its list apart, so it gets one of its own.

        Raises:
            InputError: the denoiser has other sizes or channels where it adds them.
        """
        if call.step.index == 0:
            fault = features_fault(uncompiled(call.denoiser), prepared, latents.shape)
            if fault:
                raise InputError(fault)
        return {"down_intrablock_additional_residuals": [repeated(each, len(branches)) for each in prepared]}


def features_fault(denoiser: Any, features: Sequence[Tensor], latents: Sequence[int]) -> str | None:
    """Say that a denoiser adds features to something of another shape; None where they fit, and of denoisers of somebody's own.

    A block with attention adds them before it halves the sides, another one after that (diffusers 0.42.1, `unet_2d_condition.py`).

    Args:
        latents: the shape `[b c h w]`.
    """
    size = tuple(latents[-2:])
    for number, (block, given) in enumerate(zip(getattr(denoiser, "down_blocks", ()), features, strict=False)):
        halved = tuple(-(-side // 2) for side in size) if getattr(block, "downsamplers", None) else size
        is_before = getattr(block, "has_cross_attention", False)
        # What a block makes is what its last part makes.
        wanted = (block.resnets[-1].out_channels, *(size if is_before else halved))
        if tuple(given.shape[1:]) != wanted:
            return (
                f"The T2I-Adapter makes features of {given.shape[1]} channels and {given.shape[2]}x{given.shape[3]} for block {number} of the denoiser, "
                f"which has {wanted[0]} channels and {wanted[1]}x{wanted[2]} there: they do not belong together. Take an adapter that was trained with "
                "this model (channels, downscale_factor and adapter_type of its configuration)."
            )
        size = halved
    return None


class PredictAdapted(PredictNoise):
    """Predict, with a T2I-Adapter's features."""

    parts = [AdapterFeatures]


class AdaptedDenoise(Denoise):
    """Denoise the latents, with a T2I-Adapter's features."""

    block_classes = [ScaleLatents, PredictAdapted, StepScheduler]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]
