"""The three kinds of steps that a plan consists of, as blocks hand them over.

All steps of a plan run; where all workflows of a composition are looked at together, `guard` says under which inputs a step is there.
A step says what it reads and writes by name. `bind` is called once per plan with the names that are there when the
step is reached; what it returns is called once per run (components, device, settings) and gives a function over the
values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ..state import InputParam, OutputParam
from .conditions import ALWAYS, Condition

if TYPE_CHECKING:
    from .run import Run

Values = dict[str, Any]
Call = Callable[[Values], object]
Identity = Callable[[Mapping[str, Any]], Any]
"""From a pipeline's configs to what says which code a step runs, with which options: data or code to digest."""

Iterations = Callable[[Values], tuple[Iterable[Values], int | None]]


@frozen
class Presence:
    """Holds the names that a step will find: `known` always, `maybe` depending on what happens in the run.

    Attributes:
        path: of the step. writers: of the names in `maybe`, the paths of the steps that may write each.
    """

    known: frozenset[str]
    maybe: frozenset[str] = frozenset()
    path: str = ""
    writers: Mapping[str, Sequence[str]] = field(factory=dict)


@frozen
class Undeclared:
    """Holds what foreign code in a loop may write without saying so: `names`, and anything else if `others`."""

    names: tuple[str, ...] = ()
    others: bool = False


@frozen(eq=False)
class BlockNode:
    """One block's work.

    Attributes:
        path: where the block stands, as in "denoise.denoiser".
        components: names of the components it uses. mutates: those of them whose state it changes.
        bind: see above. typed: its types are checked annotations, not the hints of foreign code.
        undeclared: in a loop, what its siblings may find of it besides `writes`.
        trains: those of them whose weights it changes, for good.
        finite: what it writes that must hold no NaN.
        config_only: those components of which it reads the configuration and needs no weights.
        identity: what code it runs; without it nothing is kept of its results.
        advice: what a person can do where memory runs out in it.
        whole: from components by name to those that cannot come in parts for it, with why, as the end of a sentence.
        hands_on: what it does is to give values another name: written name to the name that is read. Such a value is there behind it
            where it was there before it.
        opens, closes: path of the scope that begins, or ends, with it; a private value ends with its scope.
    """

    path: str
    reads: tuple[InputParam, ...]
    writes: tuple[OutputParam, ...]
    bind: Callable[[Presence], Callable[[Run], Call]]
    components: tuple[str, ...] = ()
    mutates: tuple[str, ...] = ()
    typed: bool = True
    undeclared: Undeclared | None = None
    config_only: tuple[str, ...] = ()
    identity: Identity | None = None
    advice: tuple[str, ...] = ()
    guard: Condition = ALWAYS
    hands_on: Mapping[str, str] = field(factory=dict)
    opens: str | None = None
    closes: str | None = None
    whole: Callable[[Mapping[str, Any]], Mapping[str, str]] | None = None
    trains: tuple[str, ...] = ()
    finite: tuple[str, ...] = ()

    @property
    def weights(self) -> frozenset[str]:
        """Components that it computes with."""
        return frozenset(self.components) - frozenset(self.config_only)


@frozen(eq=False)
class LoopNode:
    """Steps that are repeated.

    Attributes:
        reads: what `iterate` takes. variables: what it yields for every iteration.
        counted: what `count` takes.
        trains: components whose weights it changes. gradients: whether they are recorded in it; None leaves it to what is around.
        bind_iterations: as `bind`; its function gives the iterations (dicts of variables) and their number, None if unknown.
    """

    path: str
    reads: tuple[InputParam, ...]
    variables: tuple[OutputParam, ...]
    body: tuple[Node, ...]
    bind_iterations: Callable[[Presence], Callable[[Run], Iterations]]
    components: tuple[str, ...] = ()
    mutates: tuple[str, ...] = ()
    typed: bool = True
    identity: Identity | None = None
    counted: tuple[InputParam, ...] = ()
    guard: Condition = ALWAYS
    trains: tuple[str, ...] = ()
    gradients: bool | None = None


@frozen(eq=False)
class ChoiceNode:
    """Branches of which one is taken in the run, because the choice hangs on values made in the run.

    Attributes:
        select: from the values to the name of a branch; None takes none. exhaustive: it always takes one.
        guards: of branches that can only be taken under some inputs.
    """

    path: str
    reads: tuple[InputParam, ...]
    branches: Mapping[str, tuple[Node, ...]] = field()
    select: Callable[[Values], str | None] = field()
    exhaustive: bool = False
    typed: bool = True
    guard: Condition = ALWAYS
    guards: Mapping[str, Condition] = field(factory=dict)


Node = BlockNode | LoopNode | ChoiceNode


def leaves(steps: Iterable[Node]) -> Iterable[BlockNode]:
    """Return all leaf steps, in order, those of every branch included."""
    return (step for step in all_nodes(steps) if isinstance(step, BlockNode))


def all_nodes(steps: Iterable[Node]) -> Iterable[Node]:
    """Return all steps of all kinds, in order."""
    return (step for step, _ in guarded_nodes(steps))


def guarded_nodes(steps: Iterable[Node], around: Condition = ALWAYS) -> Iterator[tuple[Node, Condition]]:
    """Return all steps of all kinds, in order, each with the condition under which it is there; `around` is that of all of them."""
    for step in steps:
        guard = around & step.guard
        yield step, guard
        if isinstance(step, LoopNode):
            yield from guarded_nodes(step.body, guard)
        elif isinstance(step, ChoiceNode):
            for name, branch in step.branches.items():
                yield from guarded_nodes(branch, guard & step.guards.get(name, ALWAYS))
