"""Every read is bound to the versions that can reach it: in order, through loops, over choices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from brickwork import (
    AutoPipelineBlocks,
    Block,
    ConditionalPipelineBlocks,
    InputParam,
    ModularPipelineBlocks,
    OutputParam,
    Outputs,
    SequentialPipelineBlocks,
)
from brickwork.blocks import LoopSequentialPipelineBlocks
from brickwork.engine import Plan


class Start(Block):
    class Out(Outputs):
        x: int

    def run(self, seed: int = 0) -> Out:
        return self.Out(x=seed)


class Add(Block):
    class Out(Outputs):
        x: int

    def run(self, x: int, by: int = 1) -> Out:
        return self.Out(x=x + by)


class Show(Block):
    class Out(Outputs):
        text: str

    def run(self, x: int) -> Out:
        return self.Out(text=str(x))


class Repeat(LoopSequentialPipelineBlocks):
    block_classes = [Add]
    block_names = ["add"]

    class Vars(Outputs):
        i: int

    def iterate(self, times: int = 2) -> Iterator[Vars]:
        yield from (self.Vars(i=i) for i in range(times))


class Either(ConditionalPipelineBlocks):
    block_classes = [Add, Start]
    block_names = ["add", "again"]
    block_trigger_inputs = ["x"]

    def select_block(self, x: int | None) -> str | None:
        return "add" if x else None


class Always(Either):
    default_block_name = "again"


def plan_of(*given: str, **blocks: Any) -> Plan:
    return SequentialPipelineBlocks.from_blocks_dict(blocks).plan(given)


def sources(plan: Plan, path: str, name: str) -> list[tuple[str, int]]:
    (read,) = [read for read in plan.flow.reads if (read.path, read.param.name) == (path, name)]
    return [(version.writer, version.number) for version in read.sources.versions]


def test_a_read_is_bound_to_the_version_before_it() -> None:
    plan = plan_of(start=Start, add=Add, show=Show)
    assert all(read.sources.certain for read in plan.flow.reads if read.param.name == "x")
    assert sources(plan, "add", "x") == [("start", 1)]
    assert sources(plan, "show", "x") == [("add", 2)]
    assert sources(plan, "start", "seed") == []
    assert plan.last_use == {"x": "show"}


def test_what_the_caller_gives_is_version_zero() -> None:
    plan = plan_of("x", add=Add, show=Show)
    assert sources(plan, "add", "x") == [("", 0)]
    assert sources(plan, "show", "x") == [("add", 1)]


def test_a_loop_carries_values_from_turn_to_turn() -> None:
    plan = plan_of(start=Start, repeat=Repeat, show=Show)
    assert sources(plan, "repeat.add", "x") == [("start", 1), ("repeat.add", 2)]
    (carried,) = [read for read in plan.flow.reads if read.is_carried]
    assert carried.path == "repeat.add"
    assert all(read.sources.certain for read in plan.flow.reads if read.param.name == "x")
    # The loop may take no iteration, so the value from before it is still possible.
    assert sources(plan, "show", "x") == [("start", 1), ("repeat.add", 2)]


def test_loops_in_loops_carry_through_both() -> None:
    class Outer(Repeat):
        block_classes = [Add, Repeat, Show]
        block_names = ["first", "inner", "show"]

    plan = plan_of(start=Start, outer=Outer)
    assert sources(plan, "outer.first", "x") == [("start", 1), ("outer.first", 2), ("outer.inner.add", 3)]
    assert sources(plan, "outer.inner.add", "x") == [("outer.first", 2), ("outer.inner.add", 3)]


def test_after_a_choice_every_branch_is_possible() -> None:
    plan = plan_of(start=Start, either=Either, show=Show)
    assert sources(plan, "show", "x") == [("start", 1), ("either.add", 2), ("either.again", 3)]
    plan = plan_of(start=Start, either=Always, show=Show)
    assert sources(plan, "show", "x") == [("either.add", 2), ("either.again", 3)]


def test_a_value_that_only_a_branch_writes_is_uncertain_after_it() -> None:
    class Maybe(Either):
        block_classes = [Show]
        block_names = ["add"]

    class Read(Block):
        def run(self, text: str) -> None: ...

    plan = plan_of(start=Start, maybe=Maybe, read=Read)
    (read,) = [read for read in plan.flow.reads if read.path == "read"]
    assert not read.sources.certain
    assert [version.writer for version in read.sources.versions] == ["maybe.add"]


def test_components_are_known_to_their_last_use() -> None:
    from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS

    plan = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).plan(["prompt"])
    assert plan.component_last_use["text_encoder"].startswith("text_encoder.")
    assert plan.component_last_use["unet"] == "denoise.denoiser"
    assert plan.component_last_use["vae"] == "decode"
    assert plan.last_use["latents"] == "decode"
    assert plan.warnings == ()


@pytest.mark.parametrize("depth", [1, 3])
def test_the_result_of_a_planned_nest_is_that_of_python(depth: int) -> None:
    blocks: type[Repeat] = Repeat
    for _ in range(depth - 1):
        blocks = type("Nest", (Repeat,), {"block_classes": [blocks, Add], "block_names": ["inner", "add"]})
    pipe = SequentialPipelineBlocks.from_blocks_dict({"start": Start, "nest": blocks}).init_pipeline()

    def expected(level: int) -> int:
        return 2 if level == 1 else 2 * (expected(level - 1) + 1)

    pipe.configure(progress=False)
    assert pipe(seed=0, output="x") == expected(depth)
    assert isinstance(pipe(seed=0, output="x"), int)
    assert torch.is_grad_enabled()


class Auto(AutoPipelineBlocks):
    block_classes = [Add, Start]
    block_names = ["add", "start"]
    block_trigger_inputs = ["x", None]


def test_a_decided_choice_leaves_one_branch() -> None:
    assert plan_of(auto=Auto, show=Show).paths == ["auto.start", "show"]
    assert sources(plan_of("x", auto=Auto, show=Show), "show", "x") == [("auto.add", 1)]


class Given(ModularPipelineBlocks):
    """A foreign block that reads a whole group, and declares two values of it and one of another."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam(kwargs_type="fields")]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [
            OutputParam("x", kwargs_type="fields"),
            OutputParam("y", kwargs_type="fields"),
            OutputParam("z", kwargs_type="others"),
            OutputParam("alone"),
        ]

    def __call__(self, components: Any, state: Any) -> Any:
        for name in ("x", "y", "z", "alone"):
            state.set(name, 1, "fields" if name in "xy" else None)
        return components, state


def group_reads(plan: Plan, path: str) -> dict[str | None, list[str]]:
    """Name to its writers, of the reads of a step."""
    reads = [read for read in plan.flow.reads if read.path == path]
    assert {(read.param.kwargs_type, read.param.required) for read in reads} <= {("fields", False)}
    return {read.param.name: [version.writer for version in read.sources.versions] for read in reads}


def test_a_foreign_block_reads_every_value_of_its_group_and_no_other() -> None:
    plan = plan_of(write=Given, read=Given)
    assert group_reads(plan, "write") == {}
    assert group_reads(plan, "read") == {"x": ["write"], "y": ["write"]}
    assert plan.last_use == {"x": "read", "y": "read"}
    assert plan.groups == {"fields": ["x", "y"], "others": ["z"]}


def test_a_group_in_a_loop_is_read_from_before_it_and_from_the_turn_before() -> None:
    loop = Repeat.from_blocks_dict({"inner": Given})
    plan = plan_of(write=Given, loop=loop)
    assert group_reads(plan, "loop.inner") == {"x": ["write", "loop.inner"], "y": ["write", "loop.inner"]}
    assert len([read for read in plan.flow.reads if read.path == "loop.inner"]) == 2
    assert all(read.is_carried for read in plan.flow.reads if read.path == "loop.inner")


def test_a_value_that_was_written_again_without_its_group_is_not_in_it() -> None:
    plan = plan_of(write=Given, add=Add, read=Given)
    assert group_reads(plan, "read") == {"y": ["write"]}


def test_a_group_is_read_in_the_branch_in_which_the_reader_stands() -> None:
    class Maybe(Either):
        block_classes = [Given]
        block_names = ["add"]

    plan = plan_of(write=Given, maybe=Maybe)
    reads = [read for read in plan.flow.reads if read.path == "maybe.add"]
    assert [read.branch for read in reads] == [(("maybe", "add"),)] * 2
    assert [read.typed for read in reads] == [False, False]
