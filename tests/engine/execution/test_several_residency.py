"""Steps of one run on several devices: where each computes, and what it is lent."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from device_doubles import CloneMemory, Counters, ElsewhereMemory
from simulated_device import SimulatedDevice

from brickwork import (
    Block,
    ComponentError,
    ComponentsManager,
    MemoryCache,
    ModularPipeline,
    Outputs,
    SequentialPipelineBlocks,
    component,
)
from brickwork.engine.events import CacheHit
from brickwork.engine.execution.moved_values import MovedValues
from brickwork.pipeline.placing.several_devices import residency_over


@pytest.fixture
def simulated() -> Iterator[SimulatedDevice]:
    with SimulatedDevice() as device:
        yield device


def elsewhere(*indices: int) -> dict[str, ElsewhereMemory]:
    return {f"lazy:{index}": ElsewhereMemory(index) for index in indices}


def manager_of(pipe: ModularPipeline) -> ComponentsManager:
    assert pipe.manager is not None
    return pipe.manager


class Weights(torch.nn.Module):
    def __init__(self, size: int = 1000, value: float = 1.0) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((size,), value), requires_grad=False)

    @property
    def device(self) -> torch.device:
        return self.weight.device


class Encode(Block):
    encoder: torch.nn.Module = component()

    class Out(Outputs):
        x: torch.Tensor

    def run(self, start: float) -> Out:
        return self.Out(x=self.encoder.weight[:10] * start)


class Note(Block):
    """Uses no model, so it computes where the next step does."""

    class Out(Outputs):
        y: torch.Tensor

    def run(self, x: torch.Tensor) -> Out:
        seen.append((str(self.device), str(x.device)))
        return self.Out(y=x + torch.ones(10).to(self.device))


class Draw(Block):
    denoiser: torch.nn.Module = component()

    class Out(Outputs):
        z: torch.Tensor

    def run(self, x: torch.Tensor, y: torch.Tensor) -> Out:
        return self.Out(z=self.denoiser.weight[:10] * x + y)


seen: list[tuple[str, str]] = []


def toy(**blocks: type[Block]) -> ModularPipeline:
    seen.clear()
    blocks = blocks or {"encode": Encode, "note": Note, "draw": Draw}
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline(components_manager=ComponentsManager())
    sizes = {"encoder": 1000, "denoiser": 4000}
    pipe.update_components(**{name: Weights(size, 3.0) for name, size in sizes.items() if name in pipe.specs})
    pipe.configure(progress=False)
    return pipe


BOTH = {"encoder": "lazy:1", "denoiser": "lazy:0"}


def test_a_step_without_models_computes_where_the_next_one_does_and_is_lent_what_it_reads(
    simulated: SimulatedDevice,
) -> None:
    pipe = toy()
    manager_of(pipe).enable_auto_cpu_offload(devices=BOTH, memory=elsewhere(0, 1))
    state = pipe(start=2.0)
    assert seen == [("lazy:0", "lazy:0")]
    assert str(pipe.device) == "lazy:1"  # the first, since nothing is said of all others
    # What was lent is back where it was made.
    assert [str(state.get(name).device) for name in "xyz"] == ["lazy:1", "lazy:0", "lazy:0"]
    assert state.get("z").cpu().tolist() == [25.0] * 10
    manager_of(pipe).disable_auto_cpu_offload()
    assert {str(each.device) for each in (pipe.encoder, pipe.denoiser)} == {"cpu"}


def test_the_host_is_a_device_as_others(simulated: SimulatedDevice) -> None:
    pipe = toy()
    manager_of(pipe).enable_auto_cpu_offload(
        devices={"encoder": "cpu", "default": "lazy:0"}, memory={"lazy:0": ElsewhereMemory(0)}
    )
    state = pipe(start=2.0)
    assert seen == [("lazy:0", "lazy:0")]
    assert [str(state.get(name).device) for name in "xyz"] == ["cpu", "lazy:0", "lazy:0"]
    assert state.get("z").cpu().tolist() == [25.0] * 10
    assert state.recipe.to_dict()["device"] == "lazy:0, encoder on cpu"


def test_what_the_host_has_made_is_lent_though_this_run_did_not_make_it(simulated: SimulatedDevice) -> None:
    pipe = toy()
    memory = {"lazy:0": ElsewhereMemory(0)}
    manager_of(pipe).enable_auto_cpu_offload(devices={"encoder": "cpu", "default": "lazy:0"}, memory=memory)
    placements: Any = pipe.placement
    residency = residency_over(pipe, pipe.plan(["start"]), pipe.components, placements, {})
    # As after a cache, or a snapshot, has given it.
    values = {"x": torch.ones(10)}
    with residency.during("note", values):
        assert str(values["x"].device) == "lazy:0"


def test_what_is_written_into_a_lent_value_is_the_value(simulated: SimulatedDevice) -> None:
    class Write(Block):
        denoiser: torch.nn.Module = component()

        def run(self, x: torch.Tensor) -> None:
            x.add_(self.denoiser.weight[:10])

    pipe = toy(encode=Encode, write=Write)
    manager_of(pipe).enable_auto_cpu_offload(devices=BOTH, memory=elsewhere(0, 1))
    assert pipe(start=2.0, output="x").cpu().tolist() == [9.0] * 10


def test_lent_copies_go_with_the_value_that_they_are_of(simulated: SimulatedDevice) -> None:
    kept: list[weakref.ref[Any]] = []

    class Look(Block):
        denoiser: torch.nn.Module = component()

        def run(self, x: torch.Tensor) -> None:
            kept.append(weakref.ref(x))

    class Again(Look):
        pass

    class End(Block):
        encoder: torch.nn.Module = component()

        class Out(Outputs):
            last: bool

        def run(self) -> Out:
            gc.collect()
            return self.Out(last=kept[-1]() is None)

    pipe = toy(encode=Encode, look=Look, again=Again, end=End)
    manager_of(pipe).enable_auto_cpu_offload(devices=BOTH, memory=elsewhere(0, 1))
    assert pipe(start=2.0, output="last") is True
    # Twice the same copy, because nobody has written into the value meanwhile.
    assert len(kept) == 2
    assert kept[0] is kept[1]


def test_results_come_from_a_cache_as_on_one_device() -> None:
    pipe = toy()
    told: list[Any] = []
    pipe.configure(cache=MemoryCache(10**6), listeners=[told.append])
    memory = {name: CloneMemory() for name in NAMES}
    manager_of(pipe).enable_auto_cpu_offload(devices={"encoder": "cuda:1", "denoiser": "cuda:0"}, memory=memory)
    first = pipe(start=2.0, output="z")
    assert torch.equal(pipe(start=2.0, output="z"), first)
    assert [event.path for event in told if isinstance(event, CacheHit)] == [
        "encode",
        "draw",
    ]  # `note` notes in a list what it saw


def test_in_inference_mode_writes_are_seen_too() -> None:
    # "meta" is a device of torch's own, whose tensors count writes as real ones do; they have no numbers.
    meta = torch.device("meta")
    moved = MovedValues([meta, torch.device("cpu")], ["x", "y"])
    with torch.inference_mode():
        values: dict[str, Any] = {"x": torch.ones(4), "y": torch.ones(4)}
        before = dict(values)
        with moved.lent(["x", "y"], values, meta):
            assert {value.device for value in values.values()} == {meta}
            assert not values["x"].is_inference()
            values["x"].mul_(3)
        assert values["x"].device == meta
        assert values["y"] is before["y"]


NAMES = ("cuda:0", "cuda:1")


def test_weights_of_two_devices_are_refused_and_planned_together() -> None:
    pipe = toy(encode=Encode, note=Note, draw=Draw)
    pipe.denoiser.weight = pipe.encoder.weight
    manager = manager_of(pipe)
    manager.enable_auto_cpu_offload(
        devices={"encoder": "cuda:1", "denoiser": "cuda:0"}, memory={name: CloneMemory() for name in NAMES}
    )
    with pytest.raises(ComponentError, match="'encoder' and 'denoiser' share the weights 'weight', and are to be on cuda:1 and cuda:0"):  # fmt: skip
        pipe(start=2.0)
    manager.enable_auto_cpu_offload(devices=NAMES, memory={name: CloneMemory() for name in NAMES})
    assert pipe(start=2.0, output="z").tolist() == [25.0] * 10
    assert pipe.memory(start=2.0).devices[0] == "cuda:0: encoder, denoiser"


def test_memory_that_runs_out_on_one_device_makes_room_there() -> None:
    class Large(Draw):
        def run(self, x: torch.Tensor, y: torch.Tensor) -> Draw.Out:
            memories["cuda:0"].use(6000)
            return super().run(x, y)

    class First(Block):
        other: torch.nn.Module = component()

        class Out(Outputs):
            first: bool

        def run(self) -> Out:
            return self.Out(first=True)

    pipe = toy(first=First, encode=Encode, note=Note, draw=Large)
    pipe.update_components(other=Weights(1000))
    memories = {name: Counters(25_000) for name in NAMES}
    manager_of(pipe).enable_auto_cpu_offload(
        devices={"encoder": "cuda:1", "default": "cuda:0"}, budget=None, memory_reserve_margin=0, memory=memories
    )
    assert pipe(start=2.0, output="z").tolist() == [25.0] * 10
    assert memories["cuda:0"].log == [("bring", "other"), ("bring", "denoiser"), ("drop", "other")]
    assert memories["cuda:1"].log == [("bring", "encoder")]
