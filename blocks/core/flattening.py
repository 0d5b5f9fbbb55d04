"""What is known while a composition is flattened to steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field


@define
class Flattening:
    """State of one walk over a composition.

    Attributes:
        given: inputs that the caller gives with a value other than None.
        written: values that a block before this point (or anywhere in a surrounding loop) may write.
        loop_variables: names that the surrounding loops yield. triggers: names that decided a choice.
        taken: paths of the branches that were taken, or that the run may take.
        skipped: path of each choice that is decided to the branches that do not run, and why.
        keeps_choices: nothing is decided; every branch is kept.
    """

    given: frozenset[str]
    written: set[str] = field(factory=set)
    loop_variables: tuple[str, ...] = ()
    triggers: set[str] = field(factory=set)
    taken: set[str] = field(factory=set)
    skipped: dict[str, str] = field(factory=dict)
    keeps_choices: bool = False

    def has(self, name: str) -> bool:
        """Return whether the caller gives an input."""
        return name in self.given


# An exception and not a return value: the question comes up deep inside of a recursion that knows nothing of the
# search.
class OpenChoiceError(Exception):
    """A choice hangs on an input of which an exploration has not said yet whether it is given."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@define
class WorkflowSearch(Flattening):
    """A walk on which only some inputs are decided; the first question about another one ends it."""

    decided: Mapping[str, bool] = field(factory=dict)

    @classmethod
    def of(cls, decided: Mapping[str, bool]) -> WorkflowSearch:
        """Start a walk."""
        return cls(frozenset(name for name, is_given in decided.items() if is_given), decided=decided)

    def has(self, name: str) -> bool:
        """Return whether the input was decided to be given; raises OpenChoiceError if nothing was."""
        if name not in self.decided:
            raise OpenChoiceError(name)
        return self.decided[name]


def joined(path: str, name: str) -> str:
    """Return path of a block in a container."""
    return f"{path}.{name}" if path else name


def walk(block: object, path: str = "") -> Any:
    """Return every block of a composition with its path, containers before what is in them."""
    yield path, block
    for name, part in getattr(block, "sub_blocks", {}).items():
        yield from walk(part, joined(path, name))
