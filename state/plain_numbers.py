"""Numbers of NumPy as Python's, so that a type that says `float` takes them and a recipe can hold them."""

from __future__ import annotations

from typing import Any


def plain_number(value: Any) -> Any:
    """Return a scalar of NumPy, or an array without dimensions, as Python's number; lists and tuples with such likewise. All else is returned as it is.

    Example:
        >>> import numpy
        >>> plain_number([numpy.int64(3), 0.5])
        [3, 0.5]
    """
    cls = value.__class__
    if cls is list or cls is tuple:
        return cls(map(plain_number, value)) if any(_is_scalar(each) for each in value) else value
    return value.item() if _is_scalar(value) else value


def _is_scalar(value: Any) -> bool:
    # By the module's name: NumPy is imported only by who has such a number.
    return type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0
