"""`benchmarks/gpu.py` runs on a GPU for minutes; here its small form, with tiny models on the CPU."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch


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
    assert lines["starving"].startswith("runs out on CUDA only")
    assert "2 calls, the same bits, said" in lines["out of memory"]
    assert "off by 0.0e+00" in lines["compiling"]


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
