"""The first value of a call: an earlier run's state, or the input that everybody gives first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..state import InputError, PipelineState
from ..state.pipeline_state import describe_value

if TYPE_CHECKING:
    from ..blocks.core.base import ModularPipelineBlocks

PROMPT = "prompt"


def with_first_value(
    blocks: ModularPipelineBlocks, first: object, state: object, inputs: dict[str, Any]
) -> tuple[PipelineState | None, dict[str, Any]]:
    """Return the state to continue from, and the inputs with the value that was given by position.

    Args:
        first: given by position; None is nothing. state: given by name.

    Raises:
        InputError: it is given twice, or no input is the first one.
    """
    if state is not None and not isinstance(state, PipelineState):
        raise InputError(f"state= is the state of an earlier run, and got {describe_value(state)}.")
    if first is None:
        return state, inputs
    if isinstance(first, PipelineState):
        if state is not None:
            raise InputError("Two states were given, one of them by position; give one.")
        return first, inputs
    name = first_input(blocks)
    if name is None:
        names = ", ".join(blocks.input_names) or "none"
        raise InputError(
            f"{describe_value(first)} is given by position, and no input of this pipeline is required, so none is the first "
            f"one; give it by name. Inputs: {names}."
        )
    if name in inputs:
        raise InputError(f"{name} is given twice: by position and by name.")
    return state, {name: first, **inputs}


def first_input(blocks: ModularPipelineBlocks) -> str | None:
    """Return the input that a value given by position is: the prompt, else the first that is required; None if none is."""
    if PROMPT in blocks.input_names:
        return PROMPT
    return next(iter(blocks.required_inputs), None)
