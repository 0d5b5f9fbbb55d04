"""Adopted classic pipelines on a device that is too small: bit-equal to a run without a budget, or refused with the smallest that serves."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
import torch
from adoption_classes import load
from classic_rows.row import differences
from device_doubles import AwayMemory, RecordedStreams, put_on_lines
from family_classics import ALL_ROWS as ROWS
from family_classics import CHEAP

import brickwork
from brickwork import ComponentError, ComponentsManager, ModularPipeline
from brickwork.registry.loading.weights import bytes_of

pytestmark = pytest.mark.filterwarnings("ignore:.*safety checker.*")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "each" in metafunc.fixturenames:
        metafunc.parametrize("each", sorted(ROWS) if metafunc.config.getoption("--long") else CHEAP)


def placed_pipe(name: str) -> tuple[ModularPipeline, dict[str, Any]]:
    row = ROWS[name]
    pipe = brickwork.adopt(load(name)).init_pipeline(components_manager=ComponentsManager())
    pipe.configure(progress=False)
    parts = {part: copy.deepcopy(each) for part, each in row.parts().items()}
    put_on_lines(parts)
    pipe.update_components(**{part: parts.get(part) for part in pipe.component_names})
    if row.configs:
        pipe.update_config(**row.configs)
    return pipe, dict(row.inputs)


def ran(pipe: ModularPipeline, inputs: dict[str, Any]) -> Any:
    asked = copy.deepcopy(inputs)
    # Some draw from torch's own generator, too, or take no other.
    torch.manual_seed(7)
    seeded = {"seed": 1} if "generator" in pipe.blocks.input_names else {}
    return pipe(**asked, **seeded, output=list(pipe.blocks.intermediate_output_names))


def place(pipe: ModularPipeline, budget: int, streams: Any = None, **more: Any) -> AwayMemory:
    assert pipe.manager is not None
    memory = AwayMemory(streams)
    pipe.manager.enable_auto_cpu_offload("cpu", budget=budget, memory=memory, **more)
    return memory


def refused(pipe: ModularPipeline, inputs: dict[str, Any], budget: int, **more: Any) -> int:
    """Return the smallest budget, as the refusal of a smaller one names it."""
    memory = place(pipe, budget, **more)
    with pytest.raises(ComponentError) as caught:
        ran(pipe, inputs)
    assert not memory.log
    named = re.search(r"Raise the budget to ([\d.]+ \w+),", str(caught.value))
    assert named, caught.value
    return bytes_of(named[1])


# Of Kandinsky's prior half is in buffers that are in no file.
@pytest.mark.parametrize("name", ["StableDiffusionPipeline", "KandinskyV22CombinedPipeline"])
def test_the_smallest_budget_that_is_named_gives_the_same_bits_and_a_smaller_one_is_refused(name: str) -> None:
    pipe, inputs = placed_pipe(name)
    expected = ran(pipe, inputs)
    smallest = refused(pipe, inputs, 1)
    for budget, streams in ((smallest, None), (smallest * 5 // 4, RecordedStreams())):
        memory = place(pipe, budget, streams)
        assert not differences(ran(pipe, inputs), expected)
        assert memory.peak <= budget
        assert not any(what == "bring" and each == "unet" for what, each, *_ in memory.log)
    # What is named is rounded up to two digits or three.
    assert refused(pipe, inputs, smallest * 9 // 10) == smallest
    assert pipe.manager is not None
    pipe.manager.disable_auto_cpu_offload()
    assert not differences(ran(pipe, inputs), expected)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.rotating(120)
def test_every_class_gives_the_same_bits_under_the_smallest_budget_that_is_named(each: str) -> None:
    pipe, inputs = placed_pipe(each)
    expected = ran(pipe, inputs)
    smallest = refused(pipe, inputs, 1)
    memory = place(pipe, smallest)
    assert not differences(ran(pipe, inputs), expected)
    assert memory.peak <= smallest


# Of networks that are copied, too: a motion adapter's weights go into the network that is made.
def test_a_network_of_which_the_constructor_makes_another_comes_whole_and_the_budget_named_before_the_run_serves() -> (
    None
):
    pipe, inputs = placed_pipe("AnimateDiffPipeline")
    expected = ran(pipe, inputs)
    smallest = refused(pipe, inputs, 1)
    memory = place(pipe, smallest)
    assert not differences(ran(pipe, inputs), expected)
    whole = {str(each) for what, each, *_ in memory.log if what == "bring"}
    assert {"unet", "motion_adapter"} <= whole
    assert refused(pipe, inputs, smallest * 9 // 10) == smallest
    # Reasons are given of those that are larger than the budget alone.
    place(pipe, 1)
    with pytest.raises(
        ComponentError,
        match="'unet' does not come layer by layer: AnimateDiffPipeline makes a UNetMotionModel of 'unet' and",
    ):
        ran(pipe, inputs)


@pytest.mark.filterwarnings("ignore:.*torch.meshgrid")
def test_networks_of_a_class_that_asks_for_gradients_come_whole() -> None:
    """Its weights are asked for once more, when the layer is gone."""
    pipe, inputs = placed_pipe("StableDiffusionAttendAndExcitePipeline")
    expected = ran(pipe, inputs)
    memory = place(pipe, refused(pipe, inputs, 1))
    assert not differences(ran(pipe, inputs), expected)
    assert "unet" in {str(each) for what, each, *_ in memory.log if what == "bring"}
    place(pipe, 1)
    with pytest.raises(
        ComponentError,
        match="'unet' does not come layer by layer: StableDiffusionAttendAndExcitePipeline computes gradients",
    ):
        ran(pipe, inputs)
