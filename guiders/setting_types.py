"""Types of guiders' settings: what a number must be, besides a number, for a step to make sense of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any

from ..state.structure import Check


def is_number(value: object) -> bool:
    """Return whether it is a number that is finite as a fraction; True and False are none."""
    # True is a number for Python, and a scale of True is a mistake.
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number may be larger than any fraction
        return False


def _is_plain(value: Any) -> bool:
    """Return whether it is finite, and torch can multiply with it."""
    return math.isfinite(value) and (not isinstance(value, int) or -(1 << 63) <= value < 1 << 63)


def _or_per_level(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def all_hold(value: object) -> bool:
        return all(is_number(each) and holds(each) for each in (value if isinstance(value, tuple) else (value,)))

    return all_hold


def _is_share(value: Any) -> bool:
    return bool(0.0 <= value <= 1.0)


def _is_strength(value: object) -> bool:
    return (
        (all(map(is_number, value)) and bool(value))
        if isinstance(value, tuple)
        else is_number(value) or callable(value)
    )


def _are_strengths(value: object) -> bool:
    return isinstance(value, tuple) and bool(value) and all(map(_is_strength, value))


_NUMBER = {"type": "number"}
_FRACTION = {"type": "number", "minimum": 0, "maximum": 1}


def _or_list(number: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [number, {"type": "array", "items": number, "minItems": 1}]}


_STRENGTH = "a number, a list of numbers, or a function of progress (0 to 1)"
Strength = Annotated[Any, Check(_STRENGTH, _is_strength, _or_list(_NUMBER))]
Strengths = Annotated[
    Any,
    Check(
        f"a list with one scale per level, high frequencies first, each {_STRENGTH}",
        _are_strengths,
        {"type": "array", "items": _or_list(_NUMBER), "minItems": 1},
    ),
]
Finite = Annotated[float, Check("a finite number (a whole one of 64 bits)", _is_plain, _NUMBER)]
Limit = Annotated[
    float,
    Check("a number (a whole one of 64 bits) or infinity", lambda n: _is_plain(n) or abs(n) == math.inf, _NUMBER),
]
Positive = Annotated[
    float,
    Check(
        "a finite number above 0 (a whole one of 64 bits)",
        lambda n: n > 0.0 and _is_plain(n),
        {"type": "number", "exclusiveMinimum": 0},
    ),
]
NotNegative = Annotated[
    float, Check("a number from 0 on", lambda number: number >= 0.0, {"type": "number", "minimum": 0})
]
Share = Annotated[float, Check("a fraction, 0 to 1", _is_share, _FRACTION)]
Quantile = Annotated[
    float,
    Check(
        "a fraction above 0, up to 1",
        lambda number: 0.0 < number <= 1.0,
        {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    ),
]
SharePerLevel = Annotated[
    Any, Check("a fraction, 0 to 1, or a list with one per level", _or_per_level(_is_share), _or_list(_FRACTION))
]
FiniteOrNonePerLevel = Annotated[
    Any,
    Check(
        "a finite number, a list with one per level, or None",
        lambda value: value is None or _or_per_level(_is_plain)(value),
        {"anyOf": [*_or_list(_NUMBER)["anyOf"], {"type": "null"}]},
    ),
]
Called = Annotated[Any, Check("a function", callable, {"x-type": "function"})]
