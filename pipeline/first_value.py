"""The first value of a call: an earlier run's state, or the input that everybody gives first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..state import Fault, InputError, PipelineState
from ..state.pipeline_state import describe_value

if TYPE_CHECKING:
    from .kept_plans import KeptPlans


def with_first_value(
    known: KeptPlans, first: object, state: object, inputs: dict[str, Any]
) -> tuple[PipelineState | None, dict[str, Any]]:
    """Return the state to continue from, and the inputs with the value that was given by position.

    Args:
        known: what follows from the blocks. first: given by position; None is nothing. state: given by name.

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
    name = known.first_input
    if name is None:
        names = ", ".join(known.input_names) or "none"
        raise InputError(
            f"{describe_value(first)} is given by position, and no input of this pipeline is required, so none is the first "
            f"one; give it by name. Inputs: {names}."
        )
    if name in inputs:
        raise InputError.of("The inputs do not fit", [Fault(f"{name} is given twice: by position and by name.", name)])
    return state, {name: first, **inputs}
