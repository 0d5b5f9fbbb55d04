"""With `output=`, a value lives until its last use; the plan says when that is."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor

from brickwork import (
    Block,
    ConditionalPipelineBlocks,
    InputParam,
    LoopSequentialPipelineBlocks,
    ModularPipeline,
    ModularPipelineBlocks,
    Outputs,
    PipelineState,
    SequentialPipelineBlocks,
)
from brickwork.engine.events import BlockStarted, Event, RunStarted, ValueReleased
from brickwork.engine.memory import tensor_bytes
from brickwork.engine.planning.liveness import peak_of
from brickwork.presets.sdxl import INPAINT_BLOCKS

alive: dict[str, weakref.ref[torch.Tensor]] = {}


def noted(name: str, size: int = 1) -> torch.Tensor:
    tensor = torch.zeros(size)
    alive[name] = weakref.ref(tensor)
    return tensor


def living() -> set[str]:
    return {name for name, ref in alive.items() if ref() is not None}


class MakeA(Block):
    class Out(Outputs):
        a: torch.Tensor

    def run(self, x: int) -> Out:
        return self.Out(a=noted("a", 100))


class MakeB(Block):
    class Out(Outputs):
        b: torch.Tensor
        unused: torch.Tensor

    def run(self, a: torch.Tensor) -> Out:
        return self.Out(b=noted("b", 50), unused=noted("unused", 10))


class MakeC(Block):
    class Out(Outputs):
        c: torch.Tensor
        seen: set[str]

    def run(self, b: torch.Tensor) -> Out:
        return self.Out(c=noted("c", 5), seen=living())


def pipeline(**blocks: Any) -> ModularPipeline:
    alive.clear()
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    pipe.configure(progress=False)
    return pipe


def test_a_value_is_let_go_of_after_its_last_reader() -> None:
    pipe = pipeline(a=MakeA, b=MakeB, c=MakeC)
    assert pipe(x=1, output="seen") == {"b", "c"}
    assert living() == set()


def test_what_is_asked_for_stays_and_without_output_everything_does() -> None:
    pipe = pipeline(a=MakeA, b=MakeB, c=MakeC)
    found = pipe(x=1, output=["a", "seen"])
    assert found["seen"] == {"a", "b", "c"}
    state = pipe(x=1)
    assert {"x", "a", "b", "unused", "c"} <= set(state.values)


def test_what_a_loop_reads_stays_until_its_end() -> None:
    class Loop(LoopSequentialPipelineBlocks):
        class Vars(Outputs):
            i: int

        def iterate(self) -> Iterator[Vars]:
            yield from (self.Vars(i=i) for i in range(2))

    class Read(Block):
        class Out(Outputs):
            total: int

        def run(self, a: torch.Tensor, total: int = 0) -> Out:
            assert "a" in living()
            return self.Out(total=total + len(a))

    class After(Block):
        class Out(Outputs):
            seen: set[str]

        def run(self, total: int) -> Out:
            return self.Out(seen=living())

    pipe = pipeline(a=MakeA, loop=Loop.from_blocks_dict({"read": Read}), after=After)
    assert pipe(x=1, output=["total", "seen"]) == {"total": 200, "seen": set()}


def test_a_foreign_block_may_read_anything() -> None:
    class Foreign(ModularPipelineBlocks):
        @property
        def inputs(self) -> list[InputParam]:
            return [InputParam("x")]

        def __call__(self, components: Any, state: Any) -> Any:
            assert state.get("a") is not None
            return components, state

    pipe = pipeline(a=MakeA, b=MakeB, foreign=Foreign, c=MakeC)
    assert pipe(x=1, output="seen") == {"b", "c"}


def test_a_loop_with_one_foreign_block_among_others_may_read_anything() -> None:
    class Foreign(ModularPipelineBlocks):
        @property
        def inputs(self) -> list[InputParam]:
            return [InputParam("i")]

        def __call__(self, components: Any, block_state: Any) -> Any:
            return components, block_state

    class Iterations(LoopSequentialPipelineBlocks):
        class Vars(Outputs):
            i: int

        def iterate(self) -> Iterator[Vars]:
            yield from (self.Vars(i=i) for i in range(2))

    loop = Iterations.from_blocks_dict({"c": MakeC, "foreign": Foreign})
    live = pipeline(a=MakeA, b=MakeB, loop=loop).plan(["x"]).live_after(["seen"])
    assert {path: set(names) for path, names in live.items()} == {
        "a": {"x", "a"},
        "b": {"x", "a", "b", "unused"},
        "loop": {"seen"},
    }


def test_the_plan_predicts_what_is_there_and_the_peak() -> None:
    pipe = pipeline(a=MakeA, b=MakeB, c=MakeC)
    plan = pipe.plan(["x"])
    live = plan.live_after(["c"])
    assert {path: set(names) for path, names in live.items()} == {"a": {"a"}, "b": {"b"}, "c": {"c"}}
    assert peak_of(live, {"a": 400, "b": 200, "c": 20}) == 400


def released(pipe: ModularPipeline, state: PipelineState, output: str) -> list[str]:
    """What a run starts and lets go of, in order."""
    told: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, (BlockStarted, ValueReleased)):
            told.append(event.path if isinstance(event, BlockStarted) else f"-{event.name} {event.bytes}")

    pipe.configure(listeners=[listen])
    pipe(state, output=output)
    return told


def test_what_is_given_and_read_by_nobody_is_let_go_of_after_the_first_block() -> None:
    pipe = pipeline(a=MakeA, b=MakeB, c=MakeC)
    state = PipelineState({"x": 1, "extra": torch.zeros(7)})
    told = released(pipe, state, "c")
    assert told == ["a", "-extra 28", "-x 0", "b", "-a 400", "-unused 40", "c", "-b 200", "-seen 0"]
    assert "extra" in state.values


def test_what_is_given_and_asked_for_stays_although_nobody_reads_it() -> None:
    pipe = pipeline(a=MakeA, b=MakeB, c=MakeC)
    told = released(pipe, PipelineState({"x": 1, "extra": torch.zeros(7)}), "extra")
    assert not [text for text in told if "extra" in text]
    assert "-c 20" in told


def test_the_plan_predicts_that_nothing_is_there_which_nobody_reads() -> None:
    live = pipeline(a=MakeA, b=MakeB, c=MakeC).blocks.plan(["x", "extra"]).live_after(["c"])
    assert {path: set(names) for path, names in live.items()} == {"a": {"a"}, "b": {"b"}, "c": {"c"}}


class Some(ConditionalPipelineBlocks):
    """A choice in the run between reading `a` and writing `c`."""

    block_classes = [MakeB, MakeC]
    block_names = ["first", "second"]
    block_trigger_inputs = ["way"]

    def select_block(self, way: str | None = None) -> str | None:
        return way


def test_what_any_branch_reads_stays_until_after_the_choice_and_what_it_only_writes_anew_does_not() -> None:
    class Way(Block):
        class Out(Outputs):
            way: str

        def run(self) -> Out:
            return self.Out(way="first")

    live = pipeline(a=MakeA, b=MakeB, way=Way, some=Some).plan(["x"]).live_after(["seen"])
    assert {path: set(names) for path, names in live.items()} == {
        "a": {"a"},
        "b": {"a", "b"},
        "way": {"a", "b", "way"},
        "some": {"seen"},
    }


def test_what_a_choice_may_write_anew_stays_where_it_is_asked_for() -> None:
    class Way(Block):
        class Out(Outputs):
            way: str

        def run(self) -> Out:
            return self.Out(way="second")

    pipe = pipeline(a=MakeA, b=MakeB, way=Way, some=Some)
    assert "unused" in pipe.plan(["x"]).live_after(["unused"])["b"]
    assert pipe(x=1, output="unused").shape == (10,)


def test_a_value_is_let_go_of_between_its_last_reader_and_the_block_that_writes_it_anew() -> None:
    class Reads(Block):
        class Out(Outputs):
            c: int

        def run(self, a: torch.Tensor) -> Out:
            return self.Out(c=len(a))

    pipe = pipeline(a=MakeA, reads=Reads, again=MakeA, more=Reads)
    told = released(pipe, PipelineState({"x": 1}), "c")
    assert told == ["a", "reads", "-a 400", "-c 0", "again", "-x 0", "more", "-a 400"]
    assert pipe(x=1, output=["a", "c"])["a"].shape == (100,)


def test_the_peak_counts_what_has_no_size_as_nothing() -> None:
    assert peak_of({"a": frozenset({"x", "y", "z"}), "b": frozenset({"x"})}, {"x": 3, "y": 4}) == 7
    assert peak_of({}, {"x": 3}) == 0


def tensors_with_memory() -> list[torch.Tensor]:
    """The tensors of this process; others may have compiled in it, and leave tensors that only stand for some."""
    tensors = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]
    return [tensor for tensor in tensors if _has_memory(tensor)]


def _has_memory(tensor: torch.Tensor) -> bool:
    if tensor.is_meta or tensor.layout is not torch.strided or isinstance(tensor, FakeTensor):
        return False
    try:
        tensor.untyped_storage().data_ptr()
    except RuntimeError:  # "an invalid python storage": the plain tensor inside of a traced one
        return False
    return True


def new_tensor_bytes(known: set[int]) -> int:
    return tensor_bytes(t for t in tensors_with_memory() if t.untyped_storage().data_ptr() not in known)


@pytest.mark.rotating(2)
@pytest.mark.parametrize("output", ["images", "latents"])
def test_the_live_bytes_of_a_preset_are_what_its_plan_predicts(output: str, tiny_pipe: ModularPipeline) -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict(INPAINT_BLOCKS).init_pipeline()
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    picture = torch.rand(1, 3, 64, 64)
    inputs: dict[str, Any] = {
        "prompt": "a cat",
        "image": picture,
        "mask_image": picture[:, :1].round(),
        "num_inference_steps": 3,
        "output_type": "pt",
    }
    live = pipe.plan(inputs).live_after([output])
    order = list(live)
    sizes: dict[str, int] = {}
    measured: dict[str, int] = {}
    known: set[int] = set()
    held: list[list[torch.Tensor]] = []

    def listen(event: Event) -> None:
        if isinstance(event, RunStarted):
            gc.collect()
            held.append(tensors_with_memory())  # a new tensor in the place of one that has gone would pass for it
            known.update(tensor.untyped_storage().data_ptr() for tensor in held[-1])
        elif isinstance(event, ValueReleased):
            sizes.setdefault(event.name, event.bytes)
        elif isinstance(event, BlockStarted) and event.path in order[1:]:
            measured[order[order.index(event.path) - 1]] = new_tensor_bytes(known)

    pipe.configure(progress=False, listeners=[listen])
    sizes[output] = tensor_bytes([pipe(**inputs, output=output)])
    assert len(measured) > 5
    for path, found in measured.items():
        expected = sum(sizes.get(name, 0) for name in live[path] if name not in inputs)
        # The run's clone of the scheduler holds tables of its own.
        assert expected <= found <= expected + 16_000, path
    assert peak_of(live, sizes) < sum(sizes.values())
