"""The names of a composition's workflows: listed where there are few, and looked up one by one where there are many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, overload

from ...state import UnknownWorkflowError
from ...state.errors import nearest
from ...state.given import given_name
from .conditional_flattening import AllWorkflows
from .workflows import Workflow, all_workflows, made_workflow, workflow_by_inputs

if TYPE_CHECKING:
    from .base import ModularPipelineBlocks

# Each question of a choice may double the number.
MOST = 512
"""Workflows that are listed at once, at most."""


def workflow_names(blocks: ModularPipelineBlocks) -> Sequence[str]:
    """Return the names of workflows, as the class lists them, else one per choice of branches.

    More than `MOST` are not a list: the sequence knows how many there are and whether a name is one of them, and makes each name when
    it is asked for.
    """
    listed = listed_workflows(blocks)
    if listed is not None:
        return list(listed)
    number, is_exact = AllWorkflows.of(blocks).number
    if number > MOST:
        return ManyNames(blocks, number, is_exact)
    return [workflow.name for workflow in all_workflows(blocks, few=True)]


def find_workflow(blocks: ModularPipelineBlocks, name: str | None) -> Workflow:
    """Return a workflow by name; None is the one that runs when nothing is given.

    Raises:
        CompositionError: there is no such workflow.
    """
    if name is None:
        return made_workflow(blocks, None)
    given_name(name, "The name of a workflow")
    listed = listed_workflows(blocks)
    given = _by_name(blocks, name) if listed is None else listed.get(name)
    if given is None:
        known = list(islice(workflow_names(blocks), MOST))
        match = nearest(name, known)
        near = f"Did you mean {match!r}? " if match else ""
        rest = ", ..." if len(known) > _MOST_SHOWN else ""
        raise UnknownWorkflowError(
            f"There is no workflow {name!r}. {near}Available workflows: {', '.join(known[:_MOST_SHOWN])}{rest}."
        )
    return made_workflow(blocks, name, given)


_MOST_SHOWN = 20


class ManyNames(Sequence[str]):
    """The names of more workflows than anybody reads. They begin with "default", which runs if nothing is given."""

    def __init__(self, blocks: ModularPipelineBlocks, number: int, is_exact: bool) -> None:
        self._blocks = blocks
        self._number = number
        self._is_exact = is_exact

    def __len__(self) -> int:
        return self._number

    def __iter__(self) -> Iterator[str]:
        return (workflow.name for workflow in all_workflows(self._blocks, few=False))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _by_name(self._blocks, name) is not None

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        wanted = range(len(self))[index]
        numbers = wanted if isinstance(wanted, range) else range(wanted, wanted + 1)
        last = max(numbers, default=-1)
        names = list(islice(self, last + 1))
        return [names[number] for number in numbers] if isinstance(index, slice) else names[last]

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, islice(self, 3)))
        return f"<{'' if self._is_exact else 'more than '}{len(self)} workflows: {shown}, ...>"


def _by_name(blocks: ModularPipelineBlocks, name: str) -> tuple[str, ...] | None:
    """Return the inputs of which a name consists, if a workflow is called so; None if none is."""
    workflow = workflow_by_inputs(blocks, () if name == "default" else name.split("+"))
    return None if workflow is None or workflow.name != name else workflow.given


def listed_workflows(blocks: ModularPipelineBlocks) -> dict[str, tuple[str, ...]] | None:
    """Return the names that the class lists, with the inputs that lead to each."""
    listed: Mapping[str, Any] | None = getattr(blocks, "workflow_map", None) or getattr(blocks, "_workflow_map", None)
    return None if listed is None else {name: _trigger_names(triggers) for name, triggers in listed.items()}


def _trigger_names(triggers: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name, value in trigger_values(triggers).items() if value is not None and value is not False)


def trigger_values(triggers: Iterable[str]) -> dict[str, Any]:
    """Return the inputs that lead to a workflow, with the values listed for them; of several spellings in a tuple of dicts the first."""
    if isinstance(triggers, tuple) and triggers and isinstance(triggers[0], Mapping):
        triggers = triggers[0]
    return dict(triggers) if isinstance(triggers, Mapping) else dict.fromkeys(triggers, True)
