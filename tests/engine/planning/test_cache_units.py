"""What the result of a part of a plan depends on: the values that come from outside of it, components, and its code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from toy_blocks import Start, Way

from brickwork import (
    Block,
    LoopSequentialPipelineBlocks,
    ModularPipelineBlocks,
    Outputs,
    SequentialPipelineBlocks,
    component,
)
from brickwork.engine import Plan
from brickwork.engine.cache_unit import CacheUnit
from brickwork.engine.execution.uses import Use, uses_of
from brickwork.engine.nodes import BlockNode, LoopNode
from brickwork.engine.planning.cache_units import iteration_of, unit_of


class Add(Block):
    net: torch.nn.Module = component()
    scheduler: Any = component(config_only=True)

    class Out(Outputs):
        x: int
        seen: int

    def run(self, x: int, i: int, seed: int, by: int = 1) -> Out: ...


class Look(Block):
    scheduler: Any = component(config_only=True)
    net: torch.nn.Module = component(config_only=True)

    def run(self, x: int, seen: int) -> None: ...


class Iterations(LoopSequentialPipelineBlocks):
    timer: Any = component()

    class Vars(Outputs):
        i: int

    def iterate(self, x: int, steps: int = 2) -> Iterator[Vars]: ...


class Foreign(ModularPipelineBlocks):
    def __call__(self, components: Any, state: Any) -> Any: ...


def plan(**blocks: Any) -> Plan:
    return SequentialPipelineBlocks.from_blocks_dict(blocks).plan(["seed"])


def unit(made: Plan, index: int) -> CacheUnit:
    step = made.steps[index]
    assert isinstance(step, (BlockNode, LoopNode))
    found = unit_of(step, made.flow)
    assert found is not None
    return found


def test_a_block_depends_on_what_is_there_before_it_and_not_on_defaults() -> None:
    found = unit(plan(start=Start), 0)
    assert (found.path, found.kind, found.reads) == ("start", "block", ("seed",))
    assert (found.components, found.config_only) == (frozenset(), frozenset())


def test_a_loop_depends_on_what_comes_from_before_it_and_on_the_components_in_it() -> None:
    body = {"add": Add, "look": Look}
    found = unit(plan(start=Start, loop=Iterations.from_blocks_dict(body)), 1)
    assert (found.path, found.kind, found.reads) == ("loop", "loop", ("seed", "x"))
    assert found.components == {"net", "timer"}, "a component that is computed with anywhere counts as such"
    assert found.config_only == {"scheduler"}


def test_a_turn_depends_on_what_the_loop_brings_and_what_the_turn_before_leaves_too() -> None:
    made = plan(start=Start, loop=Iterations.from_blocks_dict({"add": Add, "look": Look}))
    loop = made.steps[1]
    assert isinstance(loop, LoopNode)
    found = iteration_of(loop, made.flow)
    assert found is not None
    assert (found.path, found.kind, found.reads) == ("loop", "iteration", ("i", "seed", "x"))
    assert (found.components, found.config_only) == ({"net"}, {"scheduler"})


def test_a_value_that_is_made_and_read_in_one_turn_is_its_own_business() -> None:
    made = plan(start=Start, loop=Iterations.from_blocks_dict({"add": Add, "look": Look}))
    reads = unit(made, 1).reads
    assert reads is not None
    assert "seen" not in reads


def test_branches_of_a_choice_in_a_loop_count_all() -> None:
    body = {"add": Add, "way": Way.from_blocks_dict({"one": Look, "two": Add})}
    made = plan(start=Start, loop=Iterations.from_blocks_dict(body))
    found = unit(made, 1)
    assert found.reads == ("seed", "way", "x")
    assert len(found.identities) == 4  # the loop, and its three blocks


def test_foreign_code_may_read_everything() -> None:
    found = unit(plan(start=Start, foreign=Foreign), 1)
    assert found.reads is None
    inside = unit(plan(start=Start, loop=Iterations.from_blocks_dict({"add": Add, "foreign": Foreign})), 1)
    assert inside.reads is None


def test_what_does_not_say_which_code_it_runs_is_no_unit() -> None:
    made = plan(start=Start)
    step = made.steps[0]
    assert isinstance(step, BlockNode)
    bare = BlockNode(step.path, step.reads, step.writes, step.bind)
    assert unit_of(bare, made.flow) is None


def test_an_identity_says_where_in_the_unit_its_step_stands() -> None:
    made = plan(start=Start, loop=Iterations.from_blocks_dict({"add": Add}))
    places = [identity({})[0] for identity in unit(made, 1).identities]
    assert places == ["", ".add"]
    assert [identity({})[0] for identity in unit(made, 0).identities] == [""]


def test_uses_of_components_are_in_order_those_of_every_branch_too() -> None:
    way = Way.from_blocks_dict({"one": Look, "two": Iterations.from_blocks_dict({"add": Add})})
    steps = plan(start=Start, loop=Iterations.from_blocks_dict({"add": Add, "look": Look}), way=way).steps
    none, net, timer, scheduler = frozenset[str](), frozenset({"net"}), frozenset({"timer"}), frozenset({"scheduler"})
    assert list(uses_of(steps, lambda *_: True)) == [
        Use("start", none),
        Use("loop", net | timer, scheduler),
        Use("way.one", none, net | scheduler),
        Use("way.two", net | timer, scheduler),
    ]
    asked: list[tuple[str, frozenset[str]]] = []

    def fits(path: str, names: frozenset[str]) -> bool:
        asked.append((path, names))
        return path != "loop"

    assert [(use.path, use.names, use.configs) for use in uses_of(steps, fits)][1:3] == [
        ("loop.add", net | timer, scheduler),
        ("loop.look", timer, net | scheduler),
    ]
    assert asked == [("loop", net | timer), ("way.two", net | timer)]
