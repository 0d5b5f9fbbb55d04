"""Tells whether code that was digested is still the same, in microseconds, where that can be told."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from types import BuiltinFunctionType, FunctionType, MethodWrapperType, ModuleType
from typing import Any

import attrs
from attrs import define, field

_STAYS = (
    type(None), bool, int, float, complex, str, bytes, type, FunctionType, ModuleType,
    staticmethod, classmethod, property, cached_property, partial, BuiltinFunctionType, MethodWrapperType,
)  # fmt: skip
"""What cannot change while it is the same object, as far as code is concerned: functions and classes are watched themselves."""
_ENTRIES = 200


@define(eq=False)
class CodeWatch:
    """What a class's code was found to refer to. With more than a few hundred references, watching is not worth it."""

    entries: list[tuple[Mapping[str, Any], str, Any, Any]] = field(factory=list)
    bodies: list[Mapping[str, Any]] = field(factory=list)
    can_tell: bool = True
    _sizes: list[int] = field(factory=list, init=False)

    def see(self, place: Mapping[str, Any], name: str, value: Any) -> None:
        """Note a name in a module or class that has a value now."""
        if not self.can_tell:
            return
        if isinstance(value, _STAYS) or (attrs.has(type(value)) and type(value).__module__.startswith("brickwork.")):
            self.entries.append((place, name, value, None))
        elif isinstance(value, (list, tuple, set, frozenset, dict)) and _is_flat(value):
            self.entries.append((place, name, value, value.copy() if hasattr(value, "copy") else value))
        else:
            self.can_tell = False
        self.can_tell &= len(self.entries) <= _ENTRIES

    def see_body(self, body: Mapping[str, Any]) -> None:
        """Note a class body, in which names may also appear."""
        self.bodies.append(body)

    def measure(self) -> None:
        """Note how many names there are in the bodies, when everything was seen."""
        self._sizes = [len(body) for body in self.bodies]

    def holds(self) -> bool:
        """Whether everything is as it was."""
        if [len(body) for body in self.bodies] != self._sizes:
            return False
        for place, name, value, content in self.entries:
            if place.get(name) is not value or (content is not None and value != content):
                return False
        return True


def _is_flat(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value
    return all(isinstance(part, _STAYS) for part in parts)
