"""What watches a run: events, tables, traces, bars, and the checks for values that change in place or stop being finite."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest
import torch
from toy_blocks import pipeline

from brickwork import (
    Block,
    InputError,
    LoopSequentialPipelineBlocks,
    MemoryCache,
    Outputs,
    RunError,
)
from brickwork.engine import listeners
from brickwork.engine.arithmetic import arithmetic
from brickwork.engine.events import (
    BlockFinished,
    BlockStarted,
    ComponentLoaded,
    ComponentMoved,
    Event,
    RunFinished,
    RunStarted,
    RunWarning,
    StepFinished,
)
from brickwork.engine.execution.call_events import IterationEvents, observed
from brickwork.engine.execution.finite_watch import FiniteWatch
from brickwork.engine.execution.in_place_watch import watched
from brickwork.engine.listeners import ChromeTrace, TimeTable
from brickwork.engine.progress import progress_bar
from brickwork.engine.settings import RunSettings


def test_a_table_of_time_adds_up_calls_and_keeps_the_most_bytes() -> None:
    table = TimeTable()
    for event in (
        RunStarted(("a",)),
        BlockFinished("loop.add", 0.5, 2_000),
        BlockFinished("loop.add", 0.25, 1_000),
        ComponentLoaded("unet", 1.0),
        ComponentLoaded("unet", 0.25),
        RunFinished(4.0, None),
    ):
        table(event)
    assert repr(table).splitlines() == [
        "1 run, 4.000 s",
        "loop.add            2 x     0.750 s   19%  2.0 KB",
        "(loading unet)      2 x     1.250 s   31%  0 B",
    ]
    table(RunFinished(1.0, None))
    assert repr(table).startswith("2 runs, 5.000 s\n")


def test_a_table_of_no_run_has_no_shares() -> None:
    table = TimeTable()
    assert repr(table) == "0 runs, 0.000 s"
    table(BlockFinished("a", 1.0, 0))
    assert repr(table).splitlines()[1] == "a      1 x     1.000 s        0 B"


def test_a_trace_tells_begin_and_length_in_microseconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([10.0, 12.0, 13.0, 14.0, 15.0, 20.0, 21.0])
    monkeypatch.setattr(listeners, "perf_counter", lambda: next(now))
    trace = ChromeTrace(str(tmp_path / "trace.json"))  # type: ignore[arg-type]  # it is made a path
    for event in (
        RunStarted(("a",)),
        BlockFinished("a", 1.5, 7),
        StepFinished("loop", 3, 5, 0.5, MappingProxyType({})),
        ComponentMoved("unet", 9),
        BlockStarted("b"),
    ):
        trace(event)
    assert not (tmp_path / "trace.json").exists()
    trace(RunFinished(10.0, None))
    place = {"ph": "X", "pid": os.getpid(), "tid": threading.get_ident()}
    expected = [
        {"name": "a", "cat": "block", "ts": 0.5e6, "dur": 1.5e6, "args": {"seconds": 1.5, "bytes": 7}, **place},
        {"name": "loop.step[3]", "cat": "step", "ts": 2.5e6, "dur": 0.5e6, "args": {"seconds": 0.5}, **place},
        {"name": "bring unet", "cat": "component", "ts": 4e6, "dur": 0.0, "args": {"bytes": 9}, **place},
        {"name": "run", "cat": "run", "ts": 0.0, "dur": 10e6, "args": {"seconds": 10.0}, **place},
    ]
    assert json.loads((tmp_path / "trace.json").read_text()) == {"traceEvents": expected}
    trace(RunStarted(("a",)))
    assert trace._origin == 10.0, "a second run goes on in the same image"


def test_runs_of_two_threads_have_one_trace_each_with_its_own_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    monkeypatch.setattr(listeners, "perf_counter", lambda: next(now))
    trace = ChromeTrace(tmp_path / "trace.json")

    def tell(*events: Event) -> None:
        for event in events:
            trace(event)

    begin, end = (RunStarted(("a",)), BlockStarted("a")), (BlockFinished("a", 0.5, 0), RunFinished(0.75, None))
    tell(*begin)
    other = threading.Thread(target=tell, args=(*begin, *end))
    other.start()
    other.join()
    tell(*end)
    found = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [(each["name"], each["ts"] / 1e6, each["dur"] / 1e6) for each in found] == [
        ("a", 3.0, 1.0),
        ("run", 2.0, 3.0),
        ("a", 1.0, 5.0),
        ("run", 0.0, 7.0),
    ]


def test_a_block_is_told_of_before_and_after_with_the_bytes_that_it_wrote() -> None:
    told: list[Event] = []

    def call(values: dict[str, Any]) -> None:
        assert told == [BlockStarted("a")]
        values["x"] = torch.zeros(4)

    observed(call, "a", ("x", "absent"), told.append)({"y": torch.zeros(100)})
    done = told[1]
    assert isinstance(done, BlockFinished)
    assert (done.path, done.bytes) == ("a", 16)
    assert 0 < done.seconds < 1


def test_turns_are_told_with_their_number_total_and_values() -> None:
    told: list[Any] = []
    iterations = IterationEvents("loop", 5, told.append, "loop.add")
    iterations.begin(2)
    values = {"x": 1}
    iterations.end(2, values)
    values["x"] = 2
    assert (told[0].path, told[0].index, told[0].total) == ("loop", 2, 5)
    assert (told[1].path, told[1].index, told[1].total, dict(told[1].values)) == ("loop", 2, 5, {"x": 2})
    assert 0 < told[1].seconds < 1


def test_a_bar_counts_what_is_left_of_a_loop() -> None:
    shown = io.StringIO()
    settings = RunSettings(progress_options={"file": shown, "desc": "steps", "mininterval": 0})
    with progress_bar(settings, 5, 2) as advance:
        advance()
    assert "steps:  60%" in shown.getvalue()
    assert "3/5" in shown.getvalue()
    with progress_bar(RunSettings(progress=False), 5) as advance:
        assert advance() is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"load": "later"}, "load='later': it is 'before' or 'on demand'"),
        ({"residency": "sometimes"}, "residency='sometimes': it is 'stay'"),
        ({"grad": "some"}, "grad='some': it is 'no_grad'"),
        ({"cache": "disk"}, "cache='disk': it is 'off', 'memory', a MemoryCache"),
    ],
)
def test_settings_that_are_none_are_refused_by_name(given: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, InputError), match=message):
        RunSettings(**given)


def test_settings_are_as_they_are_documented() -> None:
    plain = RunSettings()
    assert (plain.check_values, plain.check_in_place, plain.progress) == (True, False, True)
    assert (plain.load, plain.residency, plain.grad) == ("before", "stay", "no_grad")
    assert (plain.snapshots, plain.cache, plain.listeners, plain.load_options) == (None, None, (), {})
    assert [RunSettings(grad=given).grad for given in (True, False, "inference")] == ["inherit", "no_grad", "inference"]
    assert RunSettings(listeners=[print]).listeners == (print,)
    assert isinstance(RunSettings(cache="memory").cache, MemoryCache)
    assert RunSettings(cache="off").cache is None


EDITS: list[tuple[str, Any, str | None]] = [
    ("tensor", lambda x: x["t"].add_(1), "t (Tensor[2] torch.float32, cpu)"),
    ("list", lambda x: x["l"].append(1), "l (list of 3: Tensor[1] torch.float32, cpu)"),
    ("in list", lambda x: x["l"][0].zero_(), "l[0] (Tensor[1] torch.float32, cpu)"),
    ("in tuple", lambda x: x["u"][0].zero_(), "u[0] (Tensor[1] torch.float32, cpu)"),
    ("dict", lambda x: x["d"].update(a=1), "d (dict(a=1))"),
    ("name in dict", lambda x: x["d"].update(b=x["d"].pop("a")), "d (dict(b=list of 1: 2))"),
    ("in dict", lambda x: x["d"]["a"].append(1), "d['a'] (list of 2: 2)"),
    ("order", lambda x: x["l"].reverse(), "l (list of 2: 'text')"),
    ("new value", lambda x: x.update(t=x["t"] + 1, l=[], d={}), None),
    ("new name", lambda x: x.update(new=1), None),
    ("inference", lambda x: x["i"].add_(1), None),
    ("mapping", lambda x: x["m"]["a"].append(1), "m['a'] (list of 1: 1)"),
]


@pytest.mark.parametrize(
    ("edit", "words"), [(edit, words) for _, edit, words in EDITS], ids=[name for name, *_ in EDITS]
)
def test_an_edit_in_place_is_named_with_what_it_edited(edit: Any, words: str | None) -> None:
    with torch.inference_mode():
        inference = torch.zeros(1)
    values = {
        "t": torch.zeros(2), "l": [torch.ones(1), "text"], "u": (torch.ones(1),), "d": {"a": [2]}, "i": inference,
        "m": MappingProxyType({"a": []}), "n": 3,
    }  # fmt: skip
    if words is None:
        with torch.inference_mode():
            watched(edit, "block")(values)
        return
    with pytest.raises(RunError) as caught:
        watched(edit, "block")(values)
    assert str(caught.value) == (
        f"block changed in place: {words}. Others hold the same object: the caller, earlier states, a cache. Make a new one and "
        "write that, as in `latents = latents + noise` for `latents += noise`."
    )


def test_a_run_in_inference_mode_can_be_watched_for_edits() -> None:
    class Make(Block):
        class Out(Outputs):
            x: torch.Tensor

        def run(self, x: torch.Tensor) -> Out:
            return self.Out(x=x + 1)

    pipe = pipeline(one=Make, two=Make)
    pipe.configure(grad="inference", check_in_place=True)
    assert torch.equal(pipe(x=torch.zeros(1), output="x"), torch.tensor([2.0]))


def test_all_edits_are_named_together() -> None:
    def edit(values: dict[str, Any]) -> None:
        values["a"].add_(1)
        values["b"].append(2)

    with pytest.raises(RunError, match=r"a \(Tensor\[1\] .*, b \(list of 2: 1\)\. Others"):
        watched(edit, "block")({"a": torch.zeros(1), "b": [1]})


LARGE = torch.full((4,), 60_000.0)


@pytest.mark.parametrize(
    ("values", "iteration"),
    [
        ([torch.zeros(1), torch.tensor([float("nan")]), torch.zeros(1)], 1),
        ([torch.tensor([1.0, float("-inf")])], 0),
        ([LARGE.half(), LARGE.half()], None),
        ([LARGE.bfloat16(), LARGE.bfloat16()], None),
        ([torch.tensor([float("inf")]).half()], 0),
        ([torch.zeros(1), None, torch.zeros(2)], None),
        ([torch.ones(3, dtype=torch.int64)], None),
        (["text"], None),
        ([torch.tensor([float("nan")], requires_grad=True)], 0),
        ([SimpleNamespace(dtype=torch.float32), torch.tensor([float("nan")])], 0),
    ],
    ids=str,
)
def test_a_carried_value_that_is_not_finite_is_warned_of_with_its_first_turn(
    values: list[Any], iteration: int | None
) -> None:
    watch = FiniteWatch("loop", ("x",), 3)
    for value in values:
        watch.look({"x": value, "y": torch.tensor([float("nan")])})
    told: list[Event] = []
    if iteration is None:
        watch.report(told.append)
        assert told == []
        return
    with pytest.warns(RuntimeWarning) as caught:
        watch.report(told.append)
    place = f"loop.step[{3 + iteration}]"
    text = (
        f"x is not finite since {place}: it holds NaN or infinity. Usual causes are a number format that is too small for the model "
        "(try float32 or bfloat16) and a guidance scale that is too large."
    )
    assert [str(warning.message) for warning in caught] == [text]
    assert told == [RunWarning(place, text)]
    with pytest.warns(RuntimeWarning):
        watch.report()


def test_settings_of_the_process_are_those_that_torch_has_now() -> None:
    found = arithmetic()
    assert found["default dtype"] == "torch.float32"
    assert found["threads"] == torch.get_num_threads()
    assert found["float32 matmul precision"] == torch.get_float32_matmul_precision()
    assert (found["deterministic algorithms"], found["mkldnn"]) == (False, torch.backends.mkldnn.enabled)
    assert [found[f"{kind} attention"] for kind in ("flash", "memory-efficient", "plain")] == [True, True, True]
    assert "autocast" not in found
    with torch.autocast("cpu", torch.bfloat16):
        assert arithmetic()["autocast"] == "cpu torch.bfloat16"
    torch.use_deterministic_algorithms(True)
    torch.backends.mkldnn.enabled, before = False, torch.backends.mkldnn.enabled
    try:
        assert (arithmetic()["deterministic algorithms"], arithmetic()["mkldnn"]) == (True, False)
    finally:
        torch.use_deterministic_algorithms(False)
        torch.backends.mkldnn.enabled = before
    assert ("cudnn" in found) is (torch.version.cuda is not None)


class Say(Block):
    class Out(Outputs):
        x: int

    def run(self, x: int) -> Out:
        return self.Out(x=x)


class Iterations(LoopSequentialPipelineBlocks):
    class Vars(Outputs):
        i: int

    def iterate(self, x: int) -> Iterator[Vars]:
        yield from (self.Vars(i=i) for i in range(x))


def test_a_plan_that_looks_wrong_says_so_to_listeners_and_a_loop_of_unknown_length_has_no_total() -> None:
    pipe = pipeline(first=Say, loop=Iterations.from_blocks_dict({"say": Say}))
    told: list[Any] = []
    pipe.configure(listeners=[told.append])
    pipe(x=2)
    assert [event.total for event in told if isinstance(event, StepFinished)] == [None, None]
    assert [event for event in told if isinstance(event, RunWarning)] == [
        RunWarning("", text) for text in pipe.plan(["x"]).warnings
    ]


@pytest.mark.parametrize(
    ("mode", "expected"), [("no_grad", (False, False)), ("inference", (False, True)), ("inherit", (True, False))]
)
def test_gradients_are_recorded_as_the_settings_say(mode: str, expected: tuple[bool, bool]) -> None:
    class Ask(Block):
        class Out(Outputs):
            modes: tuple[bool, bool]

        def run(self) -> Out:
            return self.Out(modes=(torch.is_grad_enabled(), torch.is_inference_mode_enabled()))

    pipe = pipeline(ask=Ask)
    pipe.configure(grad=mode)
    assert pipe(output="modes") == expected
