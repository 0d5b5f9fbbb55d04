"""A block's `run`, called by hand: checked as it would be in a pipeline. Runs of plans go past this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from ...engine.execution.value_checks import classes_of, expected_of, find_class_fault, find_fault
from ...state import InputError, Outputs, RunError
from ...state.unfit_values import value_words
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
        out = self.declaration.out
        if out is None:
            return result
        # What a subclass calls may return the outputs of its base, and the subclass something else.
        if not isinstance(result, Outputs):
            raise wrong_result(type(self), out, result)
        values, outputs = _values(vars(result)), self.intermediate_outputs
        wrong = find_class_fault(classes_of(outputs), values) or find_fault(expected_of(outputs), values)
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


def wrong_result(owner: type, out: type[Outputs], result: object) -> RunError:
    """Return the error of a `run` that returns something else than its outputs."""
    names = ", ".join(f"{name}=..." for name in sorted(out.__brickwork_fields__))
    return RunError(
        f"{owner.__name__}.run must return {out.__qualname__}, and returned {value_words(result)}. "
        f"Write: return self.{out.__name__}({names})"
    )


def unchecked(method: object) -> Any:
    """Return the method as it was written, without the checks."""
    return getattr(method, "__wrapped__", method)
