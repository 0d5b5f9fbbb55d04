"""What is wrong with a value of which a type says what it must be, in words: of inputs, options, defaults and outputs alike."""

from __future__ import annotations

import reprlib
from typing import Literal, get_args, get_origin

from .errors import nearest, with_article
from .pipeline_state import describe_value
from .type_relations import accepts
from .types import plain_type, type_words
from .vocabulary import value_of

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60


def unfit(value: object, hint: object) -> str | None:
    """Say what is wrong with the class or range of a value, as the end of a sentence that begins with its name; None for nothing."""
    if not accepts(value, hint):
        return f"is {value_words(value)}; it must be {type_words(hint)}.{_choice_hint(value, hint)}"
    expected = value_of(hint)
    problem = expected.problem(value) if expected else None
    return f"{problem}." if problem else None


def value_words(value: object) -> str:
    """Return a value as people would write it, with its class."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__qualname__}"
    if isinstance(value, (str, bytes, int, float, bool)) or (
        isinstance(value, (list, tuple, dict))
        and not any(hasattr(part, "shape") for part in (value.values() if isinstance(value, dict) else value))
    ):
        return f"{_short.repr(value)} ({with_article(type(value).__name__)})"
    words = describe_value(value)
    return with_article(words)


def _choice_hint(value: object, hint: object) -> str:
    plain = plain_type(hint)
    parts = get_args(plain) if get_origin(plain) is Literal else ()
    near = nearest(value, [part for part in parts if isinstance(part, str)]) if isinstance(value, str) else None
    return f" Did you mean {near!r}?" if near else ""
