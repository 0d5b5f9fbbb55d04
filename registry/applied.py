"""Which techniques lie on a component: a note of it, which goes with its copies. What they are is known to rooms above."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from .compilation import uncompiled
from .notes import notes_of, put_note

_NOTE = "_brickwork_techniques"


@frozen(eq=False)
class Applied:
    """A technique on a component.

    Attributes:
        technique: the object. words: its name with its settings, which also is its identity. keeps: it keeps something from one call of the network
            to the next. bars_loras: the component reads no LoRA while it has it.
        holds_processors: it lies on attention processors.
        undo: takes it off; it is given the component. Copies of the component have it, too, so it holds nothing of one component but its parts.
    """

    technique: Any
    words: str
    keeps: bool
    bars_loras: bool
    holds_processors: bool
    undo: Callable[[Any], None]


def applied_to(component: object) -> tuple[Applied, ...]:
    """Return what lies on a component, in the order in which it was applied."""
    found: tuple[Applied, ...] = notes_of(uncompiled(component)).get(_NOTE, ())
    return found


def techniques_of(component: object) -> tuple[str, ...]:
    """Return what lies on a component in words, in the order in which it was applied."""
    return tuple(each.words for each in applied_to(component))


def note_applied(component: object, applied: tuple[Applied, ...]) -> None:
    """Note what lies on a component now.

    Raises:
        AttributeError: it has slots, and takes no note.
    """
    inner = uncompiled(component)
    if applied:
        put_note(inner, _NOTE, applied)
    else:
        # As before the first one: an empty note would make the component another one.
        notes_of(inner).pop(_NOTE, None)
