"""A run as it stands after a block or a turn: everything that the rest of it depends on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from ..state import InputError
from ..state.digest import NoDigestError, digest_of
from .position import Frame, Position
from .steps import Values

if TYPE_CHECKING:
    from .plan import Run


@frozen(eq=False)
class Standing:
    """Where a run stands, and with what.

    Attributes:
        values: by name; random generators are copies. states: component to its attributes that differ from those of one
            that has not run.
        groups: of the state, with the names in them.
    """

    position: Position
    values: Mapping[str, Any] = field(repr=False)
    states: Mapping[str, Mapping[str, Any]] = field(repr=False)
    groups: Mapping[str, tuple[str, ...]] = field(repr=False)

    @classmethod
    def of(cls, run: Run, position: Position, values: Values) -> Standing:
        """Note how a run stands. Tensors are shared, which no block of ours writes into."""
        known: dict[int, Any] = {}
        frames = tuple(evolve(frame, inputs=_copied(dict(frame.inputs), known)) for frame in position)
        groups = {group: tuple(names) for group, names in run.state.kwargs_mapping.items()}
        states = {name: _copied(state, known) for name, state in run.components.changes().items()}
        return cls(frames, _copied(dict(values), known), states, groups)

    def values_again(self) -> Values:
        """The values for a run that goes on from here; this can be asked again and again."""
        return copied_values(self.values)

    def put_components(self, run: Run) -> None:
        """Bring a run's components to their state."""
        for name, state in self.states.items():
            run.components.put_changes(name, _copied(dict(state), {}))
        for group, names in self.groups.items():
            run.state.kwargs_mapping[group] = list(names)


@frozen(eq=False)
class Graft:
    """Turns of a loop that are taken from another run.

    Attributes:
        standing: of that run, after the last turn that is taken. path: of the loop. carried: names that its turns write.
        keeps: names that the new run has of its own from here on.
    """

    standing: Standing
    path: str
    carried: frozenset[str]
    keeps: frozenset[str] = frozenset()

    def apply(self, run: Run, values: Values) -> Frame:
        """Take over what the turns have written, the state of components and of random generators.

        Raises:
            InputError: the loop would go over something else than it did there.
        """
        frame = self.standing.position[-1]
        before = frozenset(values)
        others = [name for name, value in frame.inputs.items() if not _are_same(value, values.get(name))]
        if others:
            raise InputError(
                f"{self.path} loops over {', '.join(others)}, which the changed inputs make another one, so its first turns "
                "cannot be shared. Change only what the turns themselves read."
            )
        taken = self.standing.values_again()
        for name, value in taken.items():
            if name in self.keeps:
                continue
            if name in self.carried or (name in values and are_generators(values[name])):
                values[name] = value
        self.standing.put_components(run)
        return Frame(self.path, frame.turn, None, before)


def copied_values(values: Mapping[str, Any]) -> Values:
    """The same values, with random generators and lists of one's own."""
    copied: Values = _copied(dict(values), {})
    return copied


def _are_same(one: Any, other: Any) -> bool:
    try:
        return digest_of(one) == digest_of(other)
    except NoDigestError:
        return one is other


def are_generators(value: Any) -> bool:
    """Whether a value is a random generator of torch, or a list of some."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(are_generators(part) for part in value)
    return type(value).__name__ == "Generator" and hasattr(value, "initial_seed")


def _copied(value: Any, known: dict[int, Any]) -> Any:
    """Containers and random generators of one's own; what is one object stays one."""
    if type(value) in (list, tuple):
        return type(value)(_copied(part, known) for part in value)
    if type(value) is dict:
        return {key: _copied(part, known) for key, part in value.items()}
    if not hasattr(value, "initial_seed"):
        return value
    if id(value) not in known:
        import torch

        copy = torch.Generator(value.device)
        copy.set_state(value.get_state())
        known[id(value)] = copy
    return known[id(value)]
