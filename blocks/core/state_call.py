"""Runs a block that is written as properties and `__call__`, on the state or, in a loop, on the loop's view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...engine import Run
from ...engine.nodes import Call, Values
from ...state import BlockState, InputParam, PipelineState
from ...state.defaults import own_default
from ...state.pipeline_state import MissingValueError
from .components_view import view_for
from .opaque_loop import with_iteration_events
from .property_call import call_style

if TYPE_CHECKING:
    from .base import ModularPipelineBlocks


def state_call(
    block: ModularPipelineBlocks, path: str, run: Run, inputs: list[InputParam], loop_variables: tuple[str, ...]
) -> Call:
    """Make the call of a block that is written as properties and `__call__`."""
    style = call_style(block)
    view = view_for(block, run.view)
    block = with_iteration_events(block, path, run)

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
