"""What a scope calls what lies outside, and the other way round: names of values and of components."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, field, frozen

from ...engine.nodes import Presence
from ...engine.scoped_names import MARK, own_name, scope_of, scoped
from ...registry import ComponentSpec
from ...state import InputParam, OutputParam
from ...state.errors import Fault


@frozen(eq=False)
class ScopeNames:
    """The names of one scope of a composition.

    Attributes:
        path: of the scope. private: names that mean something else inside than outside.
        let_in: of those that come in, the name inside to the name outside. let_out: the same of those that leave.
        components: the name inside to the name outside, where they differ.
        groups: groups of values that foreign blocks read at once, to the private names in each.
    """

    path: str
    private: frozenset[str]
    let_in: Mapping[str, str]
    let_out: Mapping[str, str]
    components: Mapping[str, str]
    groups: dict[str, list[str]] = field(factory=dict)

    def of(self, name: str) -> str:
        """Return what the plan calls a value, by its name inside."""
        return scoped(self.path, name) if name in self.private else name

    def inside(self, name: str) -> str | None:
        """Return what blocks inside call a value of the plan; None for what they do not see."""
        scope = scope_of(name)
        if scope == self.path:
            return own_name(name)
        if scope:
            # Of a scope within this one, whose steps know their values by these names.
            return name if scope.startswith(f"{self.path}.") or self.path.endswith(_ROOT) else None
        return None if name in self.private else name

    def outside(self, name: str) -> str | None:
        """Return the name outside of what blocks inside call `name`; None for what does not come in."""
        return None if name in self.private and name not in self.let_in else self.let_in.get(name, name)

    def component(self, name: str) -> str:
        """Return the name outside of a component."""
        return self.components.get(name, name)

    def param(self, param: InputParam) -> InputParam:
        """Return an input as the plan knows it."""
        return param if param.name is None else evolve(param, name=self.of(param.name))

    def output(self, param: OutputParam) -> OutputParam:
        """Return an output as the plan knows it."""
        return evolve(param, name=self.of(param.name))

    def presence(self, presence: Presence) -> Presence:
        """Return what is there as blocks inside see it."""
        return Presence(self._seen(presence.known), self._seen(presence.maybe))

    def _seen(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(name for each in names if (name := self.inside(each)) is not None)

    def given_inside(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a caller gives, as blocks inside know it."""
        found = {name: value for name, value in given.items() if name not in self.private and MARK not in name}
        return found | {name: given[outside] for name, outside in self.let_in.items() if outside in given}

    def components_inside(self, components: Mapping[str, Any]) -> dict[str, Any]:
        """Return components by the names that blocks inside know them by."""
        found = {name: component for name, component in components.items() if name not in self.components}
        return found | {name: components[outside] for name, outside in self.components.items() if outside in components}

    def explained(self, text: str) -> str:
        """Add to a text what the names in it are outside, where they are others."""
        other = {**self.let_in, **self.components}
        named = [
            f"{name!r} is {outside!r}" for name, outside in other.items() if name != outside and _names(text, name)
        ]
        return f"{text} (In {self.path} {', '.join(named)}.)" if named else text


_ROOT = "()"
"""End of the path of a scope that is a whole composition, which no path of a block has."""


def root_path(block: object) -> str:
    """Return the path of a scope that is a whole composition."""
    return f"{type(block).__name__}{_ROOT}"


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", text) is not None


def renamed_spec(spec: ComponentSpec, name: str) -> ComponentSpec:
    """Return the spec of a component that has another name outside: without an entry of its own it is from where the inner name is."""
    made = spec.copy()
    made.name, made.otherwise = name, made.otherwise or spec.name
    return made


Around = tuple[ScopeNames, ...]
"""The scopes around a block, from the outermost to the innermost."""


def given_at(around: Around, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a caller gives, as a block within scopes knows it."""
    for names in around:
        given = names.given_inside(given)
    return given


def components_at(around: Around, components: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return components by the names that a block within scopes knows them by."""
    for names in around:
        components = names.components_inside(components)
    return components


def component_outside(around: Around, name: str) -> str:
    """Return what is outside of all scopes the name of a component that a block calls `name`."""
    for names in reversed(around):
        name = names.component(name)
    return name


def value_outside(around: Around, name: str) -> str | None:
    """Return what is outside of all scopes the name of a value that a block calls `name`; None if it does not come from there."""
    for names in reversed(around):
        outside = names.outside(name)
        if outside is None:
            return None
        name = outside
    return name


def explained_at(around: Around, text: str) -> str:
    """Add to a text of a block within scopes what the names in it are outside; a fault is about inputs by these names."""
    said = text
    for names in reversed(around):
        said = names.explained(said)
    if not isinstance(text, Fault):
        return said
    return Fault(said, *(outside for name in text.inputs if (outside := value_outside(around, name)) is not None))
