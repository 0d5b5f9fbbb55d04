"""Hand-written loops, ours and adopted ones, tell of their iterations and can be cancelled between them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

from ...engine import Run
from ...engine.execution.call_events import IterationEvents
from ...engine.progress import bar_options
from ...state import RunCancelledError
from .flattening import joined

if TYPE_CHECKING:
    from .base import ModularPipelineBlocks


def with_iteration_events(block: ModularPipelineBlocks, path: str, run: Run) -> ModularPipelineBlocks:
    """Return a copy of a block with a hand-written loop whose `loop_step` tells of each iteration; other blocks as they are."""
    foreign = getattr(block, "foreign", None)
    if not hasattr(block if foreign is None else foreign, "loop_step"):
        return block
    # A copy, because the method is set on the instance, and the definition is shared by runs.
    made = copy.copy(block)
    loop: Any = made
    if foreign is not None:
        loop = made.foreign = copy.copy(foreign)  # type: ignore[attr-defined]  # adopted blocks have it
    else:
        loop._progress_bar_config = {**bar_options(run.settings), **loop._progress_bar_config}
    last = next(reversed(loop.sub_blocks), None)
    loop.loop_step = _telling(loop.loop_step, path, run, path if last is None else joined(path, last))
    return made


def _telling(step: Callable[..., Any], path: str, run: Run, after: str) -> Any:
    iterations = None if run.emit is None else IterationEvents(path, None, run.emit, after)
    numbers = count()

    def loop_step(components: Any, block_state: Any, **variables: Any) -> Any:
        iteration = next(numbers)
        if run.cancelled:
            raise RunCancelledError(f"The run was cancelled before {path}.step[{iteration}].")
        if iterations is not None:
            iterations.begin(iteration)
        result = step(components, block_state, **variables)
        if iterations is not None:
            iterations.end(iteration, vars(block_state))
        return result

    return loop_step
