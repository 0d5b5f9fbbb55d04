"""Models that come layer by layer, and another run that begins in the middle of their step: each gets its bits, within the budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from device_doubles import AwayMemory
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
from brickwork.engine.events import BlockFinished, BlockStarted, ComponentFreed, ComponentMoved, StepStarted
from brickwork.registry.devices.device_choice import DeviceChoice
from brickwork.registry.devices.moved_tensors import placed_bytes

NAMES = ("cuda:0", "cuda:1")


class Layers(torch.nn.Module):
    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first = torch.nn.Linear(16, 16)
        self.layers = torch.nn.ModuleList(torch.nn.Linear(16, 16) for _ in range(6))
        self.requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return x


inside: list[Callable[[], object]] = []


class Denoise(Block):
    """Computes before and after what the test does in it."""

    model: torch.nn.Module = component()

    class Out(Outputs):
        x: torch.Tensor

    def run(self, x: torch.Tensor) -> Out:
        made = self.model(x)
        for each in [*inside]:
            inside.remove(each)
            each()
        return self.Out(x=self.model(made))


class Refine(Block):
    other: torch.nn.Module = component()

    class Out(Outputs):
        x: torch.Tensor

    def run(self, x: torch.Tensor) -> Out:
        return self.Out(x=x + self.other(x))


BLOCKS = {"loop": Twice.from_blocks_dict({"denoise": Denoise, "refine": Refine})}
SIZE = placed_bytes(Layers(0))
BUDGET = SIZE // 2 + 100


def inputs(value: float) -> torch.Tensor:
    return torch.full((1, 16), value)


@pytest.fixture
def pipe() -> Iterator[ModularPipeline]:
    inside.clear()
    made = SequentialPipelineBlocks.from_blocks_dict(BLOCKS).init_pipeline(
        components_manager=ComponentsManager(), collection="pipe"
    )
    made.update_components(model=Layers(0), other=Layers(1))
    made.configure(progress=False)
    yield made
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in (*made.model.modules(), *made.other.modules()))  # fmt: skip


def place(pipe: ModularPipeline, where: str, budget: int = BUDGET) -> list[AwayMemory]:
    """Have models come layer by layer to one device, or to one of two each."""
    assert pipe.manager is not None
    memories = [AwayMemory() for _ in range(1 if where == "one device" else 2)]
    if where == "one device":
        pipe.manager.enable_auto_cpu_offload("cpu", budget=budget, memory=memories[0])
    else:
        pipe.manager.enable_auto_cpu_offload(
            devices={"model": NAMES[0], "other": NAMES[1]},
            budget=budget,
            memory=dict(zip(NAMES, memories, strict=True)),
        )
    report = " ".join(str(pipe.memory(x=inputs(1.0))).split())
    assert report.count("too large for the step") == 2
    return memories


def run(pipe: ModularPipeline, value: float) -> torch.Tensor:
    made: torch.Tensor = pipe(x=inputs(value), output="x")
    return made


def within(memories: list[AwayMemory], budget: int = BUDGET) -> bool:
    """Whether no more was there at once than may be, and nothing in parts is there any more."""
    return all(0 < memory.peak <= budget and memory.resident == 0 for memory in memories)


WHERE = pytest.mark.parametrize("where", ["one device", "two devices"])


@WHERE
def test_a_block_that_runs_the_same_pipeline_in_the_middle_of_its_step(where: str, pipe: ModularPipeline) -> None:
    expected = [run(pipe, value) for value in (1.0, 2.0, 3.0)]
    memories = place(pipe, where)
    found: list[torch.Tensor] = []

    def deeper() -> None:
        inside.append(lambda: found.append(run(pipe, 3.0)))
        found.append(run(pipe, 2.0))

    inside.append(deeper)
    ends(lambda: found.append(run(pipe, 1.0)))
    assert all(map(torch.equal, found, expected[::-1]))
    assert len(found) == 3
    assert within(memories)


@WHERE
@pytest.mark.parametrize("kind", [StepStarted, BlockStarted, BlockFinished, ComponentMoved, ComponentFreed])
def test_a_listener_that_runs_the_same_pipeline(kind: type, where: str, pipe: ModularPipeline) -> None:
    expected = [run(pipe, value) for value in (1.0, 2.0)]
    memories = place(pipe, where)
    found: list[torch.Tensor] = []
    is_outer = [True]

    def listen(event: object) -> None:
        if isinstance(event, kind) and is_outer[0]:
            is_outer[0] = False
            found.append(run(pipe, 2.0))
            is_outer[0] = True

    pipe.configure(listeners=[listen])
    ends(lambda: found.append(run(pipe, 1.0)))
    assert all(torch.equal(each, expected[1]) for each in found[:-1])
    assert torch.equal(found[-1], expected[0])
    assert len(found) > 1
    assert within(memories)


@WHERE
def test_a_stream_that_waits_at_each_event_while_another_thread_runs(where: str, pipe: ModularPipeline) -> None:
    expected = [run(pipe, value) for value in (1.0, 2.0)]
    told = [type(event) for event in pipe.stream(x=inputs(1.0), output="x")]
    memories = place(pipe, where)
    found: list[torch.Tensor] = []
    events: list[Any] = []

    def look() -> None:
        for event in pipe.stream(x=inputs(1.0), output="x"):
            events.append(event)
            ends(lambda: found.append(run(pipe, 2.0)))

    ends(look)
    assert torch.equal(events[-1].result, expected[0])
    assert all(torch.equal(each, expected[1]) for each in found)
    # Others hear of what comes and goes for the stream's own steps, and of nothing that made way meanwhile.
    moves = [event for event in events if isinstance(event, ComponentMoved | ComponentFreed)]
    assert [type(event) for event in events if event not in moves] == told
    # Beside each other the models are there for the whole loop, else they take turns.
    kinds = {
        "one device": [ComponentMoved, ComponentFreed] * 4,
        "two devices": [ComponentMoved] * 2 + [ComponentFreed] * 2,
    }
    assert [type(event) for event in moves] == kinds[where]
    assert within(memories)


def test_a_run_in_the_middle_of_a_step_that_has_the_models_elsewhere(pipe: ModularPipeline) -> None:
    expected = [run(pipe, value) for value in (1.0, 2.0)]
    # Room for one model whole on each device.
    memories = place_whole(pipe)
    placements: Any = pipe.placement
    found: list[torch.Tensor] = []

    def other_way() -> None:
        before = placements.choice
        placements.choice = DeviceChoice(NAMES, {"model": NAMES[1], "other": NAMES[0]})
        found.append(run(pipe, 2.0))
        placements.choice = before
        # What was there is back already.
        assert memories[0].size_of(id(pipe.model)) == SIZE

    inside.append(other_way)
    ends(lambda: found.append(run(pipe, 1.0)))
    assert all(map(torch.equal, found, expected[::-1]))
    assert [[name for name in ("model", "other") if memory.size_of(id(getattr(pipe, name)))] for memory in memories] == [["model"], ["other"]]  # fmt: skip
    assert [("bring", name) in memory.log for memory in memories for name in ("model", "other")] == [True] * 4
    assert [memory.peak for memory in memories] == [SIZE, SIZE]


def place_whole(pipe: ModularPipeline) -> list[AwayMemory]:
    assert pipe.manager is not None
    memories = [AwayMemory() for _ in NAMES]
    pipe.manager.enable_auto_cpu_offload(
        devices={"model": NAMES[0], "other": NAMES[1]},
        budget=SIZE + 1000,
        memory=dict(zip(NAMES, memories, strict=True)),
    )
    return memories


def test_what_a_listener_replaces_stays_on_all_devices_until_its_run_is_over(pipe: ModularPipeline) -> None:
    expected = run(pipe, 1.0)
    memories = place_whole(pipe)
    given = {"model": Layers(2), "other": Layers(3)}
    old, stayed = [pipe.model, pipe.other], list[int | None]()

    def replace(event: object) -> None:
        # After the first turn of the loop, in which both have come.
        if isinstance(event, BlockFinished) and event.path.endswith("refine") and given:
            pipe.update_components(**given)
            given.clear()
            stayed.extend(memory.size_of(id(each)) for memory, each in zip(memories, old, strict=True))

    pipe.configure(listeners=[replace])
    assert torch.equal(run(pipe, 1.0), expected)
    assert stayed == [SIZE, SIZE]
    assert [memory.log for memory in memories] == [[("bring", "model"), ("drop", "model")], [("bring", "other"), ("drop", "other")]]  # fmt: skip
    assert all(memory.size_of(id(each)) is None for memory, each in zip(memories, old, strict=True))


def test_placement_of_several_devices_is_not_turned_off_by_its_own_run_and_a_stream_finds_it_gone(
    pipe: ModularPipeline,
) -> None:
    place_whole(pipe)
    assert pipe.manager is not None
    inside.append(pipe.manager.disable_auto_cpu_offload)
    with pytest.raises(ComponentError, match="^A run computes on cuda:0, cuda:1 with these components"):
        run(pipe, 1.0)
    stream = pipe.stream(x=inputs(1.0))
    while not isinstance(next(stream), ComponentMoved | StepStarted):
        pass
    ends(pipe.manager.disable_auto_cpu_offload)
    with pytest.raises(ComponentError, match="placement was turned off or on again"):
        ends(lambda: [*stream])
