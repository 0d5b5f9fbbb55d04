"""Whether a value of one type can be what another type asks for. No value is ever converted to make it so."""

from __future__ import annotations

import inspect
import numbers
import types
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any, ForwardRef, Literal, TypeVar, Union, get_args, get_origin, is_typeddict

from .types import strip_metadata, type_words
from .vocabulary import Value, value_of

_NONE = type(None)
_CALLABLE: Any = Callable
_NUMBERS: dict[type, tuple[type, ...]] = {float: (int, float), complex: (int, float, complex)}
"""The numeric tower of PEP 484: a whole number is fine where a float is asked for."""
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
"""Whole numbers that count as a float: torch and NumPy have no larger ones, and Python cannot make each a float."""
_ABSTRACT_NUMBERS = {int: numbers.Integral, float: numbers.Real, complex: numbers.Complex}
"""Numbers of other libraries, such as numpy's, count as well."""


def conflict(given: object, wanted: object) -> str | None:
    """Say why a value of the type `given` can never be what `wanted` asks for; None if it can.

    Types that overlap only in part can meet: the value decides in the run.
    """
    if given is wanted:
        return None  # as most values of a long composition are read in the type in which they are written
    if not can_meet(given, wanted):
        return f"{type_words(given)} is not {type_words(wanted)}"
    mine, theirs = value_of(given), value_of(wanted)
    if mine is None or theirs is None:
        return None  # shapes and number formats are said there alone
    return _shape_conflict(mine, theirs) or _dtype_conflict(given, wanted, mine, theirs)


def can_meet(given: object, wanted: object) -> bool:
    """Return whether some value other than None is of both types; None itself meets what takes None.

    What is not known (Any, names without a module) meets everything.
    """
    try:
        return _can_meet(given, wanted)
    except TypeError:  # a hint that cannot be hashed, such as Literal[[]]
        return _can_meet.__wrapped__(given, wanted)


@cache
def _can_meet(given: object, wanted: object) -> bool:
    mine, theirs = alternatives(given), alternatives(wanted)
    if _unknown(mine) or _unknown(theirs):
        return True
    values = [part for part in mine if part is not _NONE]
    if not values:
        return _NONE in theirs
    return any(_meet(one, other) for one in values for other in theirs if other is not _NONE)


def left_out(given: object, wanted: object) -> tuple[Any, ...]:
    """Return the members of one type that are, or may be, nothing that another takes; none where the two are not known."""
    try:
        return _left_out(given, wanted)
    except TypeError:  # as above
        return _left_out.__wrapped__(given, wanted)


@cache
def _left_out(given: object, wanted: object) -> tuple[Any, ...]:
    mine, theirs = alternatives(given), alternatives(wanted)
    if _unknown(mine) or _unknown(theirs):
        return ()
    return tuple(part for part in mine if part not in theirs and not any(_fits(part, other) for other in theirs))


def _fits(one: object, other: object) -> bool:
    """Return whether what is of a type is nearly always of another: only a class may be too wide for it."""
    if _NONE in (one, other) or not _meet(one, other):
        return one is other
    if not (isinstance(one, type) and isinstance(other, type)) or _is_open(one) or _is_open(other):
        return True
    return issubclass(one, other) or not issubclass(other, one)


def _is_open(kind: type) -> bool:
    """Return whether objects of a class are of others, which its name does not tell."""
    return inspect.isabstract(kind) or getattr(kind, "_is_protocol", False) or is_typeddict(kind)


def alternatives(hint: object) -> tuple[Any, ...]:
    """Return the members of a union, metadata stripped; a single type is a union of one."""
    if get_origin(hint) is Annotated:
        return alternatives(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(inner for part in get_args(hint) for inner in alternatives(part))
    if get_origin(hint) is Literal:
        return tuple(Literal[value] for value in get_args(hint))
    return (hint,)


def _unknown(parts: Sequence[Any]) -> bool:
    return any(part in (Any, None, object) or isinstance(part, (str, ForwardRef, TypeVar)) for part in parts)


def _meet(one: object, other: object) -> bool:
    if Literal in (get_origin(one), get_origin(other)):
        return _literals_meet(one, other)
    outer, inner = get_origin(one) or one, get_origin(other) or other
    if not (isinstance(outer, type) and isinstance(inner, type)):
        return _is_subhint(one, other) or _is_subhint(other, one)
    if not _classes_meet(outer, inner):
        return False
    mine, theirs = get_args(one), get_args(other)
    if not mine or not theirs or outer is _CALLABLE or inner is _CALLABLE:
        return True
    return _parts_meet(mine, theirs, of_tuple=outer is inner is tuple)


def _parts_meet(mine: tuple[Any, ...], theirs: tuple[Any, ...], of_tuple: bool) -> bool:
    if of_tuple:
        mine, theirs = _expanded(mine, theirs), _expanded(theirs, mine)
    if len(mine) != len(theirs):
        return not of_tuple
    return all(can_meet(left, right) for left, right in zip(mine, theirs, strict=True))


def _expanded(parts: tuple[Any, ...], others: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the parts of `tuple[int, ...]`, as many as the other tuple has."""
    if not parts or parts[-1] is not Ellipsis:
        return parts
    return parts[:1] * (1 if others and others[-1] is Ellipsis else len(others))


def _literals_meet(one: object, other: object) -> bool:
    if get_origin(one) is get_origin(other) is Literal:
        return get_args(one) == get_args(other)
    literal, plain = (one, other) if get_origin(one) is Literal else (other, one)
    return accepts(get_args(literal)[0], plain)


def _classes_meet(one: type, other: type) -> bool:
    # A TypedDict is a dict when it runs, and answers no question of subclasses.
    one, other = (dict if is_typeddict(each) else each for each in (one, other))
    if one in _NUMBERS.get(other, ()) or getattr(one, "_is_protocol", False) or getattr(other, "_is_protocol", False):
        return True
    if issubclass(one, other) or issubclass(other, one):
        return True
    # Abstract classes and mixins may meet in a common subclass that exists somewhere.
    return inspect.isabstract(one) and inspect.isabstract(other)


def _is_subhint(one: object, other: object) -> bool:
    from beartype.door import is_subhint
    from beartype.roar import BeartypeDoorException

    try:
        return bool(is_subhint(one, other))
    except BeartypeDoorException:
        return True  # a hint that the library does not know says nothing


def _shape_conflict(given: Value, wanted: Value) -> str | None:
    if not given.shape or not wanted.shape:
        return None
    mine, theirs = given.shape.split(), wanted.shape.split()
    if "..." in (*mine, *theirs):
        return None
    if len(mine) != len(theirs):
        return f"its dimensions are [{given.shape}], {len(mine)} of them; [{wanted.shape}] are {len(theirs)}"
    for position, (left, right) in enumerate(zip(mine, theirs, strict=True)):
        if left.isdigit() and right.isdigit() and left != right:
            return f"its dimension {position} has the size {left}, not {right}: [{given.shape}] and [{wanted.shape}]"
    return None


def _dtype_conflict(given: object, wanted: object, mine: Value, theirs: Value) -> str | None:
    if not mine.dtype or not theirs.dtype or mine.dtype == theirs.dtype:
        return None
    # Of several types the value may be another, of which nothing is said.
    if any(len([part for part in alternatives(hint) if part is not _NONE]) > 1 for hint in (given, wanted)):
        return None
    return f"its numbers are {mine.dtype}, not {theirs.dtype}"


def accepts(value: object, hint: object) -> bool:
    """Return whether a value is of a type. Lists and tuples are looked at whole; a whole number passes as a float."""
    parts = alternatives(hint)
    return _unknown(parts) or any(_accepts_one(value, part) for part in parts)


def _accepts_one(value: object, hint: object) -> bool:  # noqa: PLR0911 - one line per kind of type
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    if hint in _ABSTRACT_NUMBERS:
        is_number = isinstance(value, _ABSTRACT_NUMBERS[hint]) and not isinstance(value, bool)
        return is_number and not (hint is float and isinstance(value, int) and not _LOWEST <= value <= _HIGHEST)
    if origin is None and isinstance(hint, type):
        # Python does not ask a typed dict what it is.
        return _is_structural(hint) or isinstance(value, dict if is_typeddict(hint) else hint)
    if origin is list:
        return isinstance(value, list) and all(accepts(item, parts[0]) for item in value)
    if origin is tuple and isinstance(value, tuple):
        return all(map(accepts, value, _expanded(parts, value))) and len(_expanded(parts, value)) == len(value)
    # The answer for most values, without the library that looks into them, which takes long to import.
    if isinstance(origin, type) and not _is_structural(origin):
        if not isinstance(value, origin):
            return False
        if isinstance(value, (dict, set, frozenset)) and not value:
            return True
    return _is_bearable(value, hint)


def _is_structural(hint: type) -> bool:
    """Return a protocol that cannot be asked with isinstance."""
    return getattr(hint, "_is_protocol", False) and not getattr(hint, "_is_runtime_protocol", False)


def _is_bearable(value: object, hint: object) -> bool:
    from beartype.door import is_bearable
    from beartype.roar import BeartypeDecorHintException, BeartypeDoorException

    try:
        return bool(is_bearable(value, strip_metadata(hint)))
    except (BeartypeDecorHintException, BeartypeDoorException):
        return True
