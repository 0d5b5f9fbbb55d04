"""Which numbers a declaration allows: within bounds, at them, and sides of images that a family has."""

from __future__ import annotations

import math
from typing import Literal

from attrs import evolve

from ..state import InputParam
from ..state.type_relations import alternatives
from ..state.vocabulary import Value, value_of

SIDES = (8, 16)
"""Of images, in pixels."""


def with_sides(param: InputParam, multiple: int) -> InputParam:
    """Return an input; of a side of images the choices are some that the family of a block has."""
    value = value_of(param.type_hint)
    if value is None or not value.form.is_side or int not in alternatives(param.type_hint):
        return param
    least = multiple * -(-SIDES[0] // multiple)
    return evolve(param, type_hint=Literal[least, least + multiple, 2 * least])


def bounds_of(hint: object) -> list[float]:
    """Return the least and the most that a number may be, as far as it is said."""
    value = value_of(hint)
    kind = next((part for part in alternatives(hint) if part in (int, float)), None)
    if value is None or kind is None:
        return []
    if kind is int:
        least, most = whole_bounds(value)
        return [bound for bound in (least, most) if bound is not None]
    # What is next to an open bound is inside, and nothing that an author thinks of.
    return [] if value.open else [float(bound) for bound in (value.low, value.high) if bound is not None]


def whole_bounds(value: Value) -> tuple[int | None, int | None]:
    """Return the least and the most whole number within bounds; None where there is none."""
    least = None if value.low is None else math.floor(value.low) + 1 if value.open else math.ceil(value.low)
    most = None if value.high is None else math.ceil(value.high) - 1 if value.open else math.floor(value.high)
    return least, most


def range_of(value: Value) -> tuple[float, float]:
    """Return the range from which numbers are drawn: as declared, and a few units wide where one end is open."""
    low = value.low if value.low is not None else (min(-4.0, value.high - 4) if value.high is not None else -4.0)
    return low, value.high if value.high is not None else max(4.0, low + 4)


def whole_range(value: Value) -> tuple[int, int]:
    """Return the least and the most of the whole numbers that are drawn: from the least allowed one on, a few."""
    least, most = whole_bounds(value)
    low, high = range_of(value)
    least = math.floor(low) if least is None else least
    most = math.ceil(high) if most is None else most
    return least, max(least, min(most, least + 8))
