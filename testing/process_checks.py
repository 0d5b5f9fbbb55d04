"""Checks of what a run leaves in the process: printed lines, threads, environment, settings of torch, NumPy and warnings."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from .block_report import BlockFault
from .block_runs import BlockRuns
from .block_traces import files_of


def _set_environment(held: Mapping[str, str]) -> None:
    for name in os.environ.keys() - held.keys():
        del os.environ[name]
    os.environ.update(held)


def _set_in_place(target: Callable[[], Any]) -> Callable[[Any], None]:
    def put(held: Any) -> None:
        target()[:] = held

    return put


_WILL_GO = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
Look = Callable[[], Any]
_STATE: dict[str, tuple[Look, Callable[[Any], Any]]] = {
    "the environment variables": (lambda: dict(os.environ), _set_environment),
    "the working folder": (os.getcwd, os.chdir),
    "sys.path": (lambda: list(sys.path), _set_in_place(lambda: sys.path)),
    "the filters of warnings": (lambda: list(warnings.filters), _set_in_place(lambda: warnings.filters)),
    "torch's default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "torch's number of threads": (torch.get_num_threads, torch.set_num_threads),
    "torch's precision of float32 products": (
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
    ),
    "whether torch is deterministic": (
        torch.are_deterministic_algorithms_enabled,
        lambda on: torch.use_deterministic_algorithms(on),
    ),
    "NumPy's handling of errors": (np.geterr, lambda held: np.seterr(**held)),
}
"""What belongs to everybody in the process: how it is read, and put back."""


class ProcessMarks:
    """What the process was like when it was looked at."""

    def __init__(self) -> None:
        self.held = {what: look() for what, (look, _) in _STATE.items()}
        self.threads = {*threading.enumerate()}

    def changed(self) -> dict[str, str]:
        """Return what is otherwise now, each with what it was and is."""
        found = {}
        for what, (look, _) in _STATE.items():
            now = look()
            if now != self.held[what]:
                found[what] = _words(self.held[what], now)
        left = [each for each in threading.enumerate() if each not in self.threads and each.is_alive()]
        if left:
            found["the threads that run"] = f"{', '.join(each.name for each in left)} is left running"
        return found

    def put_back(self) -> None:
        """Make the process as it was; threads cannot be ended from outside."""
        for what, (look, put) in _STATE.items():
            if look() != self.held[what]:
                put(self.held[what])


def _words(before: Any, now: Any) -> str:
    if isinstance(before, Mapping):
        names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        return f"{', '.join(sorted(names))} {'was' if len(names) == 1 else 'were'} set"
    if isinstance(before, list):
        return f"{len(now)} entries in place of {len(before)}" if len(now) != len(before) else "other entries"
    return f"{now} in place of {before}"


def leaves_process(runs: BlockRuns, values: Mapping[str, Any], start: ProcessMarks) -> Iterator[BlockFault]:
    """Run once more, and yield what that leaves in the process; `start` is what it was before the block had run.

    Only what is otherwise after this run, too: the first run of anything may import modules, which set things once.
    """
    start.put_back()
    before, printed = ProcessMarks(), io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            runs.alone(values)
        changed = before.changed()
        if runs.left_gradients_on:
            changed["whether torch follows gradients"] = "True in place of False"
    finally:
        before.put_back()
    for what, words in changed.items():
        yield BlockFault(
            "process", runs.name, f"changes what belongs to the whole process: {what}", "the process as it was before the run",
            words, "Put it back in a `finally` (or use the `with` that there is for it), or leave it to the caller.",
        )  # fmt: skip
    if printed.getvalue():
        line = printed.getvalue().strip().splitlines()[:1]
        yield BlockFault(
            "process", runs.name, "prints", "nothing on standard output, where commands write results for other programs",
            repr(line[0][:80] if line else printed.getvalue()[:80]), "Use `logging.getLogger(__name__)`, or return it as an output.",
        )  # fmt: skip


def uses_what_will_go(runs: BlockRuns, values: Mapping[str, Any]) -> Iterator[BlockFault]:
    """Yield the warnings that code of the block causes by using what a library is about to take away."""
    files = files_of(runs.block)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        runs.alone(values)
    for each in caught:
        if issubclass(each.category, _WILL_GO) and each.filename in files:
            yield BlockFault(
                "deprecations", runs.name, f"uses what will be gone (line {each.lineno})", "code without warnings of that kind",
                f"{each.category.__name__}: {' '.join(str(each.message).split())[:200]}", "Do as the warning says.",
            )  # fmt: skip
