"""The table of time, and the trace for a browser, of real runs."""

from __future__ import annotations

import json
from pathlib import Path
from time import sleep
from typing import Any

import pytest
import torch

from brickwork import ModularPipeline
from brickwork.engine.events import BlockStarted, Event, RunFinished, StepFinished
from brickwork.engine.listeners import ChromeTrace, TimeTable

QUICK: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 3, "output": "images", "output_type": "pt"}


def test_the_table_counts_calls_time_and_bytes_per_block(tiny_pipe: ModularPipeline) -> None:
    table = TimeTable()
    tiny_pipe.configure(listeners=[table])
    images = tiny_pipe(**QUICK)
    tiny_pipe(**QUICK)
    assert table.runs == 2
    denoiser, decode = table.rows["denoise.denoiser"], table.rows["decode"]
    assert (denoiser.calls, decode.calls, decode.bytes) == (6, 2, images.numel() * 4)
    assert 0 < denoiser.seconds < table.total
    head, *lines = repr(table).splitlines()
    assert head.startswith("2 runs, ")
    assert any(line.startswith("denoise.denoiser") and " 6 x " in line and "%" in line for line in lines)
    assert sum(row.seconds for row in table.rows.values()) <= table.total


def test_a_trace_holds_every_block_and_step_in_the_form_of_browsers(tiny_pipe: ModularPipeline, tmp_path: Path) -> None:
    tiny_pipe.configure(listeners=[ChromeTrace(tmp_path / "trace.json")])
    tiny_pipe(**QUICK)
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert {event["ph"] for event in events} == {"X"}
    names = [event["name"] for event in events]
    assert names.count("denoise.denoiser") == 3
    assert [name for name in names if "step[" in name] == [f"denoise.step[{i}]" for i in range(3)]
    run = next(event for event in events if event["name"] == "run")
    step = next(event for event in events if event["name"] == "denoise.step[1]")
    inner = [e for e in events if e["name"] == "denoise.denoiser"][1]
    assert run["ts"] <= step["ts"] <= inner["ts"]
    assert inner["ts"] + inner["dur"] <= step["ts"] + step["dur"] <= run["ts"] + run["dur"]
    assert list(tmp_path.iterdir()) == [tmp_path / "trace.json"]


def test_a_trace_nests_its_spans_where_other_listeners_take_their_time(
    tiny_pipe: ModularPipeline, tmp_path: Path
) -> None:
    # What a listener before this one takes is in no block's seconds: a span that is counted back from its end would begin
    # after what is inside of it.
    def slow(event: Event) -> None:
        sleep(0.02 if isinstance(event, StepFinished | RunFinished) else 0)

    tiny_pipe.configure(listeners=[slow, ChromeTrace(tmp_path / "trace.json")])
    tiny_pipe(**QUICK)
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    run, step, inner = (
        next(event for event in events if event["name"] == name)
        for name in ("run", "denoise.step[0]", "denoise.denoiser")
    )
    for outer, nested in ((run, step), (step, inner)):
        assert outer["ts"] <= nested["ts"]
        assert nested["ts"] + nested["dur"] <= outer["ts"] + outer["dur"]
    assert step["args"]["seconds"] * 1e6 <= step["dur"] - 20_000


def test_a_run_that_fails_anywhere_leaves_the_pipeline_as_it_was(tiny_pipe: ModularPipeline) -> None:
    def run() -> torch.Tensor:
        found: torch.Tensor = tiny_pipe(**QUICK, generator=torch.Generator().manual_seed(0))
        return found

    expected = run()
    places: list[str] = []
    tiny_pipe.configure(
        listeners=[lambda event: places.append(event.path) if isinstance(event, BlockStarted) else None]
    )
    run()
    assert len(places) > 12

    class Refused(Exception):
        """Raised at one place."""

    for place in range(len(places)):
        seen = 0

        def refuse(event: Event, place: int = place) -> None:
            nonlocal seen
            if isinstance(event, BlockStarted):
                seen += 1
                if seen == place + 1:
                    raise Refused(event.path)

        tiny_pipe.configure(listeners=[refuse])
        with pytest.raises(Refused, match=places[place]) as caught:
            run()
        listener, block = caught.value.__notes__
        assert listener.startswith("In the listener ")
        assert listener.endswith(".refuse, which was told of BlockStarted.")
        assert f"In block {places[place].partition('.')[0]}" in block
        tiny_pipe.configure(listeners=[])
        assert torch.equal(run(), expected)
