"""Schedulers whose members do not do for the blocks are refused in words, before anything is computed; all others run."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import diffusers
import pytest
import torch
from coarse_images import picture

from brickwork import (
    AutoPipelineBlocks,
    Block,
    ComponentError,
    InputError,
    ModularPipeline,
    SequentialPipelineBlocks,
    component,
)
from brickwork.families.asked_members import ADD_NOISE, LEVELS, STEP, lacking
from brickwork.families.contract import Scheduler
from brickwork.families.sdxl import SDXL
from brickwork.presets.sdxl import IMAGE2IMAGE_BLOCKS, TEXT2IMAGE_BLOCKS
from brickwork.state.errors import with_article

CLASSES = sorted(name for name in dir(diffusers) if name.endswith("Scheduler"))
REFUSED = {
    # Of language models and of discrete tokens, of flow matching, of other loops.
    "BlockRefinementScheduler", "CogVideoXDPMScheduler", "DDPMWuerstchenScheduler", "DiscreteDDIMScheduler",
    "EntropyBoundScheduler", "FlowMapEulerDiscreteScheduler", "FlowMatchEulerDiscreteScheduler",
    "FlowMatchHeunDiscreteScheduler", "FlowMatchLCMScheduler", "HeliosDMDScheduler", "HeliosScheduler", "KarrasVeScheduler",
    "LTXEulerAncestralRFScheduler", "MiniMaxH3Scheduler", "PiflowScheduler", "RePaintScheduler", "SCMScheduler",
    "ScoreSdeVeScheduler",
}  # fmt: skip
UNMADE = {
    "AmusedScheduler", "CosineDPMSolverMultistepScheduler", "DPMSolverSDEScheduler", "RFD4ProteinaScheduler",
    "VQDiffusionScheduler",
}  # fmt: skip
"""Of these there is no object: they want arguments of their own, or a library that is not installed."""


def made(name: str, config: Any) -> Any:
    """As a person makes it: from the present configuration, else of its own."""
    cls = getattr(diffusers, name)
    try:
        return cls.from_config(config)
    except (TypeError, ValueError):
        return cls()


def run(pipe: ModularPipeline, **inputs: Any) -> Any:
    settings = {"prompt": "a red circle", "num_inference_steps": 2, "output_type": "latent", "height": 32, "width": 32}
    return pipe(**{**settings, **inputs}, generator=torch.Generator().manual_seed(0), output="images")


def test_every_scheduler_of_diffusers_runs_or_is_refused_when_it_is_given(tiny_pipe: ModularPipeline) -> None:
    config = tiny_pipe.scheduler.config
    refused, unmade = dict[str, str](), set()
    for name in CLASSES:
        try:
            scheduler = made(name, config)
        except (ImportError, TypeError):
            unmade.add(name)
            continue
        try:
            tiny_pipe.update_components(scheduler=scheduler)
        except ComponentError as error:
            refused[name] = str(error)
            continue
        steps = 4 if name == "PNDMScheduler" else 2  # its first steps are four by Runge-Kutta
        assert torch.isfinite(run(tiny_pipe, num_inference_steps=steps)).all(), name
    assert refused.keys() == REFUSED
    for name, told in refused.items():
        assert told.startswith(f"'scheduler' is {with_article(name)}, which the blocks cannot run: it")
        assert "EulerDiscreteScheduler" in told
    assert unmade == UNMADE


def give_by_name(pipe: ModularPipeline) -> Any:
    return lambda scheduler: pipe.update_components(scheduler=scheduler)


@pytest.mark.parametrize("way", ["update", "attribute", "name"])
def test_the_error_says_what_is_lacking_and_what_to_take(way: str, tiny_pipe: ModularPipeline) -> None:
    given = "FlowMatchEulerDiscreteScheduler" if way == "name" else diffusers.FlowMatchEulerDiscreteScheduler()
    before = tiny_pipe.scheduler
    give = partial(setattr, tiny_pipe, "scheduler") if way == "attribute" else give_by_name(tiny_pipe)
    with pytest.raises(ComponentError) as caught:
        give(given)
    told = str(caught.value)
    assert "it has no init_noise_sigma (how strong the first noise is); it has no scale_model_input" in told
    assert told.count("UniPCMultistepScheduler, use_flow_sigmas=True and prediction_type='flow_prediction'") == 1
    assert tiny_pipe.scheduler is before


def test_what_the_error_names_for_models_of_flow_matching_runs(tiny_pipe: ModularPipeline) -> None:
    for name in ("DPMSolverMultistepScheduler", "UniPCMultistepScheduler"):
        tiny_pipe.update_components(
            scheduler={"name": name, "use_flow_sigmas": True, "prediction_type": "flow_prediction"}
        )
        assert torch.isfinite(run(tiny_pipe)).all()


def test_a_scheduler_that_came_from_a_folder_is_refused_before_the_run(tiny_pipe: ModularPipeline) -> None:
    tiny_pipe.components["scheduler"] = diffusers.FlowMatchEulerDiscreteScheduler()  # as loading puts it
    with pytest.raises(
        InputError, match="'scheduler' is a FlowMatchEulerDiscreteScheduler, which the blocks cannot run"
    ):
        run(tiny_pipe)


class FromImage(SequentialPipelineBlocks):
    block_classes = list(IMAGE2IMAGE_BLOCKS.values())
    block_names = list(IMAGE2IMAGE_BLOCKS)


class FromText(SequentialPipelineBlocks):
    block_classes = list(TEXT2IMAGE_BLOCKS.values())
    block_names = list(TEXT2IMAGE_BLOCKS)


class EitherTask(AutoPipelineBlocks):
    block_classes = [FromImage, FromText]
    block_names = ["from_image", "from_text"]
    block_trigger_inputs = ["image", None]


def test_what_one_workflow_can_run_is_refused_in_the_others(tiny_pipe: ModularPipeline) -> None:
    pipe = EitherTask().init_pipeline()
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.configure(progress=False)
    pipe.update_components(scheduler=diffusers.UnCLIPScheduler())
    assert torch.isfinite(run(pipe)).all()
    with pytest.raises(InputError, match="it has no order"):
        run(pipe, image=picture(), strength=1.0, height=None, width=None)
    with pytest.raises(ComponentError, match="it has no scale_model_input"):
        pipe.update_components(scheduler=diffusers.FlowMatchEulerDiscreteScheduler())


def test_a_scheduler_that_adds_no_noise_takes_latents_of_an_image(tiny_pipe: ModularPipeline) -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict(IMAGE2IMAGE_BLOCKS).init_pipeline()
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.configure(progress=False)
    pipe.update_components(scheduler="DDIMInverseScheduler")
    inputs = {"image": picture(), "strength": 1.0, "height": None, "width": None}
    with pytest.raises(InputError, match="it has no add_noise.*give latents"):
        run(pipe, **inputs)
    assert torch.isfinite(run(pipe, **inputs, latents=torch.zeros(1, 4, 8, 8))).all()


class OwnLoop(Block):
    """Runs any scheduler in its own way."""

    scheduler: Scheduler = component()

    def run(self) -> None:
        assert not hasattr(self.scheduler, "scale_model_input")


def test_blocks_of_ones_own_ask_what_they_say() -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"own": OwnLoop.bind(SDXL)()}).init_pipeline()
    pipe.update_components(scheduler=diffusers.FlowMatchEulerDiscreteScheduler())
    pipe()


class Plain:
    """Of another library."""

    def step(self, *values: Any, **options: Any) -> None: ...


def test_a_class_without_a_configuration_or_with_any_arguments_does() -> None:
    assert lacking(Plain(), [LEVELS, STEP]) == []
    assert lacking(Plain(), [ADD_NOISE]) == ["it has no add_noise (noise on an image, as much as a timestep has)"]
    with pytest.raises(TypeError):
        inspect.signature(diffusers.CogVideoXDPMScheduler.step).bind(None, None, None, None)
    (fault,) = lacking(diffusers.CogVideoXDPMScheduler(), [STEP])
    assert fault.startswith("its step (goes from one noise level to the next) is called in another way: missing")
