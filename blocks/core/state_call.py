"""Runs a block that is written as properties and `__call__`, on the state or, in a loop, on the loop's view.

Hand-written loops, ours and adopted ones, tell of their iterations and can be cancelled between them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

from ...engine import Run
from ...engine.execution.call_events import IterationEvents
from ...engine.nodes import Call, Values
from ...engine.progress import bar_options
from ...state import BlockState, InputParam, PipelineState, RunCancelledError
from ...state.defaults import own_default
from ...state.pipeline_state import MissingValueError
from .components_view import view_for
from .flattening import joined
from .property_call import call_style

if TYPE_CHECKING:
    from .base import ModularPipelineBlocks


def state_call(
    block: ModularPipelineBlocks, path: str, run: Run, inputs: list[InputParam], loop_variables: tuple[str, ...]
) -> Call:
    """Make the call of a block that is written as properties and `__call__`."""
    style = call_style(block)
    device = run.device_of(path)
    view = view_for(block, run.view, None if device == run.device else device)
    block = _with_iteration_events(block, path, run)

    def run_block(values: Values) -> object:
        passed = style.loop_arguments(values, loop_variables)
        state = PipelineState(values, run.state.kwargs_mapping, run.state.provenance, writer=path)
        if loop_variables:
            for param in inputs:
                # Blocks in a loop read attributes of the shared view, on which a default that nobody has set would be
                # missing.
                if param.name and not param.required and values.get(param.name) is None:
                    values[param.name] = own_default(param.default)
            return block(view, BlockState.over(values), **passed)
        if not style.takes_block_state:
            return block(view, state, **passed)
        block_state = block.get_block_state(state)
        result = block(view, block_state, **passed)
        block.set_block_state(state, block_state)
        return result

    def call(values: Values) -> None:
        try:
            result = run_block(values)
        except MissingValueError as error:
            error.note_block(path)
            raise
        if isinstance(result, dict):
            values.update(result)

    return call


def _with_iteration_events(block: ModularPipelineBlocks, path: str, run: Run) -> ModularPipelineBlocks:
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
