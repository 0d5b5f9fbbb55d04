"""The workflows that a composition's choices allow, each with its exact interface."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ...engine import Node
from ...engine.nodes import all_nodes
from ...engine.planning.dataflow import trace
from ...engine.planning.flow import Dataflow
from ...engine.scoped_names import scope_of
from ...state import InputError, InputParam, OutputParam
from ...state.types import plain_type
from .flattening import OpenChoiceError, WorkflowSearch
from .schema import input_schema

if TYPE_CHECKING:
    from .base import ModularPipelineBlocks


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
        needed = {
            name: evolve(missing.param, name=name) for name, missing in self.flow.missing.items() if not scope_of(name)
        }
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
            name = self.flow.outside_name(str(read.param.name))
            # Of an earlier block, or of the loop's iteration before; or private to a scope, so that nobody can give it.
            if read.sources.versions or scope_of(name):
                continue
            known = found.get(name)
            if known is None or (known.type_hint is None and read.param.type_hint is not None):
                found[name] = read.param if read.param.name == name else evolve(read.param, name=name)
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


def all_workflows(blocks: ModularPipelineBlocks, *, few: bool) -> Iterator[Workflow]:
    """Yield every workflow that some inputs lead to, each list of steps once.

    Args:
        few: those come first for which the fewest choices ask, which takes all of them at once into memory. Else it begins with what
            runs if nothing is given, and each is worked out when it is asked for.

    Raises:
        CompositionError: the blocks do not fit together.
    """
    pending: deque[dict[str, bool]] = deque([{}])
    seen: set[int] = set()
    while pending:
        # From the front: workflows that few inputs lead to come first, and keep their short names.
        decided = pending.popleft() if few else pending.pop()
        walk = WorkflowSearch.of(decided)
        try:
            steps = blocks.steps(walk, "")
        except OpenChoiceError as question:
            # Only the question that stopped the walk is decided: most combinations of all inputs lead to the same
            # steps.
            answers = [{**decided, question.name: False}, {**decided, question.name: True}]
            pending += answers if few else reversed(answers)
            continue
        except InputError:  # a choice was triggered without what it requires: no workflow
            continue
        paths = hash(tuple(step.path for step in all_nodes(steps)))
        # Inputs that decide nothing for each other give the same steps twice.
        if paths not in seen:
            seen.add(paths)
            yield _workflow(decided, steps, walk)


def _workflow(decided: Mapping[str, bool], steps: Iterable[Node], walk: WorkflowSearch) -> Workflow:
    given = tuple(name for name, is_given in decided.items() if is_given)
    return Workflow("+".join(given) or "default", given, tuple(steps), frozenset(walk.taken))


def workflow_by_inputs(blocks: ModularPipelineBlocks, given: Collection[str]) -> Workflow | None:
    """Return the workflow that some inputs lead to, under the name that follows from what its choices ask; None if there is none."""
    decided: dict[str, bool] = {}
    while True:
        walk = WorkflowSearch.of(decided)
        try:
            return _workflow(decided, blocks.steps(walk, ""), walk)
        except OpenChoiceError as question:
            decided[question.name] = question.name in given
        except InputError:
            return None


def made_workflow(blocks: ModularPipelineBlocks, name: str | None, given: Iterable[str] = ()) -> Workflow:
    """Return the workflow that runs when these inputs are given, under a name that it has in `workflow_names`."""
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
