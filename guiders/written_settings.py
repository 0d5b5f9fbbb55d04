"""Settings as files have them: of the types that a class declares, or refused in words before the class is made."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from ..state.errors import did_you_mean
from ..state.structure import examined, is_schema, place_words

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
            found = examined(hints[name], given[name])[1]
            faults += [f"{cls.__name__}: {place_words((name, *each.place))}: {each.text}" for each in found]
    return faults


def _plain(fields: Iterable[Any], hints: Mapping[str, Any]) -> Iterable[str]:
    return [field.name for field in fields if field.converter is None and is_schema(hints[field.name])]
