"""Runs inside of runs, streams that somebody looks at, and what listeners do: whoever computes has its models on the device."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from typing import Any

import pytest
import torch
from device_doubles import CloneMemory
from other_thread import ends
from toy_blocks import Twice

from brickwork import (
    Block,
    ComponentError,
    ComponentsManager,
    ModularPipeline,
    Outputs,
    SequentialPipelineBlocks,
    component,
)
from brickwork.engine.events import BlockFinished, ComponentMoved


class Weights(torch.nn.Module):
    def __init__(self, value: float = 1.0) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((1000,), value), requires_grad=False)


inside: list[Callable[[], object]] = []
seen: list[bool] = []
memories: list[CloneMemory] = []


class Add(Block):
    """Notes whether its models are on the device, before and after what the test does in it."""

    model: torch.nn.Module = component()
    other: torch.nn.Module = component()

    class Out(Outputs):
        x: float

    def run(self, x: float) -> Out:
        for each in [*inside]:
            inside.remove(each)
            each()
        sizes = [memories[0].size_of(id(each)) for each in (self.model, self.other)]
        seen.append(sizes == [4000, 4000])
        return self.Out(x=x + float(self.model.weight[0] + self.other.weight[0]))


TWO = {"one": Add, "two": Add}
LOOP = {"loop": Twice.from_blocks_dict(TWO)}


@pytest.fixture
def manager() -> ComponentsManager:
    inside.clear()
    seen.clear()
    memories[:] = [CloneMemory()]
    return ComponentsManager()


def pipeline(manager: ComponentsManager, blocks: dict[str, Any], collection: str | None = None) -> ModularPipeline:
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline(
        components_manager=manager, collection=collection
    )
    pipe.update_components(model=Weights(), other=Weights(2.0))
    pipe.configure(progress=False)
    return pipe


@pytest.mark.parametrize("way", ["call", "stream", "start"])
@pytest.mark.parametrize("budget", [None, 8000])
def test_a_run_inside_of_a_block_gives_the_device_back(
    way: str, budget: int | None, manager: ComponentsManager
) -> None:
    outer, inner = pipeline(manager, TWO), pipeline(manager, TWO)
    manager.enable_auto_cpu_offload("cpu", budget=budget, memory=memories[0])
    results: list[Any] = []

    def run() -> None:
        if way == "call":
            results.append(inner(x=1.0, output="x"))
        elif way == "start":
            results.append(inner.start(x=1.0, output="x").result(5))
        else:
            results.append([*inner.stream(x=1.0, output="x")][-1].result)  # type: ignore[attr-defined]

    inside.append(run)
    ends(lambda: results.append(outer(x=0.0, output="x")))
    assert results == [7.0, 6.0]
    assert seen == [True] * 4


def test_an_error_of_a_run_inside_that_the_block_catches_gives_the_device_back(manager: ComponentsManager) -> None:
    outer, inner = pipeline(manager, TWO), pipeline(manager, TWO)
    manager.enable_auto_cpu_offload("cpu", budget=8000, memory=memories[0])

    def run() -> None:
        inside.append(lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            inner(x=1.0)

    inside.append(run)
    assert outer(x=0.0, output="x") == 6.0
    assert seen == [True] * 2


@pytest.mark.parametrize("kind", [object, ComponentMoved])
def test_who_looks_at_a_streams_events_may_run_what_he_likes_meanwhile(kind: type, manager: ComponentsManager) -> None:
    outer, inner = pipeline(manager, TWO), pipeline(manager, TWO)
    manager.enable_auto_cpu_offload("cpu", budget=8000, memory=memories[0])
    results: list[Any] = []

    def look() -> None:
        for event in outer.stream(x=0.0, output="x"):
            if isinstance(event, kind):
                results.append(inner(x=1.0, output="x"))
            last = event
        results.append(last.result)

    ends(look)
    assert results == [7.0] * (len(results) - 1) + [6.0]
    assert len(results) > 2
    assert all(seen)


def test_two_streams_take_turns(manager: ComponentsManager) -> None:
    pipes = [pipeline(manager, TWO) for _ in range(2)]
    manager.enable_auto_cpu_offload("cpu", budget=8000, memory=memories[0])
    streams = [pipe.stream(x=float(index), output="x") for index, pipe in enumerate(pipes)]

    def look() -> None:
        told = [*zip_longest(*streams)]
        assert [[e for e in events if e][-1].result for events in zip(*told, strict=True)] == [6.0, 7.0]

    ends(look)
    assert seen == [True] * 4


def test_a_stream_that_nobody_goes_on_with_stops_no_other_run(manager: ComponentsManager) -> None:
    outer, inner = pipeline(manager, TWO), pipeline(manager, TWO)
    manager.enable_auto_cpu_offload("cpu", budget=8000, memory=memories[0])
    stream = outer.stream(x=0.0)
    next(stream)
    next(stream)
    results: list[float] = []
    ends(lambda: results.append(inner(x=1.0, output="x")))
    assert results == [7.0]
    ends(stream.close)
    assert memories[0].resident == 8000


def test_a_stream_under_which_placement_was_turned_off_says_so_and_one_that_is_left_does_not(
    manager: ComponentsManager,
) -> None:
    pipe = pipeline(manager, TWO)
    for leaves in (False, True):
        manager.enable_auto_cpu_offload("cpu", memory=memories[0])
        stream = pipe.stream(x=0.0)
        next(stream)
        next(stream)
        next(stream)
        ends(manager.disable_auto_cpu_offload)
        assert memories[0].resident == 0
        if leaves:
            ends(stream.close)
        else:
            with pytest.raises(ComponentError, match=r"placement was turned off or on again\. Begin the run anew\."):
                ends(partial(list, stream))
    assert pipe(x=0.0, output="x") == 6.0


@pytest.mark.parametrize("change", ["disable", "enable"])
def test_a_listener_does_not_take_the_device_away_from_its_run(change: str, manager: ComponentsManager) -> None:
    pipe = pipeline(manager, TWO)
    manager.enable_auto_cpu_offload("cpu", memory=memories[0])
    work = {
        "disable": manager.disable_auto_cpu_offload,
        "enable": lambda: manager.enable_auto_cpu_offload("cpu", memory=CloneMemory()),
    }[change]
    inside.append(work)
    with pytest.raises(ComponentError, match=r"^A run computes on cpu with these components, and one of its blocks or"):
        pipe(x=0.0)
    assert pipe(x=0.0, output="x") == 6.0
    work()
    assert memories[0].resident == 0


@pytest.mark.parametrize("blocks", [TWO, LOOP])
def test_a_component_that_a_listener_replaces_stays_for_its_run_and_leaves_after_it(
    blocks: dict[str, Any], manager: ComponentsManager
) -> None:
    pipe = pipeline(manager, blocks, "pipe")
    expected = pipe(x=0.0, output="x")
    seen.clear()
    manager.enable_auto_cpu_offload("cpu", memory=memories[0])
    given = [Weights(5.0)]

    def replace(event: object) -> None:
        if isinstance(event, BlockFinished) and given:
            pipe.update_components(model=given.pop())

    pipe.configure(listeners=[replace])
    # Of the model of its beginning, as without a manager: not one half of the run with each.
    assert pipe(x=0.0, output="x") == expected
    assert all(seen)
    assert memories[0].resident == 4000
    assert memories[0].log[-1] == ("drop", "model")
    pipe.configure(listeners=[])
    assert pipe(x=0.0, output="x") == expected / 3 * 7
    assert memories[0].resident == 8000


def test_what_is_removed_while_a_stream_waits_leaves_after_it(manager: ComponentsManager) -> None:
    pipe = pipeline(manager, TWO, "pipe")
    manager.enable_auto_cpu_offload("cpu", memory=memories[0])
    stream = pipe.stream(x=0.0, output="x")
    for _ in range(4):
        next(stream)
    pipe.update_components(model=Weights(5.0))
    assert memories[0].resident == 8000
    assert [*stream][-1].result == 6.0  # type: ignore[attr-defined]
    assert all(seen)
    assert memories[0].resident == 4000
