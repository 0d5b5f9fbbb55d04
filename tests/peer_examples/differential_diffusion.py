"""Differential diffusion (https://differential-diffusion.github.io) as diffusers' page builds it: two replaced blocks.

Corrected where the page cannot run: thresholds stand one per picture row, masks are numbers, latents have every noise level.
"""

from typing import Any

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler
from diffusers.configuration_utils import FrozenDict
from diffusers.image_processor import VaeImageProcessor

from brickwork.modular_pipelines import (
    ComponentSpec,
    InputParam,
    ModularPipelineBlocks,
    OutputParam,
    PipelineState,
    SequentialPipelineBlocks,
)
from brickwork.modular_pipelines.stable_diffusion_xl import (
    IMAGE2IMAGE_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    StableDiffusionXLDenoiseLoopWrapper,
    StableDiffusionXLLoopAfterDenoiser,
    StableDiffusionXLLoopDenoiser,
)


class SDXLDiffDiffPrepareLatentsStep(ModularPipelineBlocks):
    model_name = "stable-diffusion-xl"

    @property
    def description(self) -> str:
        return "Prepare the latents of every noise level, and the masks of the change map"

    @property
    def expected_components(self) -> list[ComponentSpec]:
        return [
            ComponentSpec("vae", AutoencoderKL),
            ComponentSpec("scheduler", EulerDiscreteScheduler),
            ComponentSpec(
                "mask_processor",
                VaeImageProcessor,
                config=FrozenDict({"do_normalize": False, "do_convert_grayscale": True}),
                default_creation_method="from_config",  # the page leaves it out, and nothing could be loaded then
            ),
        ]

    @property
    def inputs(self) -> list[InputParam]:
        return [
            InputParam("generator"),
            InputParam("diffdiff_map", required=True),
            InputParam("timesteps", type_hint=torch.Tensor),
            InputParam("num_inference_steps", type_hint=int),
            InputParam("image_latents", required=True, type_hint=torch.Tensor),
            InputParam("denoising_start"),
        ]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [
            OutputParam("latents", type_hint=torch.Tensor),
            OutputParam("original_latents", type_hint=torch.Tensor),
            OutputParam("diffdiff_masks", type_hint=torch.Tensor),
            OutputParam("height", type_hint=int),
            OutputParam("width", type_hint=int),
        ]

    def __call__(self, components: Any, state: PipelineState) -> Any:
        block_state = self.get_block_state(state)
        latents, scheduler = block_state.image_latents, components.scheduler
        count, (latent_height, latent_width) = len(block_state.timesteps), latents.shape[-2:]
        noise = torch.randn(latents.shape, generator=block_state.generator).to(latents)
        scheduler.set_begin_index(None)
        block_state.latents = scheduler.add_noise(
            latents.repeat(count, 1, 1, 1), noise.repeat(count, 1, 1, 1), block_state.timesteps
        )
        scheduler.set_begin_index(0)
        # Process change map and create masks
        diffdiff_map = components.mask_processor.preprocess(
            block_state.diffdiff_map, height=latent_height, width=latent_width
        ).squeeze(0)
        thresholds = (
            torch.arange(block_state.num_inference_steps, dtype=diffdiff_map.dtype) / block_state.num_inference_steps
        )
        thresholds = (thresholds + (block_state.denoising_start or 0))[:, None, None]
        block_state.diffdiff_masks = (diffdiff_map > thresholds).to(latents.device)
        block_state.original_latents = block_state.latents
        block_state.latents = block_state.original_latents[:1]
        factor = 2 ** (len(components.vae.config.block_out_channels) - 1)
        block_state.height, block_state.width = latent_height * factor, latent_width * factor
        self.set_block_state(state, block_state)
        return components, state


class SDXLDiffDiffLoopBeforeDenoiser(ModularPipelineBlocks):
    model_name = "stable-diffusion-xl"

    @property
    def description(self) -> str:
        return (
            "Step within the denoising loop for differential diffusion that prepare the latent input for the denoiser"
        )

    @property
    def expected_components(self) -> list[ComponentSpec]:
        return [ComponentSpec("scheduler", EulerDiscreteScheduler)]

    @property
    def inputs(self) -> list[InputParam]:
        return [
            InputParam("latents", required=True, type_hint=torch.Tensor),
            InputParam("denoising_start"),
            InputParam("original_latents", type_hint=torch.Tensor),
            InputParam("diffdiff_masks", type_hint=torch.Tensor),
        ]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("scaled_latents", type_hint=torch.Tensor)]

    def __call__(self, components: Any, block_state: Any, i: int, t: Any) -> Any:
        # Apply differential diffusion logic
        if i == 0 and block_state.denoising_start is None:
            block_state.latents = block_state.original_latents[:1]
        else:
            block_state.mask = block_state.diffdiff_masks[i].unsqueeze(0).unsqueeze(1).to(block_state.latents.dtype)
            block_state.latents = block_state.original_latents[i] * block_state.mask + block_state.latents * (
                1 - block_state.mask
            )
        block_state.scaled_latents = components.scheduler.scale_model_input(block_state.latents, t)
        return components, block_state


class SDXLDiffDiffDenoiseStep(StableDiffusionXLDenoiseLoopWrapper):  # type: ignore[misc, valid-type]  # made by bind
    block_classes = [SDXLDiffDiffLoopBeforeDenoiser, StableDiffusionXLLoopDenoiser, StableDiffusionXLLoopAfterDenoiser]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]


DIFFDIFF_BLOCKS = IMAGE2IMAGE_BLOCKS.copy()
DIFFDIFF_BLOCKS["set_timesteps"] = TEXT2IMAGE_BLOCKS["set_timesteps"]
DIFFDIFF_BLOCKS["prepare_latents"] = SDXLDiffDiffPrepareLatentsStep
DIFFDIFF_BLOCKS["denoise"] = SDXLDiffDiffDenoiseStep


class DiffDiffBlocks(SequentialPipelineBlocks):
    """Differential diffusion: a map says how much each place may change."""

    model_name = "stable-diffusion-xl"
    block_classes = list(DIFFDIFF_BLOCKS.values())
    block_names = list(DIFFDIFF_BLOCKS)
