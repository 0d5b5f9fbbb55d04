"""Values that are objects with a state of their own, such as optimizers: a checkpoint has their state, and a run that goes on brings it to the caller's object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from ...state import RunError
from ...state.errors import did_you_mean, with_article
from ..copies import own_copy
from ..nodes import Values


@frozen
class LiveKind:
    """How objects of a class, and of those that derive from it, say and take their state, where they have no `state_dict` for it.

    Attributes:
        cls: "module.Class", which is not imported for it. state: from the object to its state: tensors and plain data.
        restore: brings an object to such a state.
    """

    cls: str
    state: Callable[[Any], Any]
    restore: Callable[[Any, Any], None]


_KINDS: dict[str, LiveKind] = {}


def register_live(kind: LiveKind) -> None:
    """Let snapshots hold the state of objects of a class that other code wrote, under no names of its own."""
    _KINDS[kind.cls] = kind


@frozen
class LiveState:
    """Stands for a live object: its class, in words, and its state, copied."""

    cls: str
    state: Any = field(repr=False)


def live_states(values: Mapping[str, Any]) -> dict[str, LiveState]:
    """Return the states of the live objects among values, by name."""
    return {
        name: LiveState(_class_words(value), apart(state_of(value))) for name, value in values.items() if is_live(value)
    }


def is_live(value: object) -> bool:
    """Return whether a value is an object that says its state and takes it again, as torch's optimizers do."""
    cls = type(value)
    # A class as a value has these names, too, and no state.
    return _kind_of(cls) is not None or (
        callable(getattr(cls, "state_dict", None)) and callable(getattr(cls, "load_state_dict", None))
    )


def state_of(value: Any) -> Any:
    """Return the state of a live object."""
    kind = _kind_of(type(value))
    return value.state_dict() if kind is None else kind.state(value)


def put_states(states: Mapping[str, LiveState], values: Values) -> None:
    """Bring the live objects among values to their states.

    Raises:
        RunError: an object does not take it.
    """
    for name, kept in states.items():
        value = values[name]
        kind = _kind_of(type(value))
        try:
            # Copied once more: an optimizer goes on in the very tensors that it is given, and the snapshot may be used again.
            value.load_state_dict(apart(kept.state)) if kind is None else kind.restore(value, apart(kept.state))
        except Exception as error:
            raise RunError(
                f"{name!r} ({_class_words(value)}) does not take the state that the snapshot holds of it ({kept.cls}): {error} Make it as it "
                "was made for the run: the same parameters, in the same order."
            ) from error


def live_faults(
    states: Mapping[str, LiveState], given: Mapping[str, Any], readers: Callable[[str], str]
) -> Iterator[str]:
    """Yield what is wrong with the objects that are given to a run that goes on.

    Args:
        readers: says who reads a value.
    """
    for name, kept in states.items():
        if name not in given:
            yield (
                f"{name!r} was {with_article(kept.cls)}, of which the snapshot holds the state and not the object{readers(name)}: make it as for "
                f"the run, and give it: resume(..., live={{{name!r}: {name}}})."
            )
        elif not is_live(given[name]):
            yield f"{name!r} is {with_article(_class_words(given[name]))}, which has no state_dict and load_state_dict; it was {with_article(kept.cls)}."
    for name in given:
        if name not in states:
            yield f"{name!r} is given as live, and the snapshot holds the state of no such value. {did_you_mean(name, states)}"


def apart(value: Any) -> Any:
    """Return a state with containers, tensors and arrays of its own."""
    if isinstance(value, Mapping):
        return {key: apart(part) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(apart(part) for part in value)
    if hasattr(type(value), "untyped_storage"):
        return own_copy(value.detach())
    return own_copy(value) if hasattr(type(value), "__array_interface__") and hasattr(value, "copy") else value


def _kind_of(cls: type) -> LiveKind | None:
    # Most runs register none.
    return _found(cls.__mro__) if _KINDS else None


def _found(classes: Iterable[type]) -> LiveKind | None:
    return next((kind for each in classes if (kind := _KINDS.get(f"{each.__module__}.{each.__qualname__}"))), None)


def _class_words(value: object) -> str:
    return type(value).__name__
