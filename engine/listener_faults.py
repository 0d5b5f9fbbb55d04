"""What is wrong with a listener: told when it is given, and of an error in it with whose it is."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..state.errors import named_thing

if TYPE_CHECKING:
    from .events import Emit, Event


def listener_fault(listener: object) -> str | None:
    """Say why something cannot be called with each event; None for nothing."""
    said = f"The listener {_name(listener)}"
    if isinstance(listener, type):
        return f"{said} is a class; give an object of it: {listener.__name__}(...)."
    if not callable(listener):
        return f"A listener is a function that takes an event, and {named_thing(listener)} was given."
    if inspect.iscoroutinefunction(listener) or inspect.iscoroutinefunction(vars(type(listener)).get("__call__")):
        return f"{said} is async, and a run does not wait for it. Write `def`, or take events from pipe.start(...).events()."
    try:
        signature = inspect.signature(listener)
    except (TypeError, ValueError):  # of some functions written in C
        return None
    try:
        signature.bind(None)
    except TypeError:
        return (
            f"{said} takes {signature}, and is called with one event. Write `def listener(event): ...`; what a step has made is "
            "event.values of a StepFinished."
        )
    return None


def tell_all(listeners: Sequence[Emit], event: Event) -> None:
    """Tell all listeners of an event; an error of one keeps its class, and says whose it is."""
    for listener in listeners:
        try:
            listener(event)
        except Exception as error:
            error.add_note(f"In the listener {_name(listener)}, which was told of {type(event).__name__}.")
            raise


def _name(listener: object) -> str:
    return str(getattr(listener, "__qualname__", None) or type(listener).__name__)
