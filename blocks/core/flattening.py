"""What is known while a composition is flattened to steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar

from attrs import define, evolve, field

from ...engine import Node
from ...engine.conditions import ALWAYS, NEVER, Condition
from ...engine.scoped_names import scope_of
from ...state import CompositionError
from .scope_names import Around, ScopeNames, explained_at, value_outside

T = TypeVar("T")


@define
class Flattening:
    """State of one walk over a composition, for one set of given inputs. `ConditionalFlattening` is one for all sets at once.

    Attributes:
        given: inputs that the caller gives with a value other than None.
        written: values that a block before this point (or anywhere in a surrounding loop) may write, and when.
        loop_variables: names that the surrounding loops yield. triggers: names that decided a choice.
        taken: paths of the branches that were taken, or that the run may take, and when.
        skipped: path of each choice that is decided to the branches that do not run, and why.
        keeps_choices: nothing is decided; every branch is kept.
        guard: when this point of the walk is reached.
        known: values of given inputs, where somebody asks for the blocks of just these; else None.
        counts_written: what a block before this point writes counts as there, as in workflows of diffusers.
        scopes: around this point, from the outermost to the innermost. Blocks ask for names as they know them; everything above is
            by the names outside of all scopes, and what is private to one by those of the plan.
        faults: what cannot be meant, of mappings of scopes.
    """

    given: frozenset[str]
    written: dict[str, Condition] = field(factory=dict)
    loop_variables: tuple[str, ...] = ()
    triggers: set[str] = field(factory=set)
    taken: dict[str, Condition] = field(factory=dict)
    skipped: dict[str, str] = field(factory=dict)
    keeps_choices: bool = False
    guard: Condition = ALWAYS
    known: Mapping[str, Any] | None = None
    counts_written: bool = False
    scopes: Around = ()
    faults: list[str] = field(factory=list)

    def outside_name(self, name: str) -> str | None:
        """Return the name under which a caller gives what blocks at this point call `name`; None for what does not come from outside."""
        return value_outside(self.scopes, name)

    def name_in_plan(self, name: str) -> str:
        """Return what the plan calls the value that blocks at this point call `name`."""
        for names in reversed(self.scopes):
            if name in names.private:
                return names.of(name)
        return name

    def explained(self, text: str) -> str:
        """Add to a text what the names in it are outside of the scopes around this point."""
        return explained_at(self.scopes, text)

    def has(self, name: str) -> bool:
        """Return whether the caller gives an input."""
        return self.outside_name(name) in self.given

    def surely_has(self, name: str) -> bool:
        """Return whether it is known by now that the caller gives an input; this asks nobody."""
        return self.outside_name(name) in self.given

    def may_find(self, name: str) -> bool:
        """Return whether a block before this point may have written a value."""
        return bool(self.written.get(self.name_in_plan(name), NEVER))

    def note_triggers(self, names: Iterable[str]) -> None:
        """Say that a choice was decided by names."""
        self.triggers |= {outside for name in names if (outside := self.outside_name(name)) is not None}

    def entered(self, names: ScopeNames) -> Self:
        """Return a walk into a scope, in which nothing is there yet but what is let in."""
        for name in [name for name in self.written if scope_of(name) == names.path]:
            del self.written[name]
        inner = evolve(self, scopes=(*self.scopes, names))
        for name, outside in names.let_in.items():
            self.written[names.of(name)] = self.written.get(self.name_in_plan(outside), NEVER)
        return inner

    def lacking(self, names: Sequence[str]) -> list[str]:
        """Return the names that neither a block writes nor the caller gives."""
        return [name for name in names if not self.may_find(name) and not self.has(name)]

    def note_written(self, names: Iterable[str]) -> None:
        """Say that a block at this point may write values."""
        for name in map(self.name_in_plan, names) if self.scopes else names:
            self.written[name] = self.written.get(name, NEVER) | self.guard

    def note_taken(self, path: str) -> None:
        """Say that a branch is taken at this point."""
        self.taken[path] = self.taken.get(path, NEVER) | self.guard

    def raise_faults(self) -> None:
        """Raise CompositionError if a mapping of a scope cannot be meant."""
        if self.faults:
            raise CompositionError.of("The blocks do not fit together", self.faults)

    def outcomes(self, question: Callable[[Self], T]) -> list[tuple[Self, T]]:
        """Return every answer to a question about what is given and written, with the walk that goes on from there."""
        return [(self, question(self))]

    def branched(self) -> Self:
        """Return a walk into a branch, of which others do not see what is written in it."""
        return evolve(self, written=dict(self.written))

    def rejoin(self, branches: Collection[Flattening]) -> None:
        """Go on behind branches of which any may have run: what one of them writes may be there."""
        for branch in branches:
            for name, when in branch.written.items():
                self.written[name] = self.written.get(name, NEVER) | when

    def placed(self, steps: Iterable[Node]) -> list[Node]:
        """Return steps that stand at this point, with the condition for it."""
        found = [(step, step.guard & self.guard) for step in steps]
        return [step if guard is step.guard else evolve(step, guard=guard) for step, guard in found]


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
        outside = self.outside_name(name)
        if outside is None:
            return False
        if outside not in self.decided:
            raise OpenChoiceError(outside)
        return self.decided[outside]


def joined(path: str, name: str) -> str:
    """Return path of a block in a container."""
    return f"{path}.{name}" if path else name


Part = tuple[str, Any]
"""A block of a composition with its path."""


def walk(block: object, path: str = "") -> Iterator[Part]:
    """Return every block of a composition with its path, containers before what is in them."""
    yield path, block
    inside = f"{path}." if path else ""
    for name, part in getattr(block, "sub_blocks", {}).items():
        if getattr(part, "sub_blocks", None):
            yield from walk(part, inside + name)
        else:
            yield inside + name, part


def walk_scopes(block: Any, path: str = "", around: Around = ()) -> Iterator[tuple[str, Any, Around]]:
    """Yield every block of a composition with its path and the scopes around it, as `walk` does."""
    yield path, block, around
    names_at = getattr(block, "names_at", None)
    inner = around if names_at is None else (*around, names_at(path))
    for name, part in getattr(block, "sub_blocks", {}).items():
        yield from walk_scopes(part, joined(path, name), inner)


def names_on_path(block: Any, path: str) -> Iterator[str]:
    """Yield the names of the blocks on the way to one; in a row of paths a name may hold dots itself."""
    while path:
        parts = getattr(block, "sub_blocks", {})
        name = next((name for name in parts if path == name or path.startswith(f"{name}.")), path.partition(".")[0])
        yield name
        block, path = parts.get(name), path[len(name) + 1 :]
