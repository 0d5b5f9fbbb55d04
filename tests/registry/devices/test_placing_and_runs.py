"""Runs, loads, removals, and turning placement on and off, in any order and from any thread."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from device_doubles import CloneMemory, Counters

from brickwork import (
    Block,
    ComponentError,
    ComponentsManager,
    ModularPipeline,
    Outputs,
    SequentialPipelineBlocks,
    component,
)
from brickwork.registry.devices import automatic_placement
from brickwork.registry.devices.torch_memory import TorchMemory


class Weights(torch.nn.Module):
    def __init__(self, value: float = 1.0) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((1000,), value), requires_grad=False)


class Add(Block):
    model: torch.nn.Module = component()
    other: torch.nn.Module = component()

    class Out(Outputs):
        x: float

    def run(self, x: float) -> Out:
        entered.set()
        going_on.wait(10)
        return self.Out(x=x + float(self.model.weight[0] + self.other.weight[999]))


entered, going_on = threading.Event(), threading.Event()


@pytest.fixture(autouse=True)
def _open() -> None:
    entered.clear()
    going_on.set()


def pipeline(manager: ComponentsManager, collection: str | None = None) -> ModularPipeline:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"add": Add}).init_pipeline(
        components_manager=manager, collection=collection
    )
    pipe.update_components(model=Weights(), other=Weights(2.0))
    pipe.configure(progress=False)
    return pipe


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_component_that_is_removed_while_a_run_computes_with_it_leaves_after_it_and_nobody_waits() -> None:
    manager, memory = ComponentsManager(), CloneMemory()
    pipe = pipeline(manager)
    manager.enable_auto_cpu_offload("cpu", memory=memory)
    going_on.clear()
    results: list[Any] = []
    run = in_thread(lambda: results.append(pipe(x=0.0, output="x")))
    assert entered.wait(10)
    removing = in_thread(lambda: manager.remove(manager.get_ids("model")[0]))
    removing.join(4)
    assert not removing.is_alive()
    # And whoever looks, or files, goes on, too.
    assert len(manager) == 1
    manager.add("more", Weights())
    assert ("drop", "model") not in memory.log
    going_on.set()
    run.join(10)
    assert (results, ("drop", "model") in memory.log) == ([3.0], True)


def test_a_run_that_loads_and_a_removal_do_not_wait_for_each_other() -> None:
    manager, memory = ComponentsManager(), CloneMemory()
    pipe = pipeline(manager)
    manager.enable_auto_cpu_offload("cpu", memory=memory)

    class Loads(Block):
        def run(self, x: float) -> None:
            entered.set()
            going_on.wait(10)
            # What a run does that loads what is missing.
            manager.shared("late", "key", None, Weights)

    pipe.blocks.insert_after("add", "loads", Loads)  # type: ignore[attr-defined]
    going_on.clear()
    run = in_thread(lambda: pipe(x=0.0))
    assert entered.wait(10)
    turning = in_thread(manager.disable_auto_cpu_offload)
    time.sleep(0.1)
    removing = in_thread(lambda: manager.remove(manager.get_ids("model")[0]))
    going_on.set()
    for thread in (run, turning, removing):
        thread.join(5)
        assert not thread.is_alive()
    assert manager.placement is None
    assert memory.resident == 0


def test_what_a_run_does_not_use_is_removed_at_once_and_leaves_after_it_while_it_loads() -> None:
    manager, memory = ComponentsManager(), CloneMemory()
    pipe, other = pipeline(manager, "pipe"), pipeline(manager, "other")
    manager.enable_auto_cpu_offload("cpu", memory=memory)
    other(x=0.0)
    unused = other.components["model"]

    class Loads(Block):
        def run(self, x: float) -> None:
            manager.shared("late", "key", None, Weights)

    pipe.blocks.insert_after("add", "loads", Loads)  # type: ignore[attr-defined]
    going_on.clear()
    entered.clear()
    run = in_thread(lambda: pipe(x=0.0))
    assert entered.wait(10)
    removing = in_thread(lambda: manager.remove(next(i for i, each in manager.components.items() if each is unused)))
    removing.join(2)
    is_removing, is_there = removing.is_alive(), memory.size_of(id(unused)) is not None
    going_on.set()
    run.join(4)
    assert (is_removing, is_there, run.is_alive()) == (False, True, False)
    assert memory.size_of(id(unused)) is None


def test_a_run_that_waited_finds_placement_as_it_is_then() -> None:
    manager, memory = ComponentsManager(), CloneMemory()
    pipe = pipeline(manager)
    manager.enable_auto_cpu_offload("cpu", memory=memory)
    placement = manager.placement
    assert placement is not None
    results: list[Any] = []
    with placement.runs.lock:
        run = in_thread(lambda: results.append(pipe(x=0.0, output="x")))
        time.sleep(0.2)
        manager.disable_auto_cpu_offload()
    run.join(5)
    assert (results, memory.log) == ([3.0], [])


@pytest.mark.parametrize("seconds", [1.5])
def test_any_order_of_runs_loads_removals_and_turning_on_and_off_ends(seconds: float) -> None:
    manager = ComponentsManager()
    pipes = [pipeline(manager, f"pipe {index}") for index in range(3)]
    errors: list[BaseException] = []
    over = time.monotonic() + seconds
    counts = dict.fromkeys(("run", "turn", "replace", "share"), 0)

    def repeat(name: str, work: Callable[[], Any]) -> Callable[[], None]:
        def loop() -> None:
            while time.monotonic() < over:
                try:
                    work()
                    counts[name] += 1
                except BaseException as error:  # noqa: BLE001 - shown below
                    errors.append(error)
                    return

        return loop

    def runs(pipe: ModularPipeline) -> Callable[[], None]:
        def work() -> None:
            assert pipe(x=0.0, output="x") == 3.0

        return work

    def turn() -> None:
        manager.enable_auto_cpu_offload("cpu", budget=10_000, memory=CloneMemory())
        manager.disable_auto_cpu_offload()

    def replace() -> None:
        pipes[0].update_components(model=Weights())

    def share() -> None:
        manager.forget(manager.shared("late", f"key {counts['share'] % 3}", None, Weights))

    works = [repeat("run", runs(pipe)) for pipe in pipes]
    works += [repeat("turn", turn), repeat("replace", replace), repeat("share", share)]
    threads = [in_thread(work) for work in works]
    for thread in threads:
        thread.join(seconds + 20)
    assert not [thread for thread in threads if thread.is_alive()]
    assert not errors
    assert all(counts.values()), counts


def test_what_is_free_is_asked_after_everything_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    class Model(Weights):
        def to(self, *args: Any, **kwargs: Any) -> Any:
            done.append("leaves")
            return self

    class Asked(Counters):
        def release(self) -> None:
            done.append("released")

        def free_bytes(self) -> int | None:
            done.append("asked")
            return 5

    manager = ComponentsManager()
    manager.add("model", Model())
    manager.enable_auto_cpu_offload("cpu", memory=Asked())
    assert done == ["leaves", "released", "asked"]


def test_what_cannot_be_moved_is_said_when_placement_is_turned_on_and_nothing_has_moved() -> None:
    model, other = Weights(), Weights()
    model.weight.quant_state = torch.ones(1)  # type: ignore[attr-defined]
    manager = ComponentsManager()
    manager.add("other", other)
    manager.add("model", model)
    moved: list[str] = []
    other.to = lambda *args: moved.append("other")  # type: ignore[method-assign, assignment]
    with pytest.raises(
        ComponentError, match="'model_new' cannot be placed: 'weight' is a Parameter, whose 'quant_state'"
    ):
        manager.enable_auto_cpu_offload("cpu", memory=CloneMemory())
    assert (moved, manager.placement) == ([], None)


def test_a_component_that_cannot_be_moved_leaves_an_earlier_placement_on() -> None:
    manager, memory = ComponentsManager(), CloneMemory()
    pipe = pipeline(manager, "pipe")
    manager.enable_auto_cpu_offload("cpu", memory=memory)
    pipe(x=0.0)
    earlier, there = manager.placement, memory.resident
    assert there
    stuck = Weights()
    stuck.weight.quant_state = torch.ones(1)  # type: ignore[attr-defined]
    manager.add("stuck", stuck)
    with pytest.raises(ComponentError, match="'stuck_new' cannot be placed: 'weight' is a Parameter, whose"):
        manager.enable_auto_cpu_offload("cpu", memory=CloneMemory())
    assert (manager.placement, memory.resident) == (earlier, there)
    assert pipe(x=0.0, output="x") == 3.0
    # What is on the earlier device is not taken for what another manager has.
    manager.remove("stuck_new")
    other = CloneMemory()
    manager.enable_auto_cpu_offload("cpu", memory=other)
    assert pipe(x=0.0, output="x") == 3.0
    assert (memory.resident, other.resident) == (0, there)


def test_a_model_that_was_replaced_is_not_held() -> None:
    manager = ComponentsManager()
    pipe = pipeline(manager, "pipe")
    memory = CloneMemory()
    manager.enable_auto_cpu_offload("cpu", memory=memory)
    pipe(x=0.0)
    old = weakref.ref(pipe.components["model"])
    pipe.update_components(model=Weights())
    gc.collect()
    assert old() is None
    assert pipe(x=0.0, output="x") == 3.0
    assert memory.resident == 8000


def test_a_device_keeps_the_number_that_it_had(monkeypatch: pytest.MonkeyPatch) -> None:
    from brickwork.registry.devices.device_choice import placing_device, with_index

    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(torch.accelerator, "current_device_index", lambda: 1)
    assert [str(with_index(name)) for name in ("cuda", "cuda:0", "cpu", torch.device("xpu"))] == [
        "cuda:1", "cuda:0", "cpu", "xpu:1"
    ]  # fmt: skip
    assert [str(placing_device(name)) for name in ("cuda", "cuda:0", "cpu")] == ["cuda:1", "cuda:0", "cpu"]
    for name in ("cuda:2", "xpu"):
        with pytest.raises(
            ComponentError,
            match=f"^This machine has no device '{name}' to place components on. There are: cpu, cuda:0, cuda:1.$",
        ):
            placing_device(name)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert str(with_index("cuda")) == "cuda"
    with pytest.raises(ComponentError, match="^This machine has no device 'cuda' .* There are: cpu.$"):
        placing_device("cuda")


def test_what_is_free_is_what_the_driver_says_and_what_torch_keeps_or_the_rule_of_unified_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = TorchMemory("cpu")
    assert memory.free_bytes() is None
    monkeypatch.setattr(torch.accelerator, "get_memory_info", lambda device: (100, 1000))
    monkeypatch.setattr(torch.accelerator, "memory_reserved", lambda device: 30)
    monkeypatch.setattr(torch.accelerator, "memory_allocated", lambda device: 10)
    memory.streams = object()  # type: ignore[assignment]
    assert memory.free_bytes() == 120
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 500)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 60)
    memory.is_unified = True
    assert memory.free_bytes() == 440


def test_the_peak_of_a_step_counts_from_its_beginning_without_components(monkeypatch: pytest.MonkeyPatch) -> None:
    memory, reset = CloneMemory(), []
    monkeypatch.setattr(torch.accelerator, "reset_peak_memory_stats", reset.append)
    monkeypatch.setattr(torch.accelerator, "max_memory_allocated", lambda device: 5000)
    model = Weights()
    memory.bring("model", model)
    memory.streams = object()  # type: ignore[assignment]
    TorchMemory.begin(memory)
    assert reset == [torch.device("cpu")]
    assert TorchMemory.workspace(memory) == 1000
    monkeypatch.setattr(torch.accelerator, "max_memory_allocated", lambda device: 3000)
    assert TorchMemory.workspace(memory) == 0


def test_the_least_that_stays_free_is_a_gigabyte() -> None:
    assert automatic_placement._LEAST_FREE == 10**9
