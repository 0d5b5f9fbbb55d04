"""Checks of values where they enter and leave a block: class, number format, and named dimensions.

One dimension name stands for one size among all that a block reads, and again among all that it writes: a block may
make more rows, or larger images, than it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from attrs import frozen

from ...state import InputParam, OutputParam, RunError
from ...state.pipeline_state import describe_value
from ...state.types import plain_type, type_words
from ...state.vocabulary import value_of
from ..nodes import BlockNode, Call, Values


@frozen
class Expected:
    """Says what one declared value must be: `dimensions` are names, or sizes as whole numbers."""

    name: str
    tensor_class: type
    dimensions: tuple[str | int, ...]
    kind: str
    words: str


def checked(step: BlockNode, givers: Callable[[str], Sequence[str]]) -> Callable[[Call], Call] | None:
    """Return what wraps a step's call into its checks; None if its declarations say nothing that can be checked.

    Args:
        givers: who may have given the step a value, by the value's name.
    """
    if not step.typed:
        return None
    reads, writes = expected_of(step.reads), expected_of(step.writes)
    if not reads and not writes:
        return None
    path = step.path

    def wrap(call: Call) -> Call:
        def call_checked(values: Values) -> None:
            fault = find_fault(reads, values) if reads else None
            if fault is not None:
                writers = " or ".join(givers(fault[0]))
                raise RunError(f"{path} was given {fault[1]}{f' (from {writers})' if writers else ''}.")
            call(values)
            fault = find_fault(writes, values) if writes else None
            if fault is not None:
                raise RunError(f"{path} wrote {fault[1]}: it broke its declaration.")

        return call_checked

    return wrap


def expected_of(params: Sequence[InputParam | OutputParam]) -> tuple[Expected, ...]:
    """Return the parameters that are tensors with declared dimensions."""
    return tuple(e for param in params if param.name and (e := _expected(param.name, param.type_hint)) is not None)


@cache
def _expected(name: str, hint: object) -> Expected | None:
    import torch

    value = value_of(hint)
    # "..." stands for any number of dimensions, so no position means anything.
    if value is None or not value.shape or "..." in value.shape:
        return None
    # A union with something else than None, such as lists of tensors, has no single shape.
    classes = [part for part in getattr(plain_type(hint), "__args__", (plain_type(hint),)) if part is not type(None)]
    if classes != [torch.Tensor]:
        return None
    dimensions = tuple(int(part) if part.isdigit() else part for part in value.shape.split())
    return Expected(name, torch.Tensor, dimensions, value.dtype, type_words(hint))


def find_fault(expected: Sequence[Expected], values: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the name of the first value that is not as declared, and what is wrong with it."""
    sizes: dict[str, int] = {}
    for each in expected:
        value = values.get(each.name)
        if value is None:
            continue
        if not isinstance(value, each.tensor_class) or len(_shape(value)) != len(each.dimensions):
            return each.name, f"{each.name} as {describe_value(value)} instead of {each.words}"
        for dimension, size in zip(each.dimensions, _shape(value), strict=True):
            known = dimension if isinstance(dimension, int) else sizes.setdefault(dimension, size)
            if known != size:
                return each.name, _size_words(each, value, dimension, known)
        if each.kind and not _is_kind(value, each.kind):
            return each.name, f"{each.name} as {describe_value(value)}; it holds {each.kind} numbers"
    return None


def _shape(tensor: Any) -> Sequence[int]:
    shape: Sequence[int] = tensor.shape
    return shape


def _size_words(each: Expected, value: object, dimension: str | int, known: int) -> str:
    shape = list(_shape(value))
    if isinstance(dimension, int):
        return f"{each.name} of the shape {shape} instead of {each.words}"
    return f"{each.name} of the shape {shape}: {dimension!r} of {each.words} is {known} in the values before it"


def _is_kind(tensor: Any, kind: str) -> bool:
    if kind == "float":
        return bool(tensor.is_floating_point())
    import torch

    is_bool = tensor.dtype is torch.bool
    return is_bool if kind == "bool" else not is_bool and not tensor.is_floating_point()
