"""What a pipeline has worked out of its blocks, and keeps for as long as they are the same composition."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from ..blocks.core.composition_version import CompositionVersion
from ..blocks.core.input_checks import FaultFinder
from ..engine import Plan
from .recipes.recipe_of_run import Description


@define(eq=False)
class KeptPlans:
    """What follows from one version of the blocks.

    After an edit a pipeline takes a new one, and does not empty this: a run in another thread that began before the edit puts what it
    works out here, where nobody looks any more.

    Attributes:
        version: of the blocks. plans: by what is given. expected: of each plan, what its inputs must be, what they should be by the hints
            of others, and functions that find faults in them.
        description: the blocks as data. checked_components: ids of components that the blocks take together.
    """

    version: CompositionVersion
    plans: dict[Any, Plan] = field(factory=dict)
    expected: dict[Plan, tuple[dict[str, Any], dict[str, Any], list[FaultFinder]]] = field(factory=dict)
    description: Description | None = None
    checked_components: tuple[int, ...] | None = None

    @classmethod
    def of(cls, blocks: object) -> KeptPlans:
        """Start with blocks as they are now, and nothing worked out."""
        return cls(CompositionVersion.of(blocks))
