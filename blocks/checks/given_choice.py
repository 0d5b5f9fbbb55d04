"""Choices by values that the caller's inputs alone decide: which branches a run will not take is known before it begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from ...engine import ChoiceNode, Plan
from ...engine.nodes import all_nodes
from ...engine.planning.flow import CALLER


@frozen(eq=False)
class GivenChoice:
    """A choice, and by which names the caller gives what it reads.

    Attributes:
        names: those of the caller, by the choice's own. defaults: of what may be left out, by the choice's own names.
    """

    node: ChoiceNode
    names: Mapping[str, str]
    defaults: Mapping[str, Any]

    def untaken(self, inputs: Mapping[str, Any]) -> Iterator[str]:
        """Yield the paths of the branches that a run with these inputs does not take; none where they do not decide."""
        values = {name: inputs[given] for name, given in self.names.items() if given in inputs}
        values = {**self.defaults, **values}
        if len(values) < len(self.node.reads):
            return
        try:
            taken = self.node.select(values)
        # A value of the wrong type, say: that is found elsewhere, and the run decides.
        except Exception:  # noqa: BLE001 - of code of others
            return
        if isinstance(taken, str) and taken in self.node.branches:
            yield from (f"{self.node.path}.{name}" for name in self.node.branches if name != taken)


def given_choices(plan: Plan) -> tuple[GivenChoice, ...]:
    """Return the choices of a plan of which the caller gives all that they read."""
    choices = [node for node in all_nodes(plan.steps) if isinstance(node, ChoiceNode)]
    return tuple(found for node in choices if (found := _given(node, plan)))


def _given(node: ChoiceNode, plan: Plan) -> GivenChoice | None:
    names: dict[str, str] = {}
    defaults: dict[str, Any] = {}
    for read in plan.flow.reads:
        if read.path != node.path:
            continue
        own = str(read.param.name)
        for version in read.sources.versions:
            if version.writer != CALLER:
                return None
            names[own] = version.name
        if not read.param.required:
            defaults[own] = read.param.default
    return GivenChoice(node, names, defaults)
