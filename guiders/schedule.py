"""Strengths that may change over a run: a number, one per step, or a function of progress."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..state import InputError

if TYPE_CHECKING:
    from .guider import GuidanceStep

Scale = float | Sequence[float] | Callable[[float], float]
"""A strength: the same at every step; one per step, of which the last holds on; or a function of progress, which goes from 0
at the first step to 1 after the last."""


def scale_of(given: Any) -> Any:
    """Check a strength as a person gives it; lists become tuples.

    Raises:
        InputError: it is none.
    """
    if isinstance(given, (list, tuple)):
        if not given or not all(_is_number(each) for each in given):
            raise InputError(f"A scale per step is a list of numbers, not {given!r}.")
        return tuple(float(each) for each in given)
    if not (_is_number(given) or callable(given)):
        raise InputError(f"A scale is a number, a list of numbers, or a function of progress (0 to 1), not {given!r}.")
    return given


def scale_at(scale: Any, step: GuidanceStep) -> float:
    """The strength at a step."""
    if isinstance(scale, tuple):
        return float(scale[min(step.index, len(scale) - 1)])
    return float(scale(step.index / max(step.count, 1))) if callable(scale) else scale


def is_never(scale: Any, neutral: float) -> bool:
    """Whether a strength is neutral at every step; a function's is not known before."""
    if callable(scale):
        return False
    return all(math.isclose(each, neutral) for each in (scale if isinstance(scale, tuple) else (scale,)))


def _is_number(value: Any) -> bool:
    """Whether it is a finite number; a whole one can be larger than any fraction."""
    largest = sys.float_info.max
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -largest <= value <= largest
