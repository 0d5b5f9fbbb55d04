"""The smallest budget that a refusal names serves every run of every family, also those that have measured what they need beside models."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from device_doubles import AwayMemory, put_on_lines
from family_table import families

from brickwork import ComponentError, ComponentsManager, SequentialPipelineBlocks
from brickwork.registry.loading.weights import bytes_of

FAMILIES = families()


def drawing(name: str) -> tuple[ComponentsManager, Callable[[], Any]]:
    """Return the manager of a family's first task, and what draws by it."""
    family = FAMILIES[name]
    task = next(iter(family.tasks.values()))
    manager = ComponentsManager()
    pipe = SequentialPipelineBlocks.from_blocks_dict(dict(task.blocks)).init_pipeline(components_manager=manager)
    torch.manual_seed(1)
    parts = {**family.parts("float32"), **{part: make() for part, make in task.parts.items()}}
    own = copy.deepcopy({part: each for part, each in parts.items() if part in pipe.component_names})
    put_on_lines(own)
    pipe.update_components(**own)
    pipe.configure(progress=False)
    given = {**task.given, **task.mine, "output_type": "pt"}
    if "num_inference_steps" in given:
        given["num_inference_steps"] = 2

    def draw() -> Any:
        return pipe(**copy.deepcopy(given), generator=torch.Generator().manual_seed(0), output=family.output)

    return manager, draw


def refused(draw: Callable[[], Any]) -> str:
    with pytest.raises(ComponentError) as caught:
        draw()
    named = re.search(r"Raise the budget to ([\d.]+ \w+),", str(caught.value))
    assert named, caught.value
    return named[1]


@pytest.mark.rotating(6)
@pytest.mark.parametrize("name", FAMILIES)
def test_the_budget_that_a_refusal_names_serves_run_after_run_and_a_little_less_none(name: str) -> None:
    manager, draw = drawing(name)
    expected = draw()
    manager.enable_auto_cpu_offload("cpu", budget=1, memory=AwayMemory())
    words = refused(draw)
    smallest = bytes_of(words)
    memory = AwayMemory()
    manager.enable_auto_cpu_offload("cpu", budget=smallest, memory=memory)
    for _ in range(3):
        assert torch.equal(draw(), expected)
    assert 0 < memory.peak <= smallest
    # A unit of the last place that the words have: the number is rounded up by no more.
    number, unit = words.split()
    place = bytes_of(f"{'0.1' if '.' in number else '1'} {unit}")
    placement = manager.placement
    assert placement is not None
    assert placement.measured
    placement.budget = smallest - place
    for _ in range(3):
        assert refused(draw) == words
