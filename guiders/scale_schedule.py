"""Strengths that may change over a run: a number, one per step, or a function of progress."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .setting_types import is_number

if TYPE_CHECKING:
    from .guider import GuidanceStep

Scale = float | Sequence[float] | Callable[[float], float]
"""A strength: the same at every step; one per step, of which the last holds on; or a function of progress, which goes from 0
at the first step to 1 after the last."""


def scale_of(given: Any) -> Any:
    """Return a strength as guiders keep it, with lists as tuples: the converter of such settings.

    What is none stays as it is, for `setting_types.Strength` to refuse by the setting's name, which a converter is not told.
    """
    is_list = isinstance(given, (list, tuple)) and given and all(map(is_number, given))
    return tuple(float(each) for each in given) if is_list else given


def scale_at(scale: Any, step: GuidanceStep) -> float:
    """Return the strength at a step."""
    if isinstance(scale, tuple):
        # The last number holds on, because solvers of second order make more steps than were asked for.
        return float(scale[min(step.index, len(scale) - 1)])
    # A whole number beyond 64 bits cannot be multiplied with a tensor.
    return float(scale(step.index / max(step.count, 1)) if callable(scale) else scale)


def is_never(scale: object, neutral: float) -> bool:
    """Return whether a strength is neutral at every step; a function's is not known before."""
    if callable(scale):
        return False
    return all(math.isclose(each, neutral) for each in (scale if isinstance(scale, tuple) else (scale,)))
