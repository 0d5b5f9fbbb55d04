"""What the vocabulary says of a type: shape, meaning, bounds, and how a form shows it."""

from __future__ import annotations

import math
import numbers
from typing import Annotated, Literal, get_args, get_origin

from attrs import frozen

from ..value_bounds import refuse_wrong_value
from .form import UNSHOWN, Form


@frozen
class Value:
    """Metadata of a value type.

    Attributes:
        shape: dimensions by name, as in "b c h w"; empty for what is no tensor.
        doc: meaning, unit or range, convention.
        low, high: bounds of a number, or of every number in a list; infinity and NaN are refused where one is set.
        open: the bounds themselves are refused too.
        dtype: "float", "int" or "bool" for tensors that must be of that kind.
        form: how a form shows it.

    Raises:
        DeclarationError: no value could be so, or a part is something else.
    """

    shape: str = ""
    doc: str = ""
    low: float | None = None
    high: float | None = None
    open: bool = False
    dtype: Literal["", "float", "int", "bool"] = ""
    form: Form = UNSHOWN

    def __attrs_post_init__(self) -> None:
        refuse_wrong_value(self)

    def problem(self, value: object) -> str | None:
        """Say what is wrong with a number, or with one in a list; None for what is fine or no number."""
        if self.low is None and self.high is None:
            return None
        if isinstance(value, (list, tuple)):
            found = next((item for item in value if self.problem(item)), None)
            return f"holds {found}; each must be {self.range_words}" if found is not None else None
        if not isinstance(value, numbers.Real) or self._is_inside(float(value)):
            return None
        return f"is {value}; it must be {self.range_words}"

    def _is_inside(self, number: float) -> bool:
        low, high = (-math.inf if self.low is None else self.low), (math.inf if self.high is None else self.high)
        return math.isfinite(number) and (low < number < high if self.open else low <= number <= high)

    @property
    def range_words(self) -> str:
        """The bounds in words."""
        if self.high is None:
            return f"more than {self.low:g}" if self.open else f"{self.low:g} or more"
        return f"between {self.low or 0:g} and {self.high:g}" + (", and neither" if self.open else "")


def value_of(type_hint: object) -> Value | None:
    """Return the `Value` metadata of a type, looking into unions such as `Latents | None`."""
    if isinstance(type_hint, type):
        return None  # a plain class has none
    if get_origin(type_hint) is Annotated:
        return next((m for m in get_args(type_hint)[1:] if isinstance(m, Value)), None)
    return next((found for part in get_args(type_hint) if (found := value_of(part))), None)
