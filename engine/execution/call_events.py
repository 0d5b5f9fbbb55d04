"""Tells listeners of blocks and iterations. Runs without listeners go past this file."""

from __future__ import annotations

from time import perf_counter

from ...state import RunError
from ..events import BlockFinished, BlockStarted, Emit, StepFinished, StepStarted
from ..memory import tensor_bytes
from ..nodes import Call, Values
from .in_place_watch import edited_since, marks_of
from .step_values import StepValues, block_advice


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
    """Tells of the iterations of one loop.

    Args:
        after: path of its last block.
    """

    def __init__(self, path: str, total: int | None, emit: Emit, after: str) -> None:
        self._path = path
        self._after = after
        self._total = total
        self._emit = emit
        self._started = 0.0

    def begin(self, index: int) -> None:
        """Note that an iteration begins."""
        self._emit(StepStarted(self._path, index, self._total))
        self._started = perf_counter()

    def end(self, index: int, values: Values) -> None:
        """Note that an iteration is done.

        Raises:
            RunError: a listener changed a value in place: the run would go on with it, and no recipe would tell.
        """
        seconds = perf_counter() - self._started
        before = marks_of(values)
        self._emit(StepFinished(self._path, index, self._total, seconds, StepValues(values, self._after)))
        named = edited_since(before)
        if named:
            raise RunError(
                f"While step {index} of {self._path} was looked at, something changed in place: {named}. The run goes on with the same "
                f"objects. {block_advice(self._after)}; a copy is yours to change: event.values[name].clone()."
            )
