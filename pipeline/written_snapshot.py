"""The schema of what a snapshot's file says beside its values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from attrs import field, frozen

from ..state.structure import Check, Data
from .recipes.written_recipe import Digest, WrittenRecipe


def _is_frame(parts: tuple[Any, ...]) -> bool:
    if len(parts) != 4 or not isinstance(parts[0], str) or not isinstance(parts[3], (list, tuple)):
        return False
    iteration, branch = parts[1], parts[2]
    # `type`, because True is an int, and would be iteration 1.
    is_iteration = iteration is None or (type(iteration) is int and 0 <= iteration < 1 << 31)
    return (
        is_iteration and (branch is None or isinstance(branch, str)) and all(isinstance(name, str) for name in parts[3])
    )


WrittenFrame = Annotated[tuple[Any, ...], Check("a path, an iteration, a branch and a list of names", _is_frame)]
"""One level of a position: see `engine.position.Frame`."""
WrittenPosition = Annotated[tuple[WrittenFrame, ...], Check("at least one step", lambda frames: len(frames) > 0)]


@frozen
class WrittenSnapshot:
    """Says where a run stood, with its recipe, which inputs it had and whether each was None, and what it was asked for.

    Attributes:
        live: classes of the values that are objects with a state. frozen: of what the run trains, digests of what does not learn.
    """

    position: WrittenPosition
    groups: Mapping[str, tuple[str, ...]]
    recipe: WrittenRecipe
    given: Mapping[str, bool]
    output: Data
    is_seeded: bool
    live: Mapping[str, str] = field(factory=dict)
    frozen: Mapping[str, Digest] = field(factory=dict)
