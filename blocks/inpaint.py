"""What inpainting adds: the mask, and blending the known area in after every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..state import Outputs
from ..state.vocabulary import (
    BatchSize,
    DType,
    Height,
    ImageLatents,
    ImagesPerPrompt,
    Latents,
    Mask,
    MaskImage,
    Noise,
    StepIndex,
    Timesteps,
    Width,
)
from .block import Block
from .contract import Autoencoder, Scheduler
from .control import PredictControlled
from .denoise import Denoise, ScaleLatents, StepScheduler
from .predict_noise import PredictNoise
from .prepare_image_latents import row_per_picture
from .sequential import SequentialPipelineBlocks
from .slots import component

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor


class PrepareMask(Block):
    """Bring the mask to the size of the latents."""

    vae: Autoencoder = component(config_only=True)
    mask_processor: VaeImageProcessor = component(
        config={"vae_scale_factor": 8, "do_normalize": False, "do_binarize": True, "do_convert_grayscale": True},
        doc="From PIL images and arrays to 0 and 1.",
    )

    class Out(Outputs):
        mask: Mask

    def run(
        self,
        mask_image: MaskImage,
        height: Height,
        width: Width,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        from torch.nn import functional as F

        mask = self.mask_processor.preprocess(mask_image, height=height, width=width)
        factor = self.family.vae_scale_factor(self.vae)
        mask = F.interpolate(mask, size=(height // factor, width // factor)).to(self.device, dtype)
        return self.Out(mask=row_per_picture(mask, batch_size, num_images_per_prompt))


class BlendKnown(Block):
    """Put the given picture, with the noise of the next step, back where the mask is black."""

    scheduler: Scheduler = component(mutates=True)

    class Out(Outputs):
        latents: Latents

    def run(
        self,
        latents: Latents,
        mask: Mask,
        noise: Noise,
        image_latents: ImageLatents,
        timesteps: Timesteps,
        i: StepIndex,
    ) -> Out:
        scheduler: Any = self.scheduler
        known = image_latents
        if i < len(timesteps) - 1:
            known = scheduler.add_noise(known, noise, timesteps[i + 1 : i + 2])
        return self.Out(latents=(1 - mask) * known + mask * latents)


class StepAndBlend(SequentialPipelineBlocks):
    """Take one step of the solver, then put the known area back."""

    block_classes = [StepScheduler, BlendKnown]
    block_names = ["step", "blend"]


class ControlledInpaintDenoise(Denoise):
    """Denoise the masked area, steered by ControlNets."""

    block_classes = [ScaleLatents, PredictControlled, StepAndBlend]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]


class InpaintDenoise(Denoise):
    """Denoise the masked area, step by step."""

    block_classes = [ScaleLatents, PredictNoise, StepAndBlend]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]
