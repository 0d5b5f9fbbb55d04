"""Tasks are functions of a family: what a family does not have, no step asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from untold_family import UNTOLD

from brickwork import CompositionError, LoopSequentialPipelineBlocks, SequentialPipelineBlocks
from brickwork.blocks import StepScheduler
from brickwork.families.contract import FamilyContract
from brickwork.families.stable_diffusion import SD
from brickwork.presets import tasks
from brickwork.presets.sdxl import (
    AUTO_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    REFINER_BLOCKS,
    SAFETY_BLOCKS,
    SDXL,
    SECOND_UNET_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    with_adapter,
    with_control,
    with_refiner,
)
from brickwork.presets.windows import with_windows

TASKS = [tasks.text2image, tasks.image2image, tasks.inpainting]
Task = Callable[[FamilyContract], tasks.Blocks]


@pytest.mark.parametrize("task", TASKS)
def test_every_step_is_bound_to_the_family(task: Task) -> None:
    assert all(block.family is UNTOLD for block in task(UNTOLD).values())


@pytest.mark.parametrize("task", TASKS)
def test_a_family_that_is_told_no_sizes_has_no_step_for_them(task: Task) -> None:
    made = task(UNTOLD)
    assert list(made) == [name for name in task(SDXL) if name != "prepare_add_cond"]
    blocks = SequentialPipelineBlocks.from_blocks_dict(made)
    assert blocks.check().faults == ()
    assert "original_size" not in blocks.input_names


@pytest.mark.parametrize(
    ("task", "before"),
    [(tasks.text2image, "prepare_latents"), (tasks.image2image, "denoise"), (tasks.inpainting, "denoise")],
)
def test_control_is_put_where_its_size_is_known(task: Task, before: str) -> None:
    made = tasks.with_control(task(UNTOLD), UNTOLD)
    names = list(made)
    assert names[names.index("controlnet_input") + 1] == before
    assert SequentialPipelineBlocks.from_blocks_dict(made).check().faults == ()


def test_what_is_made_for_a_size_is_made_where_control_has_said_it() -> None:
    """Of windows and of maps of change there was a warning otherwise, that control says the size too late."""
    windowed = tasks.with_control(with_windows(tasks.image2image(SDXL), SDXL), SDXL)
    assert list(windowed).index("controlnet_input") == list(windowed).index("windows") - 1
    differential = tasks.with_control(tasks.differential(SD), SD)
    assert list(differential).index("controlnet_input") == list(differential).index("prepare_map") - 1
    for made in (windowed, differential):
        assert SequentialPipelineBlocks.from_blocks_dict(made).check().warnings == ()


def test_inpainting_is_steered_within_its_mask() -> None:
    steered = tasks.with_control(tasks.inpainting(UNTOLD), UNTOLD)["denoise"]()
    assert list(steered.sub_blocks["after_denoiser"].sub_blocks) == ["step", "blend"]  # type: ignore[attr-defined]


def test_a_task_is_a_dict_of_its_own() -> None:
    made = tasks.text2image(SDXL)
    made.pop("decode")
    assert "decode" in TEXT2IMAGE_BLOCKS
    assert "decode" in tasks.text2image(SDXL)


IMAGE_TASKS = {"image2image": IMAGE2IMAGE_BLOCKS, "inpainting": INPAINT_BLOCKS}


@pytest.mark.parametrize("task", IMAGE_TASKS)
def test_an_adapter_takes_the_size_of_a_task_that_has_one(task: str) -> None:
    blocks = IMAGE_TASKS[task]
    for made in (with_adapter(blocks), with_adapter(with_control(blocks)), with_control(with_adapter(blocks))):
        report = SequentialPipelineBlocks.from_blocks_dict(made).check()
        assert (report.faults, report.warnings) == ((), ())
        names = list(made)
        assert names.index("prepare_latents") < names.index("adapter_input") < names.index("prepare_add_cond")
    assert SequentialPipelineBlocks.from_blocks_dict(with_adapter(TEXT2IMAGE_BLOCKS)).check().warnings == ()


@pytest.mark.parametrize("told", [with_control, with_adapter])
def test_a_network_is_told_to_one_task_and_the_error_says_where(told: Callable[[Any], Any]) -> None:
    with pytest.raises(CompositionError) as caught:
        told(AUTO_BLOCKS)
    text = str(caught.value)
    assert text.startswith("'denoise' is AutoDenoise, a choice between 'inpaint', 'text2image', and ")
    assert "such as TEXT2IMAGE_BLOCKS or IMAGE2IMAGE_BLOCKS" in text
    assert "AUTO_BLOCKS themselves are steered by ControlNets where control_image is given" in text
    loop = LoopSequentialPipelineBlocks.from_blocks_dict({"step": StepScheduler.bind(SDXL)})
    with pytest.raises(
        CompositionError, match="which has no PredictNoise among its blocks.* Give the blocks of a task"
    ):
        told({**TEXT2IMAGE_BLOCKS, "denoise": loop})


def test_a_safety_checker_and_image_prompts_are_shown_images_of_one_size() -> None:
    report = SequentialPipelineBlocks.from_blocks_dict({**AUTO_BLOCKS, **SAFETY_BLOCKS}).check()
    assert (report.faults, report.warnings) == ((), ())


def test_tasks_that_no_refiner_goes_on_with_are_refused_with_what_to_do() -> None:
    for blocks, words in (
        (INPAINT_BLOCKS, "keeps what lies outside of the mask after every step.* REFINER_INPAINT_BLOCKS"),
        (
            AUTO_BLOCKS,
            "'set_timesteps' of these blocks is AutoSetTimesteps, .* Give TEXT2IMAGE_BLOCKS or IMAGE2IMAGE_BLOCKS",
        ),
        (
            {"decode": TEXT2IMAGE_BLOCKS["decode"]},
            "there is no 'set_timesteps' among these blocks. Give those of a task",
        ),
    ):
        with pytest.raises(CompositionError, match=words):
            with_refiner(blocks)


@pytest.mark.parametrize("refiner", [REFINER_BLOCKS, SECOND_UNET_BLOCKS])
def test_image_to_image_has_a_refiner_without_a_fault_or_an_input_of_its_own(refiner: Any) -> None:
    made = SequentialPipelineBlocks.from_blocks_dict(with_refiner(IMAGE2IMAGE_BLOCKS, refiner))
    report = made.check()
    assert (report.faults, report.warnings) == ((), ())
    assert [param.name for param in made.workflow().required] == ["prompt", "image"]
    assert "hand_over" in made.input_names
