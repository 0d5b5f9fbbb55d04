"""The workflows that a composition's choices allow, each with its exact interface."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...engine import Node
from ...engine.nodes import all_nodes
from ...engine.planning.dataflow import Dataflow, trace
from ...state import CompositionError, InputError, InputParam, OutputParam
from ...state.errors import did_you_mean
from ...state.types import plain_type
from .flattening import OpenChoiceError, WorkflowSearch
from .schema import input_schema

if TYPE_CHECKING:
    from .base import ModularPipelineBlocks

# Each question doubles the combinations.
MOST = 512
"""Combinations of inputs that are looked at, at most."""


@frozen(eq=False)
class Workflow:
    """Describes what runs when certain inputs are given.

    Attributes:
        name: as the composition calls it, else the inputs that lead to it ("mask_image+image", "default").
        given: the inputs that lead to it. steps: what runs. taken: paths of the branches that it takes.
    """

    name: str
    given: tuple[str, ...]
    steps: tuple[Node, ...]
    taken: frozenset[str] = frozenset()

    @cached_property
    def flow(self) -> Dataflow:
        """The ways of values from writers to readers, when the caller gives nothing that a step does not ask for."""
        return trace(self.steps, ())

    @cached_property
    def required(self) -> list[InputParam]:
        """Inputs that must be given, and those that choose this workflow."""
        needed = {name: missing.param for name, missing in self.flow.missing.items()}
        chosen = {name: self._open_reads.get(name, InputParam(name)) for name in self.given if name not in needed}
        return [*needed.values(), *chosen.values()]

    @cached_property
    def optional(self) -> list[InputParam]:
        """Inputs that may be given."""
        required = {param.name for param in self.required}
        return [param for name, param in self._open_reads.items() if name not in required]

    @cached_property
    def _open_reads(self) -> dict[str, InputParam]:
        """Reads that no step gives a value to; of several declarations of one input the fullest."""
        found: dict[str, InputParam] = {}
        for read in self.flow.reads:
            name = str(read.param.name)
            if read.sources.versions:  # of an earlier block, or of the loop's iteration before
                continue
            known = found.get(name)
            if known is None or (known.type_hint is None and read.param.type_hint is not None):
                found[name] = read.param
        return found

    @cached_property
    def outputs(self) -> list[OutputParam]:
        """Values that are there at the end."""
        return [
            OutputParam(name, sources.versions[-1].type_hint, kwargs_type=sources.versions[-1].group)
            for name, sources in self.flow.final.items()
        ]

    @cached_property
    def components(self) -> list[str]:
        """Names of the components that it uses, in order of first use."""
        return list(dict.fromkeys(name for step in all_nodes(self.steps) for name in getattr(step, "components", ())))

    @property
    def input_schema(self) -> dict[str, Any]:
        """The inputs as JSON schema, for forms and services."""
        return input_schema(self.required, self.optional)

    @property
    def signature(self) -> inspect.Signature:
        """The inputs as Python's own signature: keyword-only, required ones first."""
        return signature_of(self.required, self.optional)


def signature_of(required: list[InputParam], optional: list[InputParam]) -> inspect.Signature:
    """Return a signature of keyword-only parameters with types and defaults."""
    empty = inspect.Parameter.empty
    parameters = [
        inspect.Parameter(
            str(param.name),
            inspect.Parameter.KEYWORD_ONLY,
            default=empty if needed else param.default,
            annotation=empty if param.type_hint is None else plain_type(param.type_hint),
        )
        for needed, params in ((True, required), (False, optional))
        for param in params
    ]
    return inspect.Signature(parameters)


def all_workflows(blocks: ModularPipelineBlocks) -> Iterator[Workflow]:
    """Yield every workflow that some inputs lead to, those with the fewest inputs first; each list of steps once.

    Raises:
        CompositionError: the blocks do not fit together.
    """
    pending: list[dict[str, bool]] = [{}]
    seen: set[tuple[str, ...]] = set()
    looked_at = 0
    while pending and looked_at < MOST:
        # From the front: workflows that few inputs lead to come first, and keep their short names.
        decided = pending.pop(0)
        walk = WorkflowSearch.of(decided)
        try:
            steps = blocks.steps(walk, "")
        except OpenChoiceError as question:
            # Only the question that stopped the walk is decided: most combinations of all inputs lead to the same
            # steps.
            pending += [{**decided, question.name: False}, {**decided, question.name: True}]
            continue
        except InputError:  # a choice was triggered without what it requires: no workflow
            continue
        looked_at += 1
        paths = tuple(step.path for step in all_nodes(steps))
        # Inputs that decide nothing for each other give the same steps twice.
        if paths in seen:
            continue
        seen.add(paths)
        given = tuple(name for name, is_given in decided.items() if is_given)
        yield Workflow("+".join(given) or "default", given, tuple(steps), frozenset(walk.taken))


def named_workflows(blocks: ModularPipelineBlocks) -> dict[str, tuple[str, ...]]:
    """Return the names of workflows with the inputs that lead to them, as the class lists them, else one per choice of
    branches.
    """
    listed: Mapping[str, Any] | None = getattr(blocks, "workflow_map", None) or getattr(blocks, "_workflow_map", None)
    if listed is None:
        return {workflow.name: workflow.given for workflow in all_workflows(blocks)}
    return {name: _trigger_names(triggers) for name, triggers in listed.items()}


def _trigger_names(triggers: Iterable[str]) -> tuple[str, ...]:
    """Return, of several spellings of one workflow in a tuple of dicts, the first."""
    if isinstance(triggers, tuple) and triggers and isinstance(triggers[0], Mapping):
        triggers = triggers[0]
    if isinstance(triggers, Mapping):
        return tuple(name for name, value in triggers.items() if value is not None and value is not False)
    return tuple(triggers)


def find_workflow(blocks: ModularPipelineBlocks, name: str | None) -> Workflow:
    """Return a workflow by name; None is the one that runs when nothing is given.

    Raises:
        CompositionError: there is no such workflow.
    """
    known = named_workflows(blocks)
    if name is not None and name not in known:
        raise CompositionError(f"There is no workflow {name!r}. {did_you_mean(name, known)}")
    return made_workflow(blocks, name, known[name] if name is not None else ())


def made_workflow(blocks: ModularPipelineBlocks, name: str | None, given: Iterable[str] = ()) -> Workflow:
    """Return the workflow that runs when these inputs are given, under a name that `named_workflows` has for it."""
    given = tuple(given)
    walk = WorkflowSearch(frozenset(given), decided=_Rest(dict.fromkeys(given, True)))
    steps = blocks.steps(walk, "")
    return Workflow(name or "default", tuple(given), tuple(steps), frozenset(walk.taken))


class _Rest(dict[str, bool]):
    """Decisions of which all that is not said is no."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> bool:
        return False
