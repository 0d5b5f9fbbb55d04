"""Control images for ControlNets that read them as latents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...families.contract import Autoencoder
from ...families.controlnet import nets_of
from ...families.transformer_control import reads_pixels
from ...state import Outputs
from ...state.vocabulary import (
    BatchSize,
    ControlEnd,
    ControlImage,
    ControlImages,
    ControlKeep,
    ControlMode,
    ControlScale,
    ControlScales,
    ControlStart,
    ControlTypes,
    DType,
    Generators,
    Height,
    ImagesPerPrompt,
    ScheduledSteps,
    StepCount,
    Width,
)
from ..core.slots import component
from .control import ControlAsked, PrepareControl
from .decode import VAE_ADVICE
from .encode_image import encoded

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor
    from torch import Tensor


class EncodeControl(PrepareControl):
    """Encode the control images with the VAE, and say how much each counts at each step.

    Nets that have layers of their own for images (`conditioning_embedding_channels`) are given pixels.
    """

    memory_advice = VAE_ADVICE

    vae: Autoencoder = component(doc="Between images and latents.")
    control_image_processor: VaeImageProcessor = component(
        config={"vae_scale_factor": 8}, doc="From PIL images, arrays."
    )

    class Out(Outputs):
        controlnet_cond: ControlImages
        conditioning_scale: ControlScales
        controlnet_keep: ControlKeep
        control_kinds: ControlTypes

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        control_image: ControlImage,
        batch_size: BatchSize,
        dtype: DType,
        num_inference_steps: StepCount,
        height: Height,
        width: Width,
        scheduled_steps: ScheduledSteps | None = None,
        num_images_per_prompt: ImagesPerPrompt = 1,
        controlnet_conditioning_scale: ControlScale | None = None,
        control_guidance_start: ControlStart = 0.0,
        control_guidance_end: ControlEnd = 1.0,
        control_mode: ControlMode | None = None,
        generator: Generators | None = None,
    ) -> Out:
        asked = ControlAsked(controlnet_conditioning_scale, control_guidance_start, control_guidance_end, control_mode)
        rows = (batch_size, num_images_per_prompt, dtype)
        made, *_ = self.prepared(control_image, asked, rows, scheduled_steps or num_inference_steps, height, width)
        nets = nets_of(self.controlnet)
        images = [made["controlnet_cond"]] if len(nets) == 1 else made["controlnet_cond"]
        latents = [
            given if reads_pixels(net) else self._latents(given, generator)
            for net, given in zip(nets, images, strict=True)
        ]
        made["controlnet_cond"] = latents[0] if len(nets) == 1 else latents
        return self.Out(**made)

    def _latents(self, given: Tensor | list[Tensor], generator: Any) -> Any:
        """Encode the images of one net: one, or one for each kind of control."""
        if isinstance(given, list):
            return [self._latents(each, generator) for each in given]
        return encoded(self.family, self.vae, given, generator, self.device)
