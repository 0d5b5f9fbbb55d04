"""Blocks and iterations by the device's clock: told when the device is done, with one wait, at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from simulated_device import SimulatedMarks

from brickwork import Block, InputError, LoopSequentialPipelineBlocks, Outputs, SequentialPipelineBlocks
from brickwork.engine import device_times
from brickwork.engine.device_times import HostMark, mark_on
from brickwork.engine.events import (
    BlockFinished,
    BlockStarted,
    DeviceTimed,
    Event,
    RunFinished,
    RunStarted,
    StepFinished,
)
from brickwork.engine.listeners import ChromeTrace, TimeTable


class Begin(Block):
    class Out(Outputs):
        total: int

    def run(self) -> Out:
        return self.Out(total=0)


class Add(Block):
    class Out(Outputs):
        total: int

    def run(self, total: int, i: int) -> Out:
        return self.Out(total=total + i)


class Loop(LoopSequentialPipelineBlocks):
    class Vars(Outputs):
        i: int

    def iterate(self) -> Iterator[Vars]:
        yield from (self.Vars(i=i) for i in range(3))


def pipe_with(*listeners: Any, **settings: Any) -> Any:
    pipe = SequentialPipelineBlocks.from_blocks_dict(
        {"begin": Begin, "loop": Loop.from_blocks_dict({"add": Add})}
    ).init_pipeline()
    pipe.configure(progress=False, listeners=listeners, **settings)
    return pipe


@pytest.fixture
def marks(monkeypatch: pytest.MonkeyPatch) -> SimulatedMarks:
    made = SimulatedMarks(behind=3)
    monkeypatch.setattr(device_times, "mark_on", made)
    return made


def test_each_block_and_iteration_is_timed_when_the_device_is_done_with_one_wait(marks: SimulatedMarks) -> None:
    events: list[Event] = []
    pipe_with(events.append, device_times=True)(output="total")
    timed = [each for each in events if isinstance(each, DeviceTimed)]
    finished = [each for each in events if isinstance(each, (BlockFinished, StepFinished))]
    assert [(each.path, each.index) for each in timed] == [
        (each.path, getattr(each, "index", None)) for each in finished
    ]
    assert len(timed) == 7
    # The marks are a second apart: a block has two, an iteration those of its block beside its own.
    assert {each.seconds for each in timed if each.index is None} == {1.0}
    assert {each.seconds for each in timed if each.index is not None} == {3.0}
    assert [each.start for each in timed[:2]] == [1.0, 4.0]
    assert marks.waits == 1
    # Late, but as soon as can be seen without waiting; all before the end.
    assert events.index(timed[0]) > events.index(finished[0]) + 1
    assert events.index(timed[0]) < events.index(finished[2])
    assert isinstance(events[-1], RunFinished)


def test_it_is_only_where_it_was_asked_for(marks: SimulatedMarks) -> None:
    events: list[Event] = []
    pipe_with(events.append)(output="total")
    pipe_with(device_times=True)(output="total")
    assert not any(isinstance(each, DeviceTimed) for each in events)
    assert marks.made == 0
    with pytest.raises(InputError, match="device_times='yes'"):
        pipe_with(device_times="yes")


def test_on_the_host_the_clock_is_the_hosts() -> None:
    events: list[Any] = []
    pipe_with(events.append, device_times=True)(output="total")
    pairs = [
        (each.seconds, next(other.seconds for other in events if isinstance(other, BlockFinished)))
        for each in events
        if isinstance(each, DeviceTimed) and each.path == "begin"
    ]
    assert len(pairs) == 1
    assert 0 < pairs[0][0] < 1
    assert isinstance(mark_on(torch.device("cpu")), HostMark)
    with pytest.raises((RuntimeError, NotImplementedError)):
        mark_on(torch.device("meta"))


def test_a_block_that_did_not_begin_here_is_not_timed(marks: SimulatedMarks) -> None:
    events: list[Event] = []
    times = device_times.DeviceTimes(events.append, torch.device("cpu"))
    for event in (BlockFinished("a", 1.0, 0), BlockStarted("b"), BlockFinished("b", 1.0, 0), RunFinished(1.0, None)):
        times(event)
    assert [(each.path, each.start) for each in events if isinstance(each, DeviceTimed)] == [("b", 0.0)]


def test_tables_and_traces_show_the_devices_time_beside_the_hosts(tmp_path: Path) -> None:
    table, trace = TimeTable(), ChromeTrace(tmp_path / "trace.json")
    for event in (
        RunStarted(("a",)),
        BlockFinished("a", 0.25, 0),
        DeviceTimed("a", None, 0.5, 2.0),
        DeviceTimed("loop", 0, 0.5, 4.0),
        RunFinished(4.0, None),
    ):
        table(event)
        trace(event)
    assert repr(table).splitlines()[1].endswith("0 B  2.000 s on the device")
    found = [
        each for each in json.loads((tmp_path / "trace.json").read_text())["traceEvents"] if each["tid"] == "device"
    ]
    assert [(each["name"], each["dur"]) for each in found] == [("a", 2e6), ("loop.step[0]", 4e6)]
    assert found[0]["ts"] == pytest.approx(0.5e6)
