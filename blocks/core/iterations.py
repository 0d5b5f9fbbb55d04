"""What the `iterate` and `count` of a loop give, compared with what they promise."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ...engine.nodes import Values
from ...state import OutputParam, Outputs, RunError
from ...state.errors import with_article
from ...state.pipeline_state import describe_value
from ...state.type_relations import accepts
from ...state.types import strip_metadata, type_words


def yielded(
    given: object, path: str, declared: type[Outputs] | None, variables: Sequence[OutputParam]
) -> Iterator[Values]:
    """Return the variables of one iteration after the other.

    Args:
        given: what `iterate` returned. declared: the `Vars` of the loop. variables: those whose types are looked at.

    Raises:
        RunError: it is nothing to iterate over, or holds something else than `declared`; of an item when it is reached.
    """
    if not isinstance(given, Iterable):
        raise _not_vars(path, "returned", given, declared)
    fields = declared.__brickwork_fields__ if declared else ()
    fault_of = _type_fault([variable for variable in variables if variable.name in fields])

    def named(item: Any) -> Values:
        # By identity, as with what a block returns: another class would bring values that nobody has declared.
        if item.__class__ is not declared:
            raise _not_vars(path, "yielded", item, declared)
        values: Values = item.__dict__
        fault = fault_of(values)
        if fault is not None:
            raise RunError(f"{path}: `iterate` yielded {fault}")
        return values

    return map(named, given)


def counted(number: object, path: str) -> int | None:
    """Return the number of iterations that `count` tells, None where it tells none.

    Raises:
        RunError: it is no number of iterations.
    """
    if number is None:
        return None
    try:
        found = operator.index(number)  # type: ignore[arg-type]  # that it can be none is what is asked
    except TypeError:
        found = -1
    if found < 0:
        raise RunError(
            f"{path}: `count` returned {describe_value(number)} ({with_article(type(number).__name__)}); it must return an int, the number of "
            "iterations, or None where that is not known."
        )
    return found


def _not_vars(path: str, did: str, what: object, declared: type[Outputs] | None) -> RunError:
    words = f"the class {what.__qualname__}" if isinstance(what, type) else describe_value(what)
    kind = "" if isinstance(what, type) or what is None else f" ({with_article(type(what).__name__)})"
    fields = ", ".join(f"{name}=..." for name in sorted(declared.__brickwork_fields__ if declared else ()))
    return RunError(
        f"{path}: `iterate` {did} {words}{kind}; it must yield an object of its Vars for each iteration, as in "
        f"`yield self.Vars({fields})`."
    )


def _type_fault(variables: Sequence[OutputParam]) -> Callable[[Values], str | None]:
    """Make what says which variable is of another type than it was declared as; None if all are as declared."""
    hints = {variable.name: variable.type_hint for variable in variables}
    # A plain class is asked once for each class of values, since loops may be long and their iterations short.
    plain = {name for name, hint in hints.items() if isinstance(strip_metadata(hint), type)}
    fine: list[tuple[str, object, set[type]]] = [(name, hint, set()) for name, hint in hints.items()]

    def fault_of(values: Values) -> str | None:
        for name, hint, seen in fine:
            value = values[name]
            if value.__class__ in seen:
                continue
            if not accepts(value, hint):
                return (
                    f"{name} as {describe_value(value)} ({with_article(type(value).__name__)}), and declares it as {type_words(hint)}: yield that, "
                    f"or declare another type in Vars."
                )
            if name in plain:
                seen.add(value.__class__)
        return None

    return fault_of
