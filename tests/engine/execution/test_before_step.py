"""A second try gives what a first one would have given, or there is none and the error says why."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from device_doubles import Counters
from toy_blocks import Twice

from brickwork import (
    Block,
    ComponentsManager,
    MemoryCache,
    ModularPipeline,
    Outputs,
    SequentialPipelineBlocks,
    component,
)
from brickwork.engine.events import RunWarning

KB = 1000


class Weights(torch.nn.Module):
    is_cache_enabled = False

    def __init__(self, kilobytes: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(kilobytes * KB // 4), requires_grad=False)


class First(Block):
    a: torch.nn.Module = component()

    class Out(Outputs):
        x: int

    def run(self, x: int) -> Out:
        return self.Out(x=x + 1)


class Second(Block):
    b: torch.nn.Module = component()

    class Out(Outputs):
        y: object

    def run(self, x: int, z: object = None) -> Out:
        done = work[0](z)
        if needs[0]:
            memory[0].use(needs[0])
        return self.Out(y=done)


work: list[Callable[[Any], Any]] = []
needs: list[int] = [0]
memory: list[Counters] = []


def pipeline(**settings: Any) -> ModularPipeline:
    memory[:] = [Counters(100 * KB)]
    manager = ComponentsManager()
    pipe = SequentialPipelineBlocks.from_blocks_dict({"first": First, "second": Second}).init_pipeline(
        components_manager=manager
    )
    pipe.update_components(a=Weights(50), b=Weights(10))
    pipe.configure(progress=False, **settings)
    manager.enable_auto_cpu_offload("cpu", memory=memory[0], memory_reserve_margin=0)
    return pipe


def both(does: Callable[[Any], Any], given: Callable[[], Any], **settings: Any) -> list[Any]:
    """Return what a step gives where there is room, and where there is none at first."""
    work[:] = [does]
    found = []
    for needs[0] in (0, 70 * KB):
        found.append(pipeline(**settings)(x=0, z=given(), output="y"))
    return found


@pytest.mark.parametrize(
    ("does", "given"),
    [
        (lambda z: torch.randn(3, generator=z["g"][0]).tolist(), lambda: {"g": [torch.Generator().manual_seed(1)]}),
        (lambda z: z.random(3).tolist(), lambda: np.random.default_rng(1)),
        (lambda z: [float(z["a"]), z["b"]], lambda: {"a": torch.ones(()), "b": "words"}),
        (lambda z: z + 1, lambda: 1),
    ],
)
def test_what_can_be_brought_back_is(does: Callable[[Any], Any], given: Callable[[], Any]) -> None:
    one, other = both(does, given)
    assert one == other


def written(z: Any) -> Any:
    z += 1
    return z


def appended(z: Any) -> int:
    z.append(2)
    return len(z)


def filled(z: Any) -> float:
    z[0][:] = 3
    return float(z[0].sum())


@pytest.mark.parametrize(
    ("does", "given", "said"),
    [
        (written, lambda: torch.zeros(3), r"it has changed in place: z \(Tensor\[3\] torch\.float32, cpu\)\."),
        (written, lambda: np.zeros(3), r"it has changed in place: z\."),
        (filled, lambda: [np.zeros(3)], r"it has changed in place: z\."),
        (filled, lambda: {0: np.zeros(3)}, r"it has changed in place: z\."),
        (appended, lambda: [1], r"it has changed in place: z \(list"),
        (lambda z: next(z), lambda: iter([1, 2]), r"it reads 'z', and nothing tells whether it has changed that: A builtin"),
        (lambda z: torch.rand(1), int, r"it draws from a random generator of the whole process\. The next run like"),
        (lambda z: random.random(), int, r"it draws from a random generator of the whole process\."),
        (lambda z: np.random.rand(), int, r"it draws from a random generator of the whole process\."),  # noqa: NPY002
    ],
)  # fmt: skip
def test_what_cannot_is_not_tried_again_and_the_next_run_has_the_room(
    does: Callable[[Any], Any], given: Callable[[], Any], said: str
) -> None:
    work[:], needs[0] = [does], 70 * KB
    pipe = pipeline()
    with pytest.raises(torch.OutOfMemoryError) as caught:
        pipe(x=0, z=given())
    notes = "\n".join(caught.value.__notes__)
    assert re.search(f"not tried once more with nothing else on the device, because {said}", notes), notes
    pipe(x=0, z=given())


def test_a_write_into_a_value_without_a_count_of_writes_is_seen() -> None:
    class Make(Block):
        class Out(Outputs):
            z: torch.Tensor

        def run(self, x: int) -> Out:
            return self.Out(z=torch.zeros(3) + x)

    work[:], needs[0] = [written], 70 * KB
    pipe = pipeline(grad="inference")
    pipe.blocks.insert_after("first", "make", Make)  # type: ignore[attr-defined]
    with pytest.raises(torch.OutOfMemoryError) as caught:
        pipe(x=0)
    assert "because it has changed in place: z." in "".join(caught.value.__notes__)
    work[:] = [lambda z: z + 1]
    assert pipeline(grad="inference")(x=0, z=torch.zeros(3), output="y").tolist() == [1.0] * 3


def test_a_model_that_keeps_results_of_earlier_steps_is_not_called_again_in_the_middle_of_one() -> None:
    work[:], needs[0] = [lambda z: 1], 70 * KB
    pipe = pipeline()
    pipe.components["b"].is_cache_enabled = True
    pipe.components["b"]._reset_stateful_cache = lambda: None
    with pytest.raises(torch.OutOfMemoryError) as caught:
        pipe(x=0)
    assert "because 'b' keeps results of earlier steps (enable_cache), and" in "".join(caught.value.__notes__)


def test_a_cache_that_holds_nothing_on_a_device_makes_no_room() -> None:
    heard: list[str] = []

    def listen(event: object) -> None:
        if isinstance(event, RunWarning):
            heard.append(event.text)

    work[:], needs[0] = [lambda z: calls.append(1)], 95 * KB
    calls: list[int] = []
    pipe = pipeline(cache=MemoryCache(), listeners=[listen])
    assert pipe.manager is not None
    with pytest.raises(torch.OutOfMemoryError):
        pipe(x=0)
    assert (len(calls), len(heard)) == (2, 1)
    # Now the step is alone from the beginning, and there is nothing to try anew with.
    with pytest.raises(torch.OutOfMemoryError):
        pipe(x=0)
    assert (len(calls), len(heard)) == (3, 1)


def test_what_a_cache_holds_on_a_device_leaves_for_the_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brickwork.engine.memory.lies_on_device", lambda tensor: True)
    work[:], needs[0] = [lambda z: torch.ones(4)], 0
    store = MemoryCache()
    pipe = pipeline(cache=store)
    pipe(x=0)
    assert store.device_bytes == 16
    needs[0] = 95 * KB
    calls: list[int] = []
    work[:] = [lambda z: calls.append(store.device_bytes)]
    with pytest.raises(torch.OutOfMemoryError):
        pipe(x=1)
    assert calls == [16, 0]


@pytest.mark.parametrize("needed", [55, 48])
def test_a_loop_whose_models_leave_no_room_for_one_of_its_steps_lets_them_take_turns(needed: int) -> None:
    class One(Block):
        a: torch.nn.Module = component()

        class Out(Outputs):
            x: int

        def run(self, x: int) -> Out:
            memory[0].use(needed * KB)
            return self.Out(x=x + 1)

    class Two(Block):
        b: torch.nn.Module = component()

        class Out(Outputs):
            x: int

        def run(self, x: int) -> Out:
            assert memory[0].size_of(id(self.b))
            return self.Out(x=x * 2)

    memory[:] = [Counters(100 * KB)]
    manager = ComponentsManager()
    loop = Twice.from_blocks_dict({"one": One, "two": Two})
    pipe = SequentialPipelineBlocks.from_blocks_dict({"loop": loop}).init_pipeline(components_manager=manager)
    pipe.update_components(a=Weights(40), b=Weights(10))
    pipe.configure(progress=False)
    manager.enable_auto_cpu_offload("cpu", memory=memory[0], memory_reserve_margin=0)
    heard: list[int] = []
    for _ in range(3):
        said: list[object] = []
        pipe.configure(listeners=[said.append])
        assert pipe(x=0, output="x") == 6
        heard.append(sum(isinstance(each, RunWarning) for each in said))
    assert heard == ([1, 1, 0] if needed == 55 else [0, 0, 0])
