"""A block's `run`, called by hand: checked as it would be in a pipeline. Runs of plans go past this."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any

from ...engine.execution.value_checks import classes_of, expected_of, find_class_fault, find_fault
from ...state import InputError, Outputs, RunError
from ...state.errors import did_you_mean
from ...state.unfit_values import value_words
from .input_checks import expectations_of, family_faults, input_faults

if TYPE_CHECKING:
    from .block import Block


def checked_alone(run: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a `run` into checks of what it is given and what it returns; `__wrapped__` is the method itself."""

    @wraps(run)
    def run_checked(self: Block, *args: object, **kwargs: object) -> Any:
        parameters = self.declaration.parameters
        names = {parameter.own or parameter.name: parameter.name for parameter in parameters}
        placed = [*names][: len(args)]
        of_family = {each.own or each.name: each.default for each in parameters if each.of_family}
        kwargs = {**{name: value for name, value in of_family.items() if name not in placed}, **kwargs}
        taken = {**dict(zip(placed, args, strict=False)), **kwargs}
        given = _values({names.get(name, name): value for name, value in taken.items()})
        where = f"{type(self).__name__}.run"
        _refuse_odd_call(where, signature(run), args, kwargs)
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


def _refuse_odd_call(where: str, declared: Signature, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
    """Say in words which arguments of a call do not fit."""
    try:
        declared.bind(None, *args, **kwargs)
    except TypeError:
        _, *parameters = declared.parameters.values()
        faults = [f"{where}{fault}" for fault in _call_faults(parameters, args, kwargs)]
        raise InputError.of(f"The inputs of {where} do not fit", faults) from None


def _call_faults(
    parameters: Sequence[Parameter], args: Sequence[object], kwargs: Mapping[str, object]
) -> Iterator[str]:
    named = {each.name: each for each in parameters if each.kind is not each.VAR_KEYWORD}
    placed = [name for name, each in named.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
    if len(args) > len(placed):
        yield f" takes {len(placed)} by position ({', '.join(placed)}), and got {len(args)}."
    for name in kwargs:
        if name not in named and len(named) == len(parameters):
            yield f" has no input {name!r}. {did_you_mean(name, named)}"
        elif name in placed[: len(args)]:
            yield f" got {name!r} twice: by position, and by name."
    for name, each in named.items():
        if each.default is Parameter.empty and name not in (*placed[: len(args)], *kwargs):
            yield f" needs {name!r}, which was not given: pass {name}=..."


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
