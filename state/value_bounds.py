"""What is wrong with a `Value` as it is written: its shape, its bounds, its dtype."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Iterator
from typing import Any

from .errors import DeclarationError

DTYPES = ("float", "int", "bool")
_NEGATIVE = re.compile(r"-\d+")
_PROSE = frozenset({"the", "of", "is", "are"})
"""Words that are no names of dimensions, and stand in a sentence."""


def refuse_wrong_value(value: Any) -> None:
    """Refuse a `Value` that no value could fulfil, or whose parts are something else than its declaration says.

    Raises:
        DeclarationError: with everything that is wrong.
    """
    faults = [*_shape_faults(value.shape), *_bound_faults(value.low, value.high, value.open)]
    if not isinstance(value.doc, str):
        faults.append(f"doc is {value.doc!r}; it must be text.")
    if not (isinstance(value.dtype, str) and value.dtype in ("", *DTYPES)):
        faults.append(f"dtype is {value.dtype!r}; it must be 'float', 'int' or 'bool', the kind of the numbers.")
    if faults:
        raise DeclarationError.of("A Value is declared wrongly", [f"Value: {fault}" for fault in faults])


def _shape_faults(shape: object) -> Iterator[str]:
    if not isinstance(shape, str):
        written = " ".join(map(str, shape)) if isinstance(shape, (tuple, list)) else shape
        yield f"the shape is {shape!r}; it must be text with a name or a size for each dimension, as in {f'{written}'!r}."
        return
    parts = shape.split()
    wrong = next((part for part in parts if not _is_dimension(part)), None)
    if wrong is None:
        return
    if _NEGATIVE.fullmatch(wrong):
        yield f"the shape {shape!r} has the size {wrong}; sizes are whole numbers from 0, and what may be any is a name."
    else:
        yield (
            f"the shape {shape!r} has a dimension {wrong!r}, which is no name and no size. "
            "Is it the meaning? That is written doc=..., as in Value('b c h w', doc='...')."
        )


def _is_dimension(part: str) -> bool:
    if part == "...":
        return True
    # Whatever else says a size ("h/8") is a name like others; signs alone, and words of a sentence, are none.
    return (
        bool(re.search(r"\w", part))
        and not _NEGATIVE.fullmatch(part)
        and part.lower() not in _PROSE
        and part[-1] not in ".,;:!?"
    )


def _bound_faults(low: object, high: object, is_open: bool) -> Iterator[str]:
    odd = False
    for name, bound in (("low", low), ("high", high)):
        is_number = isinstance(bound, numbers.Number) and not isinstance(bound, complex)
        if bound is not None and (not is_number or bound != bound):  # noqa: PLR0124 - as only NaN is
            odd = True
            yield f"{name} is {bound!r}; it must be a number."
    if odd:
        return
    least: Any = -math.inf if low is None else low
    most: Any = math.inf if high is None else high
    if least > most or least == math.inf or most == -math.inf:
        yield f"low is {least} and high is {most}, so no number is between them. Exchange the two."
    elif least == most and is_open:
        yield f"low and high are both {least} and open, which leaves no number. Leave `open` out, or move one of them."
