"""Tells listeners of blocks and iterations. Runs without listeners go past this file."""

from __future__ import annotations

from time import perf_counter
from types import MappingProxyType

from ..events import BlockFinished, BlockStarted, Emit, StepFinished, StepStarted
from ..memory import tensor_bytes
from ..nodes import Call, Values


def observed(call: Call, path: str, writes: tuple[str, ...], emit: Emit) -> Call:
    """Wrap a block's call into its two events."""

    def call_observed(values: Values) -> None:
        emit(BlockStarted(path))
        started = perf_counter()
        call(values)
        # The clock is read before the tensors are counted, so that listeners do not make blocks look slower.
        seconds = perf_counter() - started
        emit(BlockFinished(path, seconds, tensor_bytes(values[name] for name in writes if name in values)))

    return call_observed


class IterationEvents:
    """Tells of the iterations of one loop."""

    def __init__(self, path: str, total: int | None, emit: Emit) -> None:
        self._path = path
        self._total = total
        self._emit = emit
        self._started = 0.0

    def begin(self, index: int) -> None:
        """Note that an iteration begins."""
        self._emit(StepStarted(self._path, index, self._total))
        self._started = perf_counter()

    def end(self, index: int, values: Values) -> None:
        """Note that an iteration is done."""
        seconds = perf_counter() - self._started
        # A view that cannot be written to: a listener that adds or takes away values would change the run it looks
        # at.
        self._emit(StepFinished(self._path, index, self._total, seconds, MappingProxyType(values)))
