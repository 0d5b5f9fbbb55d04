"""A block's `run`, called by hand: checked as it would be in a pipeline. Runs of plans go past this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from ...engine.execution.value_checks import expected_of, find_fault
from ...state import InputError, RunError
from .input_checks import expectations_of, family_faults, input_faults

if TYPE_CHECKING:
    from .block import Block


def checked_alone(run: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a `run` into checks of what it is given and what it returns; `__wrapped__` is the method itself."""

    @wraps(run)
    def run_checked(self: Block, *args: object, **kwargs: object) -> Any:
        names = [parameter.name for parameter in self.declaration.parameters]
        given = _values({**dict(zip(names, args, strict=False)), **kwargs})
        where = f"{type(self).__name__}.run"
        faults = [*input_faults(expectations_of(self), given), *family_faults(self.family, given)]
        faults += self.input_faults(given)
        # Shapes of values of the wrong class say nothing.
        sizes = find_fault(expected_of(self.inputs), given) if not faults else None
        if sizes:
            faults.append(f"it was given {sizes[1]}")
        if faults:
            raise InputError.of(f"The inputs of {where} do not fit", [f"{where}: {fault}" for fault in faults])
        result = run(self.for_one_run(), *args, **kwargs)
        wrong = (
            find_fault(expected_of(self.intermediate_outputs), _values(vars(result))) if result is not None else None
        )
        if wrong:
            raise RunError(f"{where} wrote {wrong[1]}: it broke its declaration.")
        return result

    return run_checked


def _values(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by name, groups spread out."""
    spread: dict[str, Any] = {}
    for name, value in arguments.items():
        spread.update(value if isinstance(value, Mapping) else {name: value})
    return spread


def unchecked(method: object) -> Any:
    """Return the method as it was written, without the checks."""
    return getattr(method, "__wrapped__", method)
