"""A scheduler that one loop has stepped to its end, and another loop steps again without anybody having set it: warned of, and refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, HeunDiscreteScheduler
from toy_blocks import Repeat, auto, chain

from brickwork import Block, LoopSequentialPipelineBlocks, Outputs, RunError, Scope, component
from brickwork.blocks import ScaleLatents, StepScheduler
from brickwork.presets.sdxl import (
    AUTO_BLOCKS,
    IMAGE2IMAGE_BLOCKS,
    SDXL,
    SECOND_UNET_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    with_refiner,
)


class SetSteps(Block):
    solver: EulerDiscreteScheduler = component(mutates=True)

    class Out(Outputs):
        steps: list[int]

    def run(self, number: int) -> Out: ...


class StepSolver(Block):
    solver: EulerDiscreteScheduler = component(mutates=True)

    class Out(Outputs):
        x: int

    def run(self, x: int, t: int) -> Out: ...


class BeginAnew(Block):
    """Is there for the component alone."""

    solver: EulerDiscreteScheduler = component(mutates=True)

    def run(self) -> None: ...


class AddNoise(Block):
    """Says that it changes the solver, and uses it."""

    solver: EulerDiscreteScheduler = component(mutates=True)

    class Out(Outputs):
        x: int

    def run(self, x: int) -> Out: ...


class OverSteps(LoopSequentialPipelineBlocks):
    class Vars(Outputs):
        t: int

    def iterate(self, steps: list[int]) -> Iterator[Vars]: ...


LOOP = OverSteps.from_blocks_dict({"step": StepSolver})


def said(**blocks: Any) -> tuple[str, ...]:
    report = chain(**blocks).check()
    assert report.faults == ()
    return report.warnings


def test_a_second_loop_over_the_steps_of_the_first_is_warned_of() -> None:
    (warning,) = said(set=SetSteps, one=LOOP, noise=AddNoise, two=LOOP)
    assert warning == (
        "two goes over the same 'steps' as one, and both change 'solver', which nothing sets anew in between: it goes on where one has "
        "left it. Put two into a Scope together with what sets 'solver', as set does, or set it anew between the two."
    )


def test_every_iteration_of_a_loop_around_goes_over_them_again() -> None:
    (warning,) = said(set=SetSteps, around=Repeat.from_blocks_dict({"one": LOOP}))
    assert warning.startswith(
        "around.one goes over the same 'steps' in every iteration of around, and both change 'solver'"
    )
    assert said(around=Repeat.from_blocks_dict({"set": SetSteps, "one": LOOP})) == ()


def test_a_solver_that_is_set_anew_is_not_used_up() -> None:
    assert said(set=SetSteps, one=LOOP, again=SetSteps, two=LOOP) == ()
    assert said(set=SetSteps, one=LOOP, anew=BeginAnew, two=LOOP) == ()
    scope = Scope.from_blocks_dict({"set": SetSteps, "two": LOOP}, inputs={"x": "x"}, outputs={"x": "x"})
    assert said(set=SetSteps, one=LOOP, scope=scope) == ()
    other = Scope.from_blocks_dict(
        {"two": LOOP}, inputs={"x": "x"}, outputs={"x": "x"}, components={"solver": "another"}
    )
    assert said(set=SetSteps, one=LOOP, scope=other) == ()


def test_steps_of_the_caller_say_nothing_of_a_solver_and_one_loop_of_two_runs() -> None:
    assert said(one=LOOP, two=LOOP) == ()
    report = chain(set=SetSteps, switch=auto("a", None, one=LOOP, two=LOOP)).check()
    assert not [text for text in report.warnings if "goes over" in text]


def test_where_only_some_inputs_lead_to_the_first_loop_the_report_says_which() -> None:
    blocks = chain(set=SetSteps, switch=auto("x", one=LOOP), two=LOOP)
    report = blocks.check()
    (warning,) = [text for text in report.warnings if "goes over" in text]
    assert report.given[warning] == ("x",)


def test_a_denoising_is_told_and_presets_are_not() -> None:
    twice = chain(**TEXT2IMAGE_BLOCKS)
    twice.insert_before("decode", "again", TEXT2IMAGE_BLOCKS["denoise"])
    (warning,) = twice.check().warnings
    assert warning.startswith("again goes over the same 'timesteps' as denoise, and both change 'scheduler'")
    for preset in (AUTO_BLOCKS, IMAGE2IMAGE_BLOCKS, with_refiner(), with_refiner(refiner=SECOND_UNET_BLOCKS)):
        assert not [text for text in chain(**preset).check().warnings if "goes over" in text]


@pytest.mark.parametrize("solver", [EulerDiscreteScheduler, HeunDiscreteScheduler])
def test_a_solver_that_has_taken_all_of_its_steps_is_refused_in_words(solver: Any) -> None:
    made = solver()
    made.set_timesteps(2)
    x = torch.zeros(1, 4, 2, 2)
    blocks = ScaleLatents.bind(SDXL)(scheduler=made), StepScheduler.bind(SDXL)(scheduler=made)
    for t in made.timesteps:
        blocks[0].run(latents=x, t=t)
        blocks[1].run(noise_pred=x, t=t, latents=x)
    said = rf"{solver.__name__} has taken all of its {len(made.timesteps)} steps, and must be set anew .* put both into a Scope"
    with pytest.raises(RunError, match=said):
        blocks[0].run(latents=x, t=made.timesteps[0])
    with pytest.raises(RunError, match=said):
        blocks[1].run(noise_pred=x, t=made.timesteps[0], latents=x)


def test_a_solver_that_counts_no_steps_goes_on() -> None:
    made = DDIMScheduler()
    made.set_timesteps(1)
    x = torch.zeros(1, 4, 2, 2)
    block = StepScheduler.bind(SDXL)(scheduler=made)
    first, second = (block.run(noise_pred=x, t=made.timesteps[0], latents=x).latents for _ in range(2))
    assert torch.equal(first, second)
