"""The seed's custom workflow, differential diffusion (https://differential-diffusion.github.io), examples E49 to E52.

Its code is corrected where it cannot run: thresholds are compared per picture row, and masks are numbers.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler
from diffusers.image_processor import VaeImageProcessor
from PIL import Image

from brickwork import ModularPipeline
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
from brickwork.presets.embedded import FOLDER
from embedded_model.oracle import Oracle, as_picture


class SDXLDiffDiffPrepareLatentsStep(ModularPipelineBlocks):
    model_name = "stable-diffusion-xl"

    @property
    def description(self) -> str:
        return "Prepare the latents of every noise level, and the masks of the change map"

    @property
    def expected_components(self) -> list[ComponentSpec]:
        config = {"do_normalize": False, "do_convert_grayscale": True}
        return [
            ComponentSpec("vae", AutoencoderKL),
            ComponentSpec("scheduler", EulerDiscreteScheduler),
            ComponentSpec("mask_processor", VaeImageProcessor, config=config, default_creation_method="from_config"),
        ]

    @property
    def inputs(self) -> list[InputParam]:
        return [
            InputParam("image_latents", required=True, type_hint=torch.Tensor),
            InputParam("diffdiff_map", required=True),
            InputParam("timesteps", required=True, type_hint=torch.Tensor),
            InputParam("num_inference_steps", required=True, type_hint=int),
            InputParam("denoising_start"),
            InputParam("generator"),
        ]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        names = ("latents", "original_latents", "diffdiff_masks", "height", "width")
        return [OutputParam(name) for name in names]

    def __call__(self, components: Any, state: PipelineState) -> Any:
        block_state = self.get_block_state(state)
        pictures = block_state.image_latents
        count, (rows, columns) = len(block_state.timesteps), pictures.shape[-2:]
        noise = torch.randn(pictures.shape, generator=block_state.generator)
        scheduler = components.scheduler
        many = pictures.repeat(count, 1, 1, 1)
        scheduler.set_begin_index(None)
        block_state.original_latents = scheduler.add_noise(many, noise.repeat(count, 1, 1, 1), block_state.timesteps)
        scheduler.set_begin_index(0)
        change = components.mask_processor.preprocess(block_state.diffdiff_map, height=rows * 8, width=columns * 8)
        change = torch.nn.functional.interpolate(change, size=(rows, columns)).squeeze(0)
        thresholds = torch.arange(count, dtype=change.dtype) / count
        block_state.diffdiff_masks = change > (thresholds + (block_state.denoising_start or 0))[:, None, None]
        block_state.latents = block_state.original_latents[:1]
        factor = 2 ** (len(components.vae.config.block_out_channels) - 1)
        block_state.height, block_state.width = rows * factor, columns * factor
        self.set_block_state(state, block_state)
        return components, state


class SDXLDiffDiffLoopBeforeDenoiser(ModularPipelineBlocks):
    model_name = "stable-diffusion-xl"

    @property
    def description(self) -> str:
        return "Step within the denoising loop for differential diffusion that prepares the latents for the denoiser"

    @property
    def expected_components(self) -> list[ComponentSpec]:
        return [ComponentSpec("scheduler", EulerDiscreteScheduler)]

    @property
    def inputs(self) -> list[InputParam]:
        return [
            InputParam("latents", required=True, type_hint=torch.Tensor),
            InputParam("denoising_start"),
            InputParam("original_latents", required=True, type_hint=torch.Tensor),
            InputParam("diffdiff_masks", required=True, type_hint=torch.Tensor),
        ]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("scaled_latents", type_hint=torch.Tensor)]

    def __call__(self, components: Any, block_state: Any, i: int, t: Any) -> Any:
        if i == 0 and block_state.denoising_start is None:
            block_state.latents = block_state.original_latents[:1]
        else:
            mask = block_state.diffdiff_masks[i].unsqueeze(0).unsqueeze(1).to(block_state.latents.dtype)
            block_state.latents = block_state.original_latents[i] * mask + block_state.latents * (1 - mask)
        block_state.scaled_latents = components.scheduler.scale_model_input(block_state.latents, t)
        return components, block_state


class SDXLDiffDiffDenoiseStep(StableDiffusionXLDenoiseLoopWrapper):  # type: ignore[misc, valid-type]  # made by bind
    block_classes = [SDXLDiffDiffLoopBeforeDenoiser, StableDiffusionXLLoopDenoiser, StableDiffusionXLLoopAfterDenoiser]
    block_names = ["before_denoiser", "denoiser", "after_denoiser"]


def assembled() -> SequentialPipelineBlocks:
    blocks = IMAGE2IMAGE_BLOCKS.copy()
    blocks["set_timesteps"] = TEXT2IMAGE_BLOCKS["set_timesteps"]
    blocks["prepare_latents"] = SDXLDiffDiffPrepareLatentsStep
    blocks["denoise"] = SDXLDiffDiffDenoiseStep
    return SequentialPipelineBlocks.from_blocks_dict(blocks)


@pytest.fixture(scope="module")
def pipe(embedded_pipe: ModularPipeline) -> ModularPipeline:
    made = assembled().init_pipeline(str(FOLDER))
    made.update_components(
        **{name: embedded_pipe.components[name] for name in embedded_pipe.pretrained_component_names}
    )
    made.update_components(guider=embedded_pipe.guider)
    made.configure(progress=False)
    return made


def test_e51_the_copy_leaves_the_preset_as_it_was() -> None:
    assert list(assembled().sub_blocks) == list(IMAGE2IMAGE_BLOCKS)
    assert IMAGE2IMAGE_BLOCKS["denoise"] is TEXT2IMAGE_BLOCKS["denoise"]
    assert "strength" not in assembled().input_names


def test_e51_the_composition_has_no_fault_and_says_what_it_needs() -> None:
    report = assembled().check()
    assert (report.faults, report.warnings) == ((), ())
    required = [param.name for param in assembled().workflow().required]
    assert sorted(required) == ["diffdiff_map", "image", "prompt"]


def test_e49_e50_latents_are_noised_at_every_level_and_masks_grow(pipe: ModularPipeline) -> None:
    state = pipe(
        prompt="a red circle",
        image=Image.new("RGB", (64, 64), "white"),
        diffdiff_map=Image.new("L", (64, 64), 128),
        num_inference_steps=4,
        generator=torch.Generator().manual_seed(0),
        output_type="latent",
    )
    assert state.get("original_latents").shape == (4, 4, 16, 16)
    masks = state.get("diffdiff_masks")
    assert masks.shape == (4, 16, 16)
    assert [bool(mask.all()) for mask in masks] == [True, True, True, False]
    assert not masks[3].any()
    deviations = state.get("original_latents").std((1, 2, 3))
    assert (deviations[:-1] > deviations[1:]).all()


def test_e52_a_white_map_keeps_the_picture_and_a_black_one_redraws_it(
    pipe: ModularPipeline, embedded_pipe: ModularPipeline, oracle: Oracle
) -> None:
    options: dict[str, Any] = {"num_inference_steps": 20, "guidance_scale": 5.0, "output": "images"}
    red = embedded_pipe(prompt="a red circle", generator=torch.Generator().manual_seed(0), **options)[0]
    assert oracle.shapes(red) == [("circle", "red")]
    found = {}
    for name, level in (("white", 255), ("black", 0)):
        found[name] = pipe(
            prompt="a blue square",
            image=red,
            diffdiff_map=Image.new("L", (64, 64), level),
            generator=torch.Generator().manual_seed(1),
            **options,
        )[0]
    assert oracle.shapes(found["black"]) == [("square", "blue")]
    assert oracle.colour(found["white"]) == "red"
    change = {name: abs(as_picture(picture) - as_picture(red)).mean() for name, picture in found.items()}
    assert change["white"] < 0.4 * change["black"]
