"""What a row of the corpus is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from attrs import field, frozen
from toys import PLACES

Words = tuple[str | tuple[str, ...], ...]


@frozen
class Faulty:
    """A composition with a fault in it.

    Attributes:
        kind: of the fault. name: of the row, in a few words. make: builds it, and edits it.
        says: words that the error must have, in any case; of a tuple of words, one.
        by: where it must be found at the latest: while classes are made, when it is composed (`from_blocks_dict`, an edit, `check()` or
            `init_pipeline()`), at the call before anything is computed, or in the run, where no one can know before.
        call: what the call gives, or what is done with the pipeline. warns: a warning in the report suffices.
    """

    kind: str
    name: str
    make: Callable[[], Any]
    says: Words
    by: Literal["class", "composition", "call", "run"] = "composition"
    call: dict[str, Any] | Callable[[Any], Any] = field(factory=dict)
    warns: bool = False


@frozen
class Right:
    """A composition without a fault.

    Attributes:
        kind, name, make: as above. call: what the call gives; None where it is not run. gives: outputs and what they must be.
        holds: what must be true of the blocks.
    """

    kind: str
    name: str
    make: Callable[[], Any]
    call: dict[str, Any] | None = None
    gives: dict[str, Any] = field(factory=dict)
    holds: Callable[[Any], bool] = lambda blocks: True


def placed(
    kind: str,
    name: str,
    parts: dict[str, Any],
    says: Words,
    places: Iterable[str] = tuple(PLACES),
    call: dict[str, Any] | None = None,
    **how: Any,
) -> list[Faulty]:
    """Put the same faulty blocks into several places, a row each.

    What a branch needs that is chosen in the run is known in the run, so there what else is due at the call is due then.
    """
    late = {"by": "run"} if how.get("by") == "call" else {}
    return [
        Faulty(
            kind,
            f"{name}, {place}",
            lambda place=place: PLACES[place][0](**(parts() if callable(parts) else parts)),
            says,
            call={**(call or {}), **PLACES[place][1]},
            **{**how, **(late if place == "choice" else {})},
        )
        for place in places
    ]
