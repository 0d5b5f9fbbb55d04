"""One walk over a composition for all sets of given inputs at once: every step gets the condition under which it is there.

A choice is not followed in one way: whatever it asks about the inputs splits the walk, and each answer goes on under its condition.
So the steps of all workflows stand in one row, and independent choices add up where their combinations would multiply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Self, TypeVar

from attrs import define, evolve, field, frozen

from ...engine import Node
from ...engine.conditions import ALWAYS, NEVER, Condition, Conditions
from ...engine.nodes import guarded_nodes
from ...state import InputError
from .flattening import Flattening, walk

if TYPE_CHECKING:
    from .base import ModularPipelineBlocks

T = TypeVar("T")


class _UnsureError(Exception):
    """An answer hangs on a condition that holds in some of the cases for which a part of the composition is walked."""

    def __init__(self, condition: Condition) -> None:
        super().__init__()
        self.condition = condition


@define
class _Findings:
    """What all parts of one walk have found together.

    Attributes:
        asked: inputs that a choice has asked for, and when. remembered: questions whether one was given that asked for nothing, each
            with when it was put, and when the input had been asked for by then.
        refused: when a choice is triggered without what it requires, so that there is no workflow.
    """

    conditions: Conditions = field(factory=Conditions)
    asked: dict[str, Condition] = field(factory=dict)
    remembered: list[tuple[str, Condition, Condition]] = field(factory=list)
    refused: Condition = NEVER

    def note_asked(self, name: str, when: Condition) -> None:
        self.asked[name] = self.asked.get(name, NEVER) | when

    @property
    def is_outdated(self) -> bool:
        """Whether a choice would have gone another way if it had known what was asked for behind it."""
        return any(
            when & self.conditions.given(name) & self.asked.get(name, NEVER) & ~asked
            for name, when, asked in self.remembered
        )


@define
class ConditionalFlattening(Flattening):
    """State of the walk for all sets of given inputs, or for those that fulfil `guard`."""

    found: _Findings = field(factory=_Findings)

    def has(self, name: str) -> bool:
        """Return whether the caller gives an input; where some do and some do not, the walk is split."""
        outside = self.outside_name(name)
        if outside is None:
            return False
        self.found.note_asked(outside, self.guard)
        return self._holds(self.found.conditions.given(outside))

    def surely_has(self, name: str) -> bool:
        """Return whether a choice has asked for an input, and it is given."""
        outside = self.outside_name(name)
        if outside is None:
            return False
        asked = self.found.asked.get(outside, NEVER)
        self.found.remembered.append((outside, self.guard, asked))
        return self._holds(asked & self.found.conditions.given(outside))

    def may_find(self, name: str) -> bool:
        """Return whether a block before this point may have written a value."""
        return self._holds(self.written.get(self.name_in_plan(name), NEVER))

    def lacking(self, names: Sequence[str]) -> list[str]:
        """Return all names if one of them is neither written nor given: which it is makes no difference here."""
        there = ALWAYS
        for name in names:
            written = self.written.get(self.name_in_plan(name), NEVER)
            outside = self.outside_name(name)
            given = NEVER if outside is None else self.found.conditions.given(outside)
            if outside is not None:
                self.found.note_asked(outside, self.guard & ~written)
            there &= written | given
        return [] if self._holds(there) else list(names)

    def outcomes(self, question: Callable[[Self], T]) -> list[tuple[Self, T]]:
        """Return every answer with a walk for all cases in which it is that, without cases in which it is refused."""
        answers: list[tuple[Condition, T]] = []
        pending = [self.guard]
        while pending:
            guard = pending.pop()
            try:
                answer = question(evolve(self, guard=guard))
            except _UnsureError as open_question:
                # The case in which it holds first, so that branches come in the order of their priority.
                pending += [guard & ~open_question.condition, guard & open_question.condition]
            except InputError:
                self.found.refused |= guard
            else:
                known = next((at for at, (_, other) in enumerate(answers) if other == answer), len(answers))
                merged = guard | (answers[known][0] if known < len(answers) else NEVER)
                answers[known : known + 1] = [(merged, answer)]
        return [(evolve(self, guard=guard), answer) for guard, answer in answers]

    def _holds(self, condition: Condition) -> bool:
        part = self.guard & condition
        if part and part is not self.guard:
            raise _UnsureError(condition)
        return bool(part)


@frozen(slots=False)
class AllWorkflows:
    """The steps of all workflows in one row.

    Attributes:
        steps: each with its condition. possible: which sets of inputs lead to a workflow. when_taken: paths of the branches that some
            of them take, and which. conditions: what all of these are made of.
    """

    steps: tuple[Node, ...]
    possible: Condition
    when_taken: Mapping[str, Condition]
    conditions: Conditions

    @cached_property
    def number(self) -> tuple[int, bool]:
        """How many different workflows there are, and whether that was all; of more than can be counted it is a lower bound."""
        # By what is in them, since inputs that decide nothing for each other lead to the same steps.
        there: dict[str, Condition] = {}
        for node, guard in guarded_nodes(self.steps):
            there[node.path] = there.get(node.path, NEVER) | guard
        return self.conditions.patterns(list(there.values()), self.possible)

    @classmethod
    def of(cls, blocks: ModularPipelineBlocks) -> Self:
        """Walk over a composition.

        Raises:
            CompositionError: a container in it is empty, or cannot be made steps of.
        """
        found = _Findings()
        for name in _names_in_order(blocks):
            found.conditions.given(name)
        while True:
            flattening = ConditionalFlattening(frozenset(), found=found)
            parts = flattening.outcomes(lambda way: blocks.steps(way, ""))
            if not found.is_outdated:
                break
            # A search that decides one input after the other begins anew with each, so that a choice also knows of inputs that only
            # later ones have asked for. That matters where the branches of a choice in the run do not see what the others write.
            found = _Findings(found.conditions, found.asked)
        possible = ~found.refused
        steps = tuple(step for way, part in parts for step in way.placed(part))
        taken = {path: part for path, when in flattening.taken.items() if (part := when & possible)}
        return cls(steps, possible, taken, found.conditions)


def _names_in_order(blocks: object) -> Iterable[str]:
    """Return the triggers of all choices, and behind each what its branch requires.

    A condition is small where the names that hang together are asked for one after the other, and this is how most do; in another
    order as many pairs of a trigger and a requirement would need two to the power of their number.
    """
    order: list[str] = []
    for _, block in walk(blocks):
        # Choices by inputs have it, whose class is made of this module.
        requires = getattr(block, "block_requires", None)
        if requires is not None:
            for branch, trigger in zip(block.sub_blocks, block.block_trigger_inputs, strict=False):
                for name in filter(None, [trigger, *requires.get(branch, ())]):
                    if name not in order:
                        order.insert(order.index(trigger) + 1 if trigger in order else len(order), name)
    return order
