"""Tasks are functions of a family: what a family does not have, no step asks for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from untold_family import UNTOLD

from brickwork import SequentialPipelineBlocks
from brickwork.families.contract import FamilyContract
from brickwork.presets import tasks
from brickwork.presets.sdxl import SDXL, TEXT2IMAGE_BLOCKS

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


def test_inpainting_is_steered_within_its_mask() -> None:
    steered = tasks.with_control(tasks.inpainting(UNTOLD), UNTOLD)["denoise"]()
    assert list(steered.sub_blocks["after_denoiser"].sub_blocks) == ["step", "blend"]  # type: ignore[attr-defined]


def test_a_task_is_a_dict_of_its_own() -> None:
    made = tasks.text2image(SDXL)
    made.pop("decode")
    assert "decode" in TEXT2IMAGE_BLOCKS
    assert "decode" in tasks.text2image(SDXL)
