"""`pipe.start(...)`: a run as an object that is watched, cancelled and asked for its result."""

from __future__ import annotations

import contextvars
import gc
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from toy_blocks import AddOne, Repeat, pipeline

from brickwork import Block, InputError, ModularPipeline, RunCancelledError, SequentialPipelineBlocks
from brickwork.engine.events import BlockStarted, Event, RunFailed, RunFinished, RunStarted, RunWarning, StepFinished
from brickwork.pipeline import RunProgress
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS

QUICK: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 3, "output": "images", "output_type": "pt"}


class Doors:
    """Where a block waits for a test."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def block(self) -> type[AddOne]:
        """Return a block that says that it was reached, and adds one when it is let."""

        class Gate(AddOne):
            def run(self, x: int) -> AddOne.Out:
                doors.reached.set()
                assert doors.open.wait(30)
                return self.Out(x=x + 1)

        doors = self
        return Gate


@pytest.fixture
def doors() -> Iterator[Doors]:
    made = Doors()
    yield made
    made.open.set()


class Fails(Block):
    """Raises."""

    def run(self, x: int) -> None:
        raise ZeroDivisionError(f"at {x}")


class Counted(Repeat):
    """Knows how many iterations it has."""

    def count(self, times: int = 4) -> int:
        return times


def test_a_started_run_gives_what_a_call_gives(tiny_pipe: ModularPipeline) -> None:
    expected = tiny_pipe(**QUICK, seed=3)
    recipe = tiny_pipe.last_recipe
    run = tiny_pipe.start(**QUICK, seed=3)
    assert torch.equal(run.result(60), expected)
    assert run.result() is run.result()
    assert run.recipe is not None
    assert recipe is not None
    assert run.recipe.to_dict() == recipe.to_dict()
    assert run.status == "finished"


def test_a_started_run_takes_what_a_call_takes() -> None:
    pipe = pipeline(first=AddOne)
    state = pipe.start(3).result(30)
    assert state.x == 4
    assert pipe.start(state, output=["x"]).result(30) == {"x": 5}


def test_start_returns_before_the_run_is_over_and_says_where_it_stands(doors: Doors) -> None:
    pipe = pipeline(first=AddOne, loop=Counted.from_blocks_dict({"add": AddOne, "gate": doors.block()}), last=AddOne)
    run = pipe.start(x=0, times=2, output="x")
    assert doors.reached.wait(30)
    assert run.status == "running"
    assert run.progress == RunProgress("loop", 0, 2)
    assert str(run.progress) == "loop, step 1 of 2"
    assert repr(run) == "<StartedRun: running, loop, step 1 of 2>"
    with pytest.raises(TimeoutError, match=r"not over after 0.01 s: <StartedRun: running.*run.cancel\(\) ends it"):
        run.result(0.01)
    doors.open.set()
    assert run.result(30) == 6
    assert run.progress == RunProgress("last")
    assert str(run.progress) == "last"
    assert repr(run) == "<StartedRun: finished, last>"


def test_a_loop_that_cannot_count_its_steps_says_which_it_is_at() -> None:
    assert str(RunProgress("loop", 4)) == "loop, step 5"


def test_cancelling_ends_one_run_and_no_other(doors: Doors) -> None:
    pipe = pipeline(gate=doors.block(), last=AddOne)
    ended = pipe.start(x=0, output="x")
    assert doors.reached.wait(30)
    other = pipe.start(x=10, output="x")
    ended.cancel()
    doors.open.set()
    with pytest.raises(RunCancelledError, match="The run was cancelled before last"):
        ended.result(30)
    assert ended.status == "cancelled"
    assert other.result(30) == 12
    assert [type(event) for event in ended.events()][-1] is RunFailed
    other.cancel()
    assert (other.status, other.result()) == ("finished", 12)


def test_a_pipeline_cancels_all_of_its_runs(doors: Doors) -> None:
    pipe = pipeline(gate=doors.block(), last=AddOne)
    runs = [pipe.start(x=0), pipe.start(x=1)]
    for run in runs:
        while run.progress is None:
            assert doors.reached.wait(30)
    pipe.cancel()
    doors.open.set()
    for run in runs:
        with pytest.raises(RunCancelledError):
            run.result(30)


def test_a_run_that_is_cancelled_before_its_first_block_computes_nothing(doors: Doors) -> None:
    ran: list[int] = []

    class Notes(AddOne):
        def run(self, x: int) -> AddOne.Out:
            ran.append(x)
            return self.Out(x=x)

    def waits(event: Event) -> None:
        if isinstance(event, RunStarted):
            doors.reached.set()
            assert doors.open.wait(30)

    pipe = pipeline(notes=Notes)
    pipe.configure(listeners=[waits])
    run = pipe.start(x=0)
    assert doors.reached.wait(30)
    run.cancel()
    doors.open.set()
    with pytest.raises(RunCancelledError, match="before notes"):
        run.result(30)
    assert ran == []


def test_events_are_those_of_a_stream_and_can_be_read_again_and_late() -> None:
    pipe = pipeline(first=AddOne, loop=Repeat.from_blocks_dict({"add": AddOne}))
    streamed = list(pipe.stream(x=0, times=2, output="x"))
    run = pipe.start(x=0, times=2, output="x")
    watched = list(run.events())
    assert [(type(event), getattr(event, "path", "")) for event in watched] == [
        (type(event), getattr(event, "path", "")) for event in streamed
    ]
    assert list(run.events()) == watched
    last = watched[-1]
    assert isinstance(last, RunFinished)
    assert last.result == run.result(30) == 3


def test_an_error_is_raised_with_the_result_and_is_the_last_event() -> None:
    run = pipeline(first=AddOne, fails=Fails).start(x=0)
    with pytest.raises(ZeroDivisionError, match="at 1") as caught:
        run.result(30)
    assert "In block fails" in caught.value.__notes__[0]
    assert run.status == "failed"
    last = [*run.events()][-1]
    assert isinstance(last, RunFailed)
    assert last.error is caught.value
    assert last.seconds >= 0
    # How the failed run began is known, as after a call.
    assert run.recipe is not None


def test_faults_are_raised_before_anything_is_started() -> None:
    before = threading.active_count()
    with pytest.raises(InputError, match="'y' is no input"):
        pipeline(first=AddOne).start(x=0, y=2)
    assert threading.active_count() == before


def _forgotten(look: Callable[[Any], object]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = pipeline(fails=Fails).start(x=0)
        run._thread.join(30)
        look(run)
        del run
        gc.collect()
    return [str(warning.message) for warning in caught if issubclass(warning.category, RuntimeWarning)]


def _ask(run: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        run.result()


def test_a_failure_that_nobody_asks_for_is_told_and_no_other() -> None:
    assert _forgotten(lambda _: None) == [
        "A run that was started has failed, and nobody asked for its result: ZeroDivisionError: at 0"
    ]
    assert _forgotten(_ask) == []
    assert _forgotten(lambda run: list(run.events())) == []


def test_leaving_a_with_block_ends_the_run_and_its_thread(doors: Doors) -> None:
    pipe = pipeline(gate=doors.block(), last=AddOne)
    before = threading.active_count()
    with pipe.start(x=0) as run:
        assert doors.reached.wait(30)
        assert threading.active_count() == before + 1
        threading.Timer(0.05, doors.open.set).start()
    assert run.status == "cancelled"
    with pytest.raises(RunCancelledError):
        run.result(0)


def test_the_run_waits_for_nobody_and_its_thread_ends() -> None:
    pipe = pipeline(first=AddOne, loop=Repeat.from_blocks_dict({"add": AddOne}))
    before = threading.active_count()
    run = pipe.start(x=0, times=2000, output="x")
    assert run.result(60) == 2001
    run._thread.join(30)
    assert threading.active_count() == before
    # All that was left of eight thousand events.
    assert len(list(run.events())) < 1010


def test_values_of_steps_are_refused_where_the_run_has_gone_on() -> None:
    run = pipeline(loop=Repeat.from_blocks_dict({"add": AddOne})).start(x=0, times=1)
    (step,) = [event for event in run.events() if isinstance(event, StepFinished)]
    with pytest.raises(InputError, match="others by now"):
        step.values["x"]


def test_a_run_that_asks_for_its_own_result_is_refused() -> None:
    asked: list[Any] = []

    def asks(event: Event) -> None:
        if isinstance(event, BlockStarted):
            asked[0].result()

    def waits(event: Event) -> None:
        if isinstance(event, RunStarted):
            assert begun.wait(30)

    begun = threading.Event()
    pipe = pipeline(first=AddOne)
    pipe.configure(listeners=[waits, asks])
    asked.append(pipe.start(x=0))
    begun.set()
    with pytest.raises(InputError, match="would wait for ever"):
        asked[0].result(30)


def test_settings_are_those_that_the_pipeline_had_when_the_run_was_started(doors: Doors) -> None:
    heard: list[Event] = []
    pipe = pipeline(gate=doors.block(), last=AddOne)
    pipe.configure(listeners=[heard.append])
    run = pipe.start(x=0, output="x")
    pipe.configure(listeners=[])
    doors.open.set()
    assert run.result(30) == 2
    assert isinstance(heard[-1], RunFinished)


def test_a_component_that_is_replaced_before_the_run_begins_is_refused(tiny_pipe: ModularPipeline) -> None:
    mine, other = tiny_pipe.unet, type(tiny_pipe.unet).from_config(tiny_pipe.unet.config)

    def replaces(event: Event) -> None:
        if isinstance(event, RunStarted):
            tiny_pipe.update_components(unet=other)

    tiny_pipe.configure(listeners=[replaces])
    run = tiny_pipe.start(**QUICK, seed=1)
    with pytest.raises(InputError, match="^unet: replaced after the run was asked for, and before it began"):
        run.result(60)
    tiny_pipe.configure(listeners=[])
    tiny_pipe.update_components(unet=mine)


def test_a_component_that_is_loaded_meanwhile_is_none_that_was_replaced(tiny_folder: Any) -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline(str(tiny_folder))
    pipe.configure(load="on demand", progress=False)
    assert pipe.start(**QUICK, seed=1).result(60).shape[0] == 1


def test_warnings_of_a_run_are_among_its_events(tiny_pipe: ModularPipeline) -> None:
    class Warns(AddOne):
        def run(self, x: int) -> AddOne.Out:
            self.warn("slow")
            return self.Out(x=x)

    run = pipeline(warns=Warns).start(x=0)
    assert RunWarning("warns", "slow") in list(run.events())


_NAME: contextvars.ContextVar[str] = contextvars.ContextVar("_NAME", default="none")


@pytest.mark.parametrize("way", ["start", "stream"])
def test_the_thread_of_a_run_is_as_the_callers(way: str) -> None:
    found: list[Any] = []

    class Looks(AddOne):
        def run(self, x: int) -> AddOne.Out:
            found.append(
                (
                    torch.is_grad_enabled(),
                    torch.is_inference_mode_enabled(),
                    torch.is_autocast_enabled("cpu"),
                    torch.get_autocast_dtype("cpu"),
                    torch.is_autocast_cache_enabled(),
                    torch.empty(0).device.type,
                    _NAME.get(),
                )
            )
            return self.Out(x=x)

    pipe = pipeline(looks=Looks)
    pipe.configure(grad="inherit")

    def run() -> None:
        pipe(x=0)
        if way == "start":
            pipe.start(x=0).result(30)
        else:
            list(pipe.stream(x=0))

    run()
    token = _NAME.set("mine")
    with torch.no_grad(), torch.autocast("cpu", torch.float16, cache_enabled=False), torch.device("meta"):
        run()
    _NAME.reset(token)
    with torch.inference_mode():
        run()
    plain, given, inference = found[::2]
    assert found[1::2] == [plain, given, inference]
    assert given == (False, False, True, torch.float16, False, "meta", "mine")
    assert inference[1]


@pytest.mark.parametrize("way", ["start", "stream"])
def test_a_mode_that_holds_in_one_thread_only_is_refused(way: str) -> None:
    from torch.overrides import TorchFunctionMode

    class Mine(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return func(*args, **(kwargs or {}))

    pipe = pipeline(first=AddOne)
    with Mine(), pytest.raises(InputError, match="torch's mode Mine holds in this thread only"):
        getattr(pipe, way)(x=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()


def test_a_stream_that_nobody_iterates_over_says_so() -> None:
    pipe = pipeline(first=AddOne)
    with pytest.warns(RuntimeWarning, match=r"was not iterated over, so nothing ran.*pipe\.start"):
        pipe.stream(x=0)


@pytest.mark.parametrize("use", [list, lambda stream: stream.close(), next], ids=["all", "close", "one"])
def test_a_stream_that_was_used_says_nothing(use: Callable[[Any], object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream = pipeline(first=AddOne).stream(x=0)
        use(stream)
        del stream
        gc.collect()


def test_an_interpreter_that_ends_ends_its_runs() -> None:
    # A process of its own, because a fork leaves without the functions of `atexit`.
    done = subprocess.run([sys.executable, "-c", _LEAVES], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\n")[:2] == ["end", "block 0"]
    assert "block 5" not in done.stdout


_LEAVES = """
import time
from brickwork import Block, Outputs, SequentialPipelineBlocks

class Slow(Block):
    class Out(Outputs):
        x: int
    def run(self, x: int) -> Out:
        time.sleep(0.2)
        print("block", x, flush=True)
        return self.Out(x=x + 1)

pipe = SequentialPipelineBlocks.from_blocks_dict({name: Slow for name in "abcdef"}).init_pipeline()
run = pipe.start(x=0)
while run.progress is None:
    time.sleep(0.01)
print("end", flush=True)
"""
