"""Checks of values where they enter and leave a block: class, number format, and named dimensions.

One dimension name stands for one size among all that a block reads, and again among all that it writes: a block may
make more rows, or larger images, than it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, Literal, get_args, get_origin

from attrs import field, frozen

from ...state import InputParam, OutputParam, RunError
from ...state.pipeline_state import describe_value
from ...state.type_relations import accepts, alternatives
from ...state.types import plain_type, type_words
from ...state.unfit_values import value_words
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


@frozen
class ExpectedClass:
    """Says of which classes one declared value must be.

    Attributes:
        by_value: classes of which the value counts as well. accepted: classes that have been seen, and are enough.
    """

    name: str
    hint: Any
    words: str
    by_value: frozenset[type]
    accepted: set[type] = field(factory=set, eq=False, repr=False)


class ClassesOf:
    """What types say of classes, worked out once for each name and type: steps in a row that write one value share what they have seen."""

    def __init__(self) -> None:
        self._known: dict[Any, tuple[ExpectedClass, ...]] = {}

    def all_of(self, params: Sequence[InputParam | OutputParam]) -> list[ExpectedClass]:
        """Return the parameters of which the type says anything about the class."""
        return [found for param in params for found in self._of(param)]

    def _of(self, param: InputParam | OutputParam) -> tuple[ExpectedClass, ...]:
        # By identity, which the steps of the plan keep: equal unions may name their members in another order.
        key = param.name, id(param.type_hint), param.kwargs_type is None
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = classes_of([param])
        return known


def checked(step: BlockNode, givers: Callable[[str], Sequence[str]], every: ClassesOf) -> Callable[[Call], Call] | None:
    """Return what wraps a step's call into its checks; None if its declarations say nothing that can be checked.

    Args:
        givers: who may have given the step a value, by the value's name. every: of all steps of the plan.
    """
    if not step.typed:
        return None
    reads, writes = expected_of(step.reads), expected_of(step.writes)
    classes = every.all_of(step.writes)
    if not reads and not writes and not classes:
        return None
    path = step.path
    known = [(each.name, each.accepted) for each in classes]

    def wrap(call: Call) -> Call:
        # What the iterations of a loop read and write is mostly alike.
        read, written = _Passed(reads), _Passed(writes)

        def call_checked(values: Values) -> None:
            fault = None
            if reads and not read.holds(values):
                if (fault := find_fault(reads, values)) is not None:
                    writers = " or ".join(givers(fault[0]))
                    raise RunError(f"{path} was given {fault[1]}{f' (from {writers})' if writers else ''}.")
                read.note(values)
            call(values)
            # The usual case first, and here: a call of a function more is a tenth of what a small block costs.
            for name, accepted in known:
                if values.get(name).__class__ not in accepted:
                    fault = find_class_fault(classes, values)
                    break
            if writes and fault is None and not written.holds(values):
                fault = find_fault(writes, values)
                if fault is None:
                    written.note(values)
            if fault is not None:
                raise RunError(f"{path} wrote {fault[1]}: it broke its declaration.")

        return call_checked

    return wrap


_FORM = attrgetter("__class__", "shape", "dtype")
"""All that `find_fault` looks at in a tensor."""


class _Passed:
    """Knows values that `find_fault` has found nothing wrong with, by all that it looks at, so that their like is not looked at again."""

    def __init__(self, expected: Sequence[Expected]) -> None:
        self._names = [each.name for each in expected]
        self._given: list[str] = []
        self._absent: list[str] = []
        self._forms: list[Any] | None = None

    def holds(self, values: Values) -> bool:
        """Return whether values are as those that passed last."""
        get = values.get
        for name in self._absent:
            if get(name) is not None:
                return False
        try:
            return [*map(_FORM, map(get, self._given))] == self._forms
        except AttributeError:  # no tensor
            return False

    def note(self, values: Values) -> None:
        """Take values for such that passed."""
        self._absent = [name for name in self._names if values.get(name) is None]
        self._given = [name for name in self._names if values.get(name) is not None]
        try:
            self._forms = [*map(_FORM, map(values.get, self._given))]
        except AttributeError:
            self._forms = None


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


def _class_of(param: InputParam | OutputParam) -> Iterator[ExpectedClass]:
    parts = alternatives(param.type_hint)
    # What is in lists is not looked at: there may be much of it, and every run would pay.
    outer = [part if get_origin(part) is Literal else get_origin(part) or part for part in parts]
    if (
        param.name
        and all(get_origin(part) is Literal or isinstance(part, type) for part in outer)
        and object not in outer
    ):
        # A group is written without what is absent in it.
        outer += [type(None)] if param.kwargs_type is not None else []
        hint: Any = outer[0]
        for part in outer[1:]:
            hint = hint | part
        choices = [value for part in outer if get_origin(part) is Literal for value in get_args(part)]
        # Of a whole number for a fraction the size counts.
        by_value = frozenset([*map(type, choices), *([int] if float in outer and int not in outer else [])])
        yield ExpectedClass(param.name, hint, type_words(param.type_hint), by_value)


def classes_of(params: Sequence[InputParam | OutputParam]) -> tuple[ExpectedClass, ...]:
    """Return the parameters of which the type says anything about the class."""
    return tuple(found for param in params for found in _class_of(param))


def find_class_fault(expected: Sequence[ExpectedClass], values: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the name of the first value that is of another class than declared, and what is wrong with it."""
    for each in expected:
        value = values.get(each.name)
        cls = value.__class__
        if cls in each.accepted or each.name not in values:
            continue  # what leaves a scope is not there where a branch in it did not write it
        if not accepts(value, each.hint):
            return each.name, f"{each.name} as {value_words(value)} instead of {each.words}"
        if cls not in each.by_value:
            each.accepted.add(cls)
    return None


def find_fault(
    expected: Sequence[Expected], values: Mapping[str, Any], promised: Mapping[str, tuple[int, str]] | None = None
) -> tuple[str, str] | None:
    """Return the name of the first value that is not as declared, and what is wrong with it.

    Args:
        promised: sizes of named dimensions that are known, each with where.
    """
    sizes: dict[str, tuple[int, str]] = dict(promised or {})
    for each in expected:
        value = values.get(each.name)
        if value is None:
            continue
        if not isinstance(value, each.tensor_class) or len(_shape(value)) != len(each.dimensions):
            return each.name, f"{each.name} as {describe_value(value)} instead of {each.words}"
        for dimension, size in zip(each.dimensions, _shape(value), strict=True):
            known, where = (
                (dimension, "") if isinstance(dimension, int) else sizes.setdefault(dimension, (size, each.name))
            )
            if known != size:
                return each.name, _size_words(each, value, dimension, known, where)
        if each.kind and not _is_kind(value, each.kind):
            return each.name, f"{each.name} as {describe_value(value)}; it holds {each.kind} numbers"
    return None


def _shape(tensor: Any) -> Sequence[int]:
    shape: Sequence[int] = tensor.shape
    return shape


def _size_words(each: Expected, value: object, dimension: str | int, known: int, where: str) -> str:
    shape = list(_shape(value))
    if isinstance(dimension, int):
        return f"{each.name} of the shape {shape} instead of {each.words}"
    return f"{each.name} of the shape {shape}: {dimension!r} of {each.words} is {known} in {where}"


def _is_kind(tensor: Any, kind: str) -> bool:
    if kind == "float":
        return bool(tensor.is_floating_point())
    import torch

    is_bool = tensor.dtype is torch.bool
    return is_bool if kind == "bool" else not is_bool and not tensor.is_floating_point()
