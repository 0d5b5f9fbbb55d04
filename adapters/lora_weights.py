"""How much LoRAs count, as callers say it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from numbers import Real
from typing import Any

from ..state import InputError
from ..state.errors import did_you_mean, named_thing


def finite_number(value: object, name: str) -> float:
    """Return a number that is one.

    Raises:
        InputError: it is no number, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise InputError(f"{name} is {named_thing(value)}; it is a finite number.")
    return float(value)


def weight_for_each_model(value: object, models: Collection[str]) -> Any:
    """Return the weight of a LoRA as diffusers reads it: a number, or numbers by model, of a denoiser also by its parts.

    diffusers passes over names that it does not know, and takes names out of the dict.

    Raises:
        InputError: it is something else, or of a model that there is not.
    """
    if not isinstance(value, Mapping):
        return 1.0 if value is None else finite_number(value, "The weight of a LoRA")
    unknown = next((name for name in value if name not in models), None)
    if unknown is not None:
        raise InputError(
            f"A weight is for {unknown!r}, which takes no LoRA here; there are {', '.join(models)}. {did_you_mean(str(unknown), models)}".rstrip()
        )
    return {name: _copied(each, name) for name, each in value.items()}


def _copied(value: object, name: str) -> Any:
    if isinstance(value, Mapping):
        return {part: _copied(each, f"{name}.{part}") for part, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(each, name) for each in value]
    return finite_number(value, f"The weight for {name}")
