"""Runs can be watched, streamed, and stopped from anywhere; without listeners they go past all that."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_blocks import AddOne, pipeline

from brickwork import (
    Block,
    InputError,
    LoopSequentialPipelineBlocks,
    ModularPipeline,
    Outputs,
    SequentialPipelineBlocks,
)
from brickwork.engine.events import (
    BlockFinished,
    BlockStarted,
    ComponentFreed,
    ComponentLoaded,
    Event,
    RunFinished,
    RunStarted,
    RunWarning,
    StepFinished,
    StepStarted,
)
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.state.errors import RunCancelledError

QUICK: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 3, "output": "images"}


class Fails(Block):
    def run(self, x: int) -> None:
        raise ZeroDivisionError(f"at {x}")


class Repeat(LoopSequentialPipelineBlocks):
    class Vars(Outputs):
        i: int

    def iterate(self, times: int) -> Iterator[Vars]:
        yield from (self.Vars(i=i) for i in range(times))

    def count(self, times: int) -> int:
        return times


def looped(block: Any = AddOne) -> ModularPipeline:
    return pipeline(first=AddOne, loop=Repeat.from_blocks_dict({"add": block}))


def test_a_stream_tells_what_happens_in_order() -> None:
    events = list(looped().stream(x=0, times=2, output="x"))
    assert [(type(event).__name__, getattr(event, "path", "")) for event in events] == [
        ("RunStarted", ""),
        ("BlockStarted", "first"),
        ("BlockFinished", "first"),
        ("StepStarted", "loop"),
        ("BlockStarted", "loop.add"),
        ("BlockFinished", "loop.add"),
        ("StepFinished", "loop"),
        ("StepStarted", "loop"),
        ("BlockStarted", "loop.add"),
        ("BlockFinished", "loop.add"),
        ("StepFinished", "loop"),
        ("ValueReleased", ""),
        ("RunFinished", ""),
    ]
    assert events[0] == RunStarted(("first", "loop.add"))
    assert events[3] == StepStarted("loop", 0, 2)
    last = events[-1]
    assert isinstance(last, RunFinished)
    assert last.result == 3
    assert last.seconds > 0


def test_the_run_waits_while_an_event_is_looked_at() -> None:
    seen = [(e.index, e.values["x"]) for e in looped().stream(x=0, times=3) if isinstance(e, StepFinished)]
    assert seen == [(0, 2), (1, 3), (2, 4)]
    (values,) = [event.values for event in looped().stream(x=0, times=1) if isinstance(event, StepFinished)]
    with pytest.raises(TypeError, match="to look at"):
        values["x"] = 5  # type: ignore[index]  # it is to look at


def test_a_stream_gives_what_a_call_gives(tiny_pipe: ModularPipeline) -> None:
    expected = tiny_pipe(**QUICK, output_type="pt", generator=torch.Generator().manual_seed(0))
    events = list(tiny_pipe.stream(**QUICK, output_type="pt", generator=torch.Generator().manual_seed(0)))
    last = events[-1]
    assert isinstance(last, RunFinished)
    assert torch.equal(last.result, expected)
    decode = [event for event in events if isinstance(event, BlockFinished) and event.path == "decode"]
    assert [event.bytes for event in decode] == [expected.numel() * 4]


def test_faults_are_raised_before_the_first_event() -> None:
    with pytest.raises(InputError, match="'y' is no input"):
        looped().stream(x=0, times=1, y=2)


def test_an_error_in_the_run_is_raised_where_the_events_are_taken() -> None:
    stream = looped(Fails).stream(x=0, times=1)
    with pytest.raises(ZeroDivisionError, match="at 1") as caught:
        list(stream)
    assert "In block loop.step[0].add" in caught.value.__notes__[0]
    assert next(stream, None) is None


@pytest.mark.parametrize("way", ["break", "close", "forget"])
def test_who_leaves_the_stream_ends_the_run_and_its_thread(way: str) -> None:
    ran: list[int] = []

    class Counts(AddOne):
        def run(self, x: int) -> AddOne.Out:
            ran.append(x)
            return self.Out(x=x + 1)

    pipe = looped(Counts)
    before = threading.active_count()
    stream = pipe.stream(x=0, times=100)
    for event in stream:
        if isinstance(event, StepFinished) and event.index == 2:
            break
    if way == "close":
        stream.close()
    del stream, event
    gc.collect()
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before
    assert ran == [1, 2, 3]
    assert pipe(x=0, times=1, output="x") == 2


def test_listeners_hear_of_calls_too_and_may_be_many() -> None:
    pipe = looped()
    first: list[Event] = []
    second: list[Event] = []
    pipe.configure(listeners=[first.append, second.append])
    pipe(x=0, times=1)
    assert first == second
    assert [type(event) for event in first][:2] == [RunStarted, BlockStarted]
    pipe.configure(listeners=[])
    pipe(x=0, times=1)
    assert len(first) == len(second) == 8


def test_a_listener_that_fails_ends_the_run() -> None:
    def refuses(event: Event) -> None:
        if isinstance(event, StepStarted):
            raise ValueError("no more")

    pipe = looped()
    pipe.configure(listeners=[refuses])
    with pytest.raises(ValueError, match="no more"):
        pipe(x=0, times=1)


def test_a_run_is_cancelled_from_another_thread_and_the_pipeline_goes_on() -> None:
    reached = threading.Event()

    class Slow(AddOne):
        def run(self, x: int) -> AddOne.Out:
            reached.set()
            time.sleep(0.01)
            return self.Out(x=x + 1)

    pipe = looped(Slow)
    caught: list[BaseException] = []

    def call() -> None:
        try:
            pipe(x=0, times=10_000)
        except RunCancelledError as error:
            caught.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    assert reached.wait(10)
    pipe.cancel()
    thread.join(10)
    assert [str(error).partition(" before ")[0] for error in caught] == ["The run was cancelled"]
    assert pipe(x=0, times=2, output="x") == 3


@pytest.mark.parametrize("output", [None, "x"], ids=["all", "asked"])
@pytest.mark.parametrize(
    ("order", "ran_before", "next_one", "place"),
    [
        (["stop", "first", "loop"], [], "first", "first"),
        (["first", "stop", "loop"], [0], "loop", "loop"),
        (["first", "loop", "stop"], [0, 1, 2], None, None),
        (["loop"], [0], "loop.again", "loop.step[0].again"),
    ],
)
def test_a_run_that_is_cancelled_between_blocks_ends_before_the_next_one(
    order: list[str], ran_before: list[int], next_one: str | None, place: str | None, output: str | None
) -> None:
    ran: list[int] = []

    class Counts(AddOne):
        def run(self, x: int) -> AddOne.Out:
            ran.append(x)
            if order == ["loop"]:
                pipe.cancel()
            return self.Out(x=x + 1)

    class Stop(AddOne):
        def run(self, x: int) -> AddOne.Out:
            pipe.cancel()
            return self.Out(x=x)

    loop = Repeat.from_blocks_dict({"add": Counts, "again": Counts})
    blocks = {"first": Counts, "stop": Stop, "loop": loop}
    pipe = pipeline(**{name: blocks[name] for name in order})
    if next_one is None:
        assert pipe(x=0, times=1, output=output) is not None
    else:
        with pytest.raises(RunCancelledError) as caught:
            pipe(x=0, times=1, output=output)
        assert str(caught.value) == f"The run was cancelled before {next_one}."
        assert caught.value.__notes__[0].startswith(f"In block {place}.")
    assert ran == ran_before


def test_ctrl_c_in_a_block_leaves_the_pipeline_usable(tiny_pipe: ModularPipeline) -> None:
    expected = tiny_pipe(**QUICK, output_type="pt", generator=torch.Generator().manual_seed(0))

    def interrupts(event: Event) -> None:
        if isinstance(event, StepFinished) and event.index == 1:
            raise KeyboardInterrupt

    tiny_pipe.configure(listeners=[interrupts])
    with pytest.raises(KeyboardInterrupt):
        tiny_pipe(**QUICK)
    tiny_pipe.configure(listeners=[])
    again = tiny_pipe(**QUICK, output_type="pt", generator=torch.Generator().manual_seed(0))
    assert torch.equal(again, expected)


def test_components_that_come_and_go_are_told_of(tiny_folder: Path) -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(tiny_folder))
    pipe.configure(progress=False, residency="just in time")
    events = list(pipe.stream(prompt="a cat", num_inference_steps=1))
    loaded = [event.name for event in events if isinstance(event, ComponentLoaded)]
    freed = [event.name for event in events if isinstance(event, ComponentFreed)]
    assert {"text_encoder", "unet", "vae"} <= set(loaded)
    assert sorted(loaded) == sorted(freed)
    assert loaded.index("text_encoder") < loaded.index("unet") < loaded.index("vae")


def test_a_stream_keeps_the_callers_gradient_mode() -> None:
    class Asks(Block):
        class Out(Outputs):
            enabled: bool

        def run(self, x: int) -> Out:
            return self.Out(enabled=torch.is_grad_enabled())

    pipe = pipeline(asks=Asks)
    pipe.configure(grad=True)
    for enabled in (True, False):
        with torch.set_grad_enabled(enabled):
            (*_, last) = pipe.stream(x=1, output="enabled")
        assert isinstance(last, RunFinished)
        assert last.result is enabled


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_carried_value_that_stops_being_finite_is_named_with_its_turn(bad: float) -> None:
    class Blows(Block):
        class Out(Outputs):
            x: torch.Tensor

        def run(self, x: torch.Tensor, i: int) -> Out:
            return self.Out(x=x * bad if i == 3 else x + 1)

    pipe = pipeline(loop=Repeat.from_blocks_dict({"add": Blows}))
    told: list[Event] = []
    pipe.configure(listeners=[told.append])
    with pytest.warns(RuntimeWarning, match=r"x is not finite since loop.step\[3\]: it holds NaN or infinity"):
        pipe(x=torch.zeros(2), times=6)
    pipe.configure(listeners=[])
    warned = next(event for event in told if isinstance(event, RunWarning))
    assert warned.path == "loop.step[3]"
    assert warned.text.startswith("x is not finite since loop.step[3]")
    pipe(x=torch.full((2,), 6e4, dtype=torch.float16), times=2)
    pipe.configure(check_values=False)
    pipe(x=torch.zeros(2), times=6)
