"""dtypes of weights, by the names that people and files have for them."""

from __future__ import annotations

from typing import Any

from ...state import ComponentError
from ...state.errors import nearest

NAMES = {
    "fp16": "float16",
    "half": "float16",
    "bf16": "bfloat16",
    "fp32": "float32",
    "float": "float32",
    "full": "float32",
    "fp64": "float64",
    "double": "float64",
}
"""Short name to the one that torch has."""
WORDS = ("float16", "bfloat16", "float32", *NAMES)
"""What people type for a dtype, the names of torch first."""


def is_dtype_name(given: object) -> bool:
    """Return whether a text names a dtype of weights."""
    import torch

    if not isinstance(given, str):
        return False
    found = getattr(torch, _plain(given), None)
    return isinstance(found, torch.dtype) and found.is_floating_point


def dtype_named(given: Any) -> Any:
    """Return a dtype of torch, also of its name ("fp16", "bfloat16", "torch.float16"); None stays.

    Raises:
        ComponentError: it is no dtype of weights.
    """
    import torch

    if given is None or (isinstance(given, torch.dtype) and given.is_floating_point):
        return given
    if not is_dtype_name(given):
        near = nearest(given, WORDS) if isinstance(given, str) else None
        raise ComponentError(
            f"dtype={given!r} is no dtype of weights.{f' Did you mean {near!r}?' if near else ''} Give torch.float16, torch.bfloat16 or torch.float32, or a name: "
            f"{', '.join(map(repr, WORDS))}."
        )
    return getattr(torch, _plain(given))


def one_dtype(dtype: Any, torch_dtype: Any) -> Any:
    """Return the dtype that is given under its name of now or its older one; None for neither.

    Raises:
        ComponentError: the two differ, or one is no dtype of weights.
    """
    now, older = dtype_named(dtype), dtype_named(torch_dtype)
    if older is not None and now is not None and older != now:
        raise ComponentError(f"dtype={now} and torch_dtype={older} are two spellings of one thing; give one.")
    return older if now is None else now


def _plain(name: str) -> str:
    name = name.removeprefix("torch.")
    return NAMES.get(name, name)
