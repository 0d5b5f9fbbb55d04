"""What a pipeline has worked out of its blocks, and keeps for as long as they are the same composition."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from itertools import islice
from typing import Any

from attrs import define, field

from ..blocks.checks.call_checks import CallChecks
from ..blocks.classic.classic_block import ClassicBlock
from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.flattening import walk, walk_scopes
from ..blocks.core.from_diffusers import DiffusersBlock
from ..blocks.core.scope_names import component_outside
from ..blocks.core.signature_block import SignatureBlock
from ..blocks.core.workflow_names import MOST
from ..blocks.core.workflows import all_workflows
from ..engine import Plan
from ..families.contract import UNBOUND, FamilyContract, bound_family
from ..pipeline.composition_version import CompositionVersion
from .recipes.recipe_of_run import Description

_PROMPT = "prompt"
_NEEDS: dict[tuple[object, ...], tuple[tuple[FamilyContract, ...], tuple[frozenset[str], ...]]] = {}
"""Contracts of a composition, and what its workflows require, by what it is."""
_MOST_NEEDS = 64


@define(eq=False)
class KeptPlans:
    """What follows from one version of the blocks.

    After an edit a pipeline takes a new one, and does not empty this: a run in another thread that began before the edit puts what it
    works out here, where nobody looks any more.

    Attributes:
        version: of the blocks. plans: by what is given. checks: of each plan, what is looked at before a run.
        description: the blocks as data. forms: of each workflow, what its schema has of the blocks. checked_components: of each plan, components that its blocks take together.
    """

    version: CompositionVersion
    plans: dict[Any, Plan] = field(factory=dict)
    checks: dict[Plan, CallChecks] = field(factory=dict)
    description: Description | None = None
    forms: dict[str | None, Any] = field(factory=dict)
    checked_components: dict[Plan, tuple[Callable[[], object], ...]] = field(factory=dict)

    @classmethod
    def of(cls, blocks: object) -> KeptPlans:
        """Start with blocks as they are now, and nothing worked out."""
        return cls(CompositionVersion.of(blocks))

    # A composition gathers its inputs anew whenever it is asked, which takes 4 ms for text to image and 60 for all tasks: too long
    # for each run.
    @cached_property
    def input_names(self) -> list[str]:
        """Return the names of all inputs."""
        names: list[str] = self.version.root.input_names
        return names

    @cached_property
    def group_names(self) -> frozenset[str]:
        """Return the names of the groups that blocks read whole; a call may give each as a dict."""
        groups = {str(param.kwargs_type) for param in self.version.root.all_inputs if param.name is None}
        return frozenset(groups - set(self.input_names))

    @cached_property
    def first_input(self) -> str | None:
        """Return the input that a value given by position is: the prompt, or what the family is told in its place; else the first that
        is required; None if none is.
        """
        family = bound_family(block for _, block in walk(self.version.root))
        for name in (_PROMPT, *(part.positive for part in family.fields("prompts")[:1])):
            if name in self.input_names:
                return name
        return next(iter(self.version.root.required_inputs), None)

    @cached_property
    def default_inputs(self) -> dict[str, Any]:
        """Return the blocks' own values for inputs that nobody gives."""
        params = self.version.root.all_inputs
        return {str(param.name): param.default for param in params if param.default is not None}

    @cached_property
    def dispensable(self) -> frozenset[str]:
        """Return components without which all blocks that ask for them run, where there are none: blocks of diffusers look
        themselves whether there is one, and families say it of some of theirs.
        """
        spared, needed = set[str](), set[str]()
        for _, block, around in walk_scopes(self.version.root):
            if not hasattr(block, "sub_blocks"):
                asked = {str(spec.name) for spec in block.expected_components}
                own = set(block.optional_names()) if isinstance(block, SignatureBlock) else set[str]()
                without = asked if isinstance(block, (DiffusersBlock, ClassicBlock)) else own
                spared.update(component_outside(around, name) for name in without)
                needed.update(component_outside(around, name) for name in asked - without)
        return frozenset(spared - needed)

    @cached_property
    def expendable(self) -> frozenset[str]:
        """Return components that need not be said to be absent: classic pipelines of diffusers declare that they run without, and nobody else
        asks for them.
        """
        spared, needed = set[str](), set[str]()
        for _, block, around in walk_scopes(self.version.root):
            if not hasattr(block, "sub_blocks"):
                without = block.optional_names() if isinstance(block, ClassicBlock) else frozenset[str]()
                for spec in block.expected_components:
                    (spared if spec.name in without else needed).add(component_outside(around, str(spec.name)))
        return frozenset(spared - needed)

    @cached_property
    def workflow_needs(self) -> tuple[frozenset[str], ...]:
        """Return the inputs that each workflow requires, that of nothing given first; none of a composition of very many workflows."""
        # Half a second for all tasks, and a server makes many copies of one composition; its identity takes 4 ms.
        identity = self._identity()
        if identity is not None and identity in _NEEDS:
            return _NEEDS[identity][1]
        found = list(islice(all_workflows(self.version.root, few=False), MOST + 1))
        needs = dict.fromkeys(frozenset(str(param.name) for param in each.required) for each in found)
        answer = tuple(needs) if len(found) <= MOST else ()
        if identity is not None:
            if len(_NEEDS) >= _MOST_NEEDS:
                _NEEDS.clear()
            # With the contracts, so that no other one comes to lie at the place of one of them.
            _NEEDS[identity] = self.families, answer
        return answer

    def _identity(self) -> tuple[object, ...] | None:
        """Return what tells the blocks apart from others, in this process; None where something on them has no content to compare, and for
        classes that do not lie in a package, which somebody may define anew.
        """
        description = Description.of(self.version.root)
        if description.classes or None in description.attributes:
            return None
        # In the order of the blocks, as the data have it.
        return json.dumps(description.data), description.attributes, tuple(map(id, self.families))

    @cached_property
    def families(self) -> tuple[FamilyContract, ...]:
        """Return the contracts that blocks are bound to, each once."""
        return families_of(self.version.root)


def families_of(blocks: ModularPipelineBlocks) -> tuple[FamilyContract, ...]:
    """Return the contracts that blocks are bound to, each once, in the order of the blocks."""
    bound = {id(block.family): block.family for _, block in walk(blocks)}
    return tuple(family for family in bound.values() if family is not UNBOUND)
