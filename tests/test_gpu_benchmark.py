"""`benchmarks/gpu.py` runs on a GPU for minutes; here its small form, with tiny models on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import frozen
from device_doubles import ClockedStreams


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return import_module("gpu")


def test_every_section_runs_and_prints_one_line(gpu: Any, capsys: pytest.CaptureFixture[str]) -> None:
    torch._dynamo.reset()  # how often a function was compiled counts for a process: others may have done so
    bench = gpu.Bench(torch.device("cpu"), True)
    assert gpu.run(bench, list(gpu.SECTIONS), 600) == 0
    lines = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    assert list(lines) == list(gpu.SECTIONS)
    assert lines["right results"].startswith("all right")
    assert lines["offload"].startswith("same bits")
    assert "diffusers' modular pipeline" in lines["steps"]
    assert lines["layers"].startswith("same bits; room for 50%")
    assert "0% of it behind the computation" in lines["layers"]
    assert lines["starving"].startswith("runs out on CUDA only")
    assert "2 calls, the same bits, said" in lines["out of memory"]
    assert "off by 0.0e+00" in lines["compiling"]


@frozen
class At:
    """An event at a second of a clock."""

    second: float

    def elapsed_time(self, other: At) -> float:
        return 1e3 * (other.second - self.second)


class Part(torch.nn.Module):
    """A model of so many bytes."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(size, dtype=torch.uint8), requires_grad=False)


@pytest.mark.parametrize(
    ("computes", "is_ahead", "hidden"),
    [(10_000, True, 1.0), (4096, True, 1.0), (1024, True, 0.25), (0, True, 0.0), (10_000, False, 0.0)],
)
def test_what_is_hidden_of_copies_is_what_computation_does_not_wait_for(
    gpu: Any, computes: float, is_ahead: bool, hidden: float
) -> None:
    """A copy of 4,096 seconds beside a kernel, and the next kernel reads what was copied."""
    memory = import_module("gpu_memory").Copies(gpu.Bench(torch.device("cpu"), True))
    streams = memory.streams = ClockedStreams()
    memory.is_host = False
    memory._allocate_host = lambda size: torch.empty(size, dtype=torch.uint8)
    memory._on_host = lambda slab, plain: torch.zeros(slab.padded, dtype=torch.uint8)
    memory._stamp = lambda stream: At(streams.clock[stream.name])
    copying = streams.on

    @contextmanager
    def timed(stream: Any) -> Iterator[None]:
        with copying(stream):
            yield
        if not memory.taken:  # later it is what looks at the bytes that came
            streams.take(stream, 4096)

    streams.on = timed  # type: ignore[method-assign]
    model = Part(4096)
    if is_ahead:
        memory.prefetch("model", model)
    streams.take(streams.current, computes)
    memory.bring("model", model)
    assert [each.size for each in memory.taken] == [4096]
    assert memory.hidden == hidden
    assert memory.taken[0].seconds == 4096


def test_a_section_that_fails_and_time_that_is_over_are_said(gpu: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_: Any) -> str:
        raise RuntimeError("no\n  memory")

    gpu.SECTIONS |= {"one": fail, "two": lambda _: "fine"}
    bench = gpu.Bench(torch.device("cpu"), True)
    assert gpu.run(bench, ["one", "two"], 600) == 1
    assert gpu.run(bench, ["two"], 0) == 0
    one, two, late = capsys.readouterr().out.splitlines()
    assert one.startswith("one: FAILED: RuntimeError: no memory (")
    assert two.startswith("two: fine (")
    assert late == "two: left out, the time is over"
    with pytest.raises(SystemExit):
        gpu.main(["--smal=3"])
