"""Settings as files have them: of the types that a class declares, or refused in words before the class is made."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Annotated, Any

import attrs

from ..state import InputError
from ..state.code_home import is_own
from ..state.errors import did_you_mean
from ..state.structure import Check, examined, is_schema, place_words

_MOST = 10
"""Unknown settings that are told with the nearest known one."""


def setting_faults(cls: Any, given: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with settings for a class of attrs: unknown names, missing ones, wrong types.

    Settings that the class converts by itself are left to it.
    """
    known = {field.name: field for field in attrs.fields(cls)}
    unknown = [str(name)[:60] for name in given if name not in known]
    faults = [f"{cls.__name__} has no {name!r}. {did_you_mean(name, known)}" for name in unknown[:_MOST]]
    if len(unknown) > _MOST:
        faults.append(f"{len(unknown) - _MOST:,} more are unknown.")
    hints = typing.get_type_hints(cls, include_extras=True)
    for name in _plain(known.values(), hints):
        if name in given:
            faults += _faults_of(cls, name, hints[name], given[name])
    return faults


def checked(_cls: type, fields: list[Any]) -> list[Any]:
    """Give settings that a class declares a validator by their types, whoever derives from it: attrs calls it with them.

    Settings that somebody's own class adds are left to it, as nothing says that its annotations are meant so.
    """
    with_own = [(each, [each.validator] if each.validator else []) for each in fields]
    return [
        each if each.inherited else each.evolve(validator=attrs.validators.and_(*own, _refuse_odd))
        for each, own in with_own
    ]


def _refuse_odd(made: object, field: attrs.Attribute[Any], value: object) -> None:
    cls: Any = type(made)
    hint = _declared(cls).get(field.name)
    faults = [] if hint is None else _faults_of(cls, field.name, hint, value)
    if faults:
        raise InputError.of(f"{cls.__name__} cannot be made", faults)


@contextmanager
def naming(cls: type, setting: str) -> Iterator[None]:
    """Say of which setting of which class an error is that does not know."""
    try:
        yield
    except InputError as error:
        named = InputError(f"{cls.__name__}: {setting}: {error}")
        named.faults = error.faults
        raise named from None


def _faults_of(cls: type, name: str, hint: object, value: object) -> list[str]:
    found = examined(hint, value)[1]
    return [f"{cls.__name__}: {place_words((name, *each.place))}: {each.text}" for each in found]


@cache
def _declared(cls: Any) -> dict[str, Any]:
    """Return what may stand in settings, of those that a class of this package declares."""
    names = {field.name for field in attrs.fields(cls)}
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        own = names & vars(base).get("__annotations__", {}).keys() - found.keys()
        # Others' classes may annotate as they like; nothing says that their hints are meant to be checked.
        if own and is_own(base.__module__):
            hints = typing.get_type_hints(base, include_extras=True)
            found |= {name: hints[name] for name in own if _is_told(hints[name])}
        names -= own
    return found


def _is_told(hint: object) -> bool:
    """Return whether a hint says something of a value that was made already."""
    checks = any(isinstance(each, Check) for each in getattr(hint, "__metadata__", ()))
    return is_schema(hint) or (checks and typing.get_origin(hint) is Annotated and typing.get_args(hint)[0] is Any)


def _plain(fields: Iterable[Any], hints: Mapping[str, Any]) -> Iterable[str]:
    return [field.name for field in fields if field.converter is None and _is_told(hints[field.name])]
