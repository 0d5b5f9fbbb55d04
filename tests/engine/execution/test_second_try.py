"""A step that runs out of memory learns what it needs, and is made once more as if nothing had been."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from device_doubles import Counters
from toy_blocks import Twice

from brickwork import (
    Block,
    ComponentsManager,
    ModularPipeline,
    Outputs,
    RunError,
    SequentialPipelineBlocks,
    component,
)
from brickwork.engine.execution.out_of_memory import is_out_of_memory
from brickwork.engine.execution.second_try import is_tried_again

KB = 1000


class Weights(torch.nn.Module):
    def __init__(self, kilobytes: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(kilobytes * KB // 4), requires_grad=False)


class Solver:
    """Keeps a state, as schedulers do."""

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []
        self.total = torch.zeros(2)
        self.table = torch.ones(2)


class Encode(Block):
    a: torch.nn.Module = component()
    solver: Solver = component(mutates=True)

    class Out(Outputs):
        x: int

    def run(self, x: int) -> Out:
        self.solver.total = torch.ones(2)
        return self.Out(x=x + 1)


class Decode(Block):
    """Needs room beside its weights, and changes all that it may before that runs out."""

    b: torch.nn.Module = component()
    solver: Solver = component(mutates=True)

    class Out(Outputs):
        y: torch.Tensor

    def run(self, x: int, generator: torch.Generator, others: list[torch.Generator] | None = None) -> Out:
        noise = torch.randn(2, generator=generator) + sum(torch.randn(2, generator=each) for each in others or ())
        self.solver.total += noise  # in place, as PNDM adds up
        self.solver.seen.append(noise)
        tried.append(is_tried_again())
        if needs[0] is not None:
            memory[0].use(needs[0])
        return self.Out(y=self.solver.total + sum(self.solver.seen) * x)


tried: list[bool] = []
needs: list[int | None] = [None]
memory: list[Counters] = []


def pipeline(free: int, budget: int | None = None, **options: Any) -> tuple[ModularPipeline, ComponentsManager]:
    tried.clear()
    memory[:] = [Counters(free * KB)]
    manager = ComponentsManager()
    pipe = SequentialPipelineBlocks.from_blocks_dict({"encode": Encode, "decode": Decode}).init_pipeline(
        components_manager=manager
    )
    pipe.update_components(a=Weights(50), b=Weights(10), solver=Solver())
    pipe.configure(progress=False)
    manager.enable_auto_cpu_offload("cpu", budget and budget * KB, memory=memory[0], **options)
    return pipe, manager


def asked(pipe: ModularPipeline) -> torch.Tensor:
    generators = [torch.Generator().manual_seed(seed) for seed in range(3)]
    return pipe(x=1, generator=generators[0], others=generators[1:], output="y")


def test_a_step_without_room_is_tried_again_as_it_was_and_planned_with_room_from_then_on() -> None:
    needs[0] = None
    expected = asked(pipeline(100, memory_reserve_margin=0)[0])
    needs[0] = 70 * KB
    pipe, _ = pipeline(100, memory_reserve_margin=0)
    heard: list[Any] = []
    pipe.configure(listeners=[heard.append])
    assert torch.equal(asked(pipe), expected)
    assert tried == [True, False]
    assert [event.text for event in heard if type(event).__name__ == "RunWarning"] == [
        "memory ran out; everything else has left the device, and the step is tried once more"
    ]
    # One block began and ended, for those who listen.
    assert [e.path for e in heard if type(e).__name__ == "BlockStarted"] == ["encode", "decode"]
    tried.clear()
    for _ in range(3):
        assert torch.equal(asked(pipe), expected)
    assert tried == [False] * 3


def test_a_step_is_not_tried_twice_again_where_the_memory_cannot_say_what_was_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Counters, "workspace", lambda self: 0)
    needs[0] = 70 * KB
    pipe, _ = pipeline(100, memory_reserve_margin=0)
    seen = []
    for _ in range(3):
        tried.clear()
        asked(pipe)
        seen.append([*tried])
    assert seen == [[True, False], [False], [False]]


def test_a_step_that_fails_in_both_tries_has_all_the_room_in_the_next_run() -> None:
    needs[0] = None
    pipe, _ = pipeline(100, memory_reserve_margin=0)
    expected = asked(pipe)
    needs[0] = 95 * KB
    tried.clear()
    with pytest.raises(torch.OutOfMemoryError):
        asked(pipe)
    needs[0] = 70 * KB
    assert torch.equal(asked(pipe), expected)
    assert tried == [True, False, False]


def test_what_never_fits_ends_the_run_as_before_and_the_run_after_it_is_as_good() -> None:
    pipe, manager = pipeline(100, memory_reserve_margin=0)
    needs[0] = None
    expected = asked(pipe)
    needs[0] = 95 * KB
    for _ in range(2):
        with pytest.raises(torch.OutOfMemoryError, match="95000 bytes beside 10000 of 100000") as caught:
            asked(pipe)
        assert "In block decode" in "".join(caught.value.__notes__)
        assert manager.placement is not None
        assert manager.placement.resident == {}
    needs[0] = None
    assert torch.equal(asked(pipe), expected)


def test_other_errors_are_not_tried_again() -> None:
    pipe, _ = pipeline(100, memory_reserve_margin=0)
    needs[0] = None
    fails = []

    class Fails(Block):
        b: torch.nn.Module = component()

        def run(self, x: int) -> None:
            fails.append(is_tried_again())
            raise RuntimeError("no memory of this")

    pipe.blocks.insert_after("decode", "fail", Fails)  # type: ignore[attr-defined]
    with pytest.raises(RuntimeError, match="^no memory of this"):
        asked(pipe)
    assert fails == [True]


def test_a_step_in_a_loop_is_tried_again_by_itself() -> None:
    class Turn(Block):
        b: torch.nn.Module = component()

        class Out(Outputs):
            x: int

        def run(self, x: int) -> Out:
            turns.append(x)
            memory[0].use(70 * KB)
            return self.Out(x=x + 1)

    turns: list[int] = []
    memory[:] = [Counters(100 * KB)]
    manager = ComponentsManager()
    blocks = {"encode": Encode, "loop": Twice.from_blocks_dict({"turn": Turn})}
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline(components_manager=manager)
    pipe.update_components(a=Weights(50), b=Weights(10), solver=Solver())
    pipe.configure(progress=False)
    manager.enable_auto_cpu_offload("cpu", memory=memory[0], memory_reserve_margin=0)
    assert pipe(x=0, output="x") == 3
    assert turns == [1, 1, 2]


def test_a_model_for_which_there_is_no_room_lets_others_leave() -> None:
    # The budget says more than there is: another process has taken it.
    needs[0] = None
    pipe, manager = pipeline(55, 100)
    expected = asked(pipeline(100, 100)[0])
    needs[0] = None
    memory[:] = [Counters(55 * KB)]
    manager.enable_auto_cpu_offload("cpu", 100 * KB, memory=memory[0])
    assert torch.equal(asked(pipe), expected)
    assert torch.equal(asked(pipe), expected)


def test_a_limit_that_was_found_leaves_a_tenth_free_until_something_is_measured() -> None:
    pipe, manager = pipeline(100_000_000)
    assert manager.placement is not None
    assert (manager.placement.budget, manager.placement.unknown) == (100_000_000 * KB, 10_000_000 * KB)
    _, small = pipeline(2_000_000)
    assert small.placement is not None
    assert small.placement.unknown == 10**9
    _, told = pipeline(100, 100)
    assert told.placement is not None
    assert told.placement.unknown == 0


@pytest.mark.parametrize(
    "said",
    [
        "CUDA error: out of memory",
        "CUDA driver error: out of memory",
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "MPS backend out of memory (MPS allocated: 7 GB)",
        "XPU out of memory. Tried to allocate 20.00 MiB",
        "level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)",
        "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried",
        "not enough memory: you tried to allocate 9 bytes",
    ],
)
def test_every_back_ends_words_for_it_are_known(said: str) -> None:
    assert is_out_of_memory(RuntimeError(said))
    assert not is_out_of_memory(ValueError(said))


@pytest.mark.parametrize("error", [RuntimeError("shapes cannot be multiplied"), RunError("no memory"), KeyError("out")])
def test_other_words_are_not(error: Exception) -> None:
    assert not is_out_of_memory(error)
