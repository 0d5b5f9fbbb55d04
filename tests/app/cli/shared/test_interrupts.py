"""Ctrl-C ends a command, wherever Python is when it comes."""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from prepared_python import PreparedPython

from brickwork.app.cli.shared.interrupts import interrupts_kept

BLOCK = """
import os
from pathlib import Path

import torch
import brickwork


class Dropped:
    def __del__(self) -> None:
        with Path("ready").open("w") as file:
            file.write("1")
        Path("never").open().close()  # until somebody writes


class Waits(brickwork.Block):
    '''Drop what waits when it is cleaned up.'''

    class Out(brickwork.Outputs):
        found: torch.Tensor

    def run(self) -> Out:
        Dropped()
        return self.Out(found=torch.ones(2))
"""
WORKFLOW = """
brickwork: 1
composition:
  block: SequentialPipelineBlocks
  blocks:
    wait:
      block: waits:Waits
"""
COMMAND = "from brickwork.app.cli.main import main; main()"


def interrupt(*_: object) -> None:
    signal.raise_signal(signal.SIGINT)


class Dropped:
    """Is interrupted while it is cleaned up. `done`: how many were not."""

    done = 0

    def __init__(self, is_interrupted: bool = True) -> None:
        self.is_interrupted = is_interrupted
        self.itself = self  # only the collector finds it

    def __del__(self) -> None:
        if self.is_interrupted:
            interrupt()
        self._count()

    def _count(self) -> None:
        type(self).done += 1


def cleaned_up() -> None:
    Dropped()
    Dropped(is_interrupted=False)
    gc.collect()


def weakly_held() -> None:
    held = Dropped(is_interrupted=False)
    held.itself = None  # type: ignore[assignment]
    kept = weakref.ref(held, interrupt)
    del held
    assert kept is not None


def collected() -> None:
    def callback(*_: object) -> None:
        gc.callbacks.remove(callback)
        interrupt()

    gc.callbacks.append(callback)
    gc.collect()


def run(work: Callable[[], None], is_last: bool) -> None:
    with interrupts_kept():
        work()
        while not is_last:
            # Nothing of Python is called here.
            time.sleep(0)


@pytest.mark.parametrize("work", [cleaned_up, weakly_held, collected])
@pytest.mark.parametrize("is_last", [False, True])
def test_an_interruption_that_python_would_ignore_comes_after_it(
    work: Callable[[], None], is_last: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    gc.collect()
    before, Dropped.done = sys.unraisablehook, 0
    with pytest.raises(KeyboardInterrupt):
        run(work, is_last)
    assert (sys.unraisablehook, sys.gettrace(), capfd.readouterr().err) == (before, None, "")
    # What else the collector found in the same pass was cleaned up as ever.
    assert Dropped.done == (work is not collected)


@pytest.mark.parametrize("is_last", [False, True])
def test_who_traced_before_traces_afterwards(is_last: bool) -> None:
    def tracer(*_: object) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(cleaned_up, is_last)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)


def test_other_errors_that_python_ignores_are_told_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: told.append(dropped.exc_type.__name__))

    class Broken:
        def __del__(self) -> None:
            raise ValueError

    with interrupts_kept():
        Broken()
    assert told == ["ValueError"]


def test_a_run_that_is_interrupted_while_something_is_cleaned_up_ends_with_130_and_writes_nothing(
    prepared_python: PreparedPython, tmp_path: Path
) -> None:
    (tmp_path / "waits.py").write_text(BLOCK)
    (tmp_path / "waits.yaml").write_text(WORKFLOW)
    for name in ("ready", "never"):
        os.mkfifo(tmp_path / name)
    # For writing as well, so that neither side waits for the other to open it.
    ready = os.open(tmp_path / "ready", os.O_RDWR)
    words = ("run", "waits.yaml", "--blocks", ".", "--output", "found", "-o", "found.safetensors")
    log = tmp_path / "log"
    with log.open("wb") as file:
        started = prepared_python.start("-c", COMMAND, *words, stdout=file.fileno(), cwd=tmp_path)
    try:
        with started:
            assert select.select([ready], [], [], 60)[0], log.read_text()
            os.kill(started.pid, signal.SIGINT)
            assert started.wait(60) == 130
    finally:
        os.close(ready)
    assert log.read_text().strip() == "Stopped."
    assert not (tmp_path / "found.safetensors").exists()
