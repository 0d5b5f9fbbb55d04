"""A run as it stands after a block or an iteration: everything that the rest of it depends on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from attrs import evolve, field, frozen

from ...state import InputError
from ...state.digest import NoDigestError, digest_of
from ..copies import own_copy
from ..isolation import own_state
from ..memory import device_bytes, held_bytes
from ..nodes import Values
from ..position import Frame, Position
from .live_values import LiveState, live_states, put_states
from .trained_state import frozen_digest, process_random_state, put_process_random_state, put_trained, trained_state

if TYPE_CHECKING:
    import torch

    from ..run import Run


_HELD: WeakSet[RunCheckpoint] = WeakSet()
"""Those of runs of this process that somebody still holds."""


def checkpoint_bytes() -> tuple[int, int]:
    """Return the bytes that all snapshots keep which somebody holds in memory, and those of devices among them."""
    every = [checkpoint.parts for checkpoint in [*_HELD]]
    return held_bytes(every), device_bytes(every)


@frozen(eq=False)
class RunCheckpoint:
    """Holds where a run stands, and with what.

    Attributes:
        values: by name; random generators, arrays and images are copies, tensors are shared. states: component to its
            attributes that differ from those of one that has not run, copied.
        groups: of the state, with the names in them. digests: of the values, for one that stays in memory: tensors are
            shared, and whoever holds them may write into them. Those on a device are copied in place of it.
        live: states of the values that are objects with one, such as an optimizer, by name.
        trained: of the components that the run trains, what learns. frozen: of the same, a digest of the rest. chance: of a run that
            trains, the process's own random generators.
    """

    position: Position
    values: Mapping[str, Any] = field(repr=False)
    states: Mapping[str, Mapping[str, Any]] = field(repr=False)
    groups: Mapping[str, tuple[str, ...]] = field(repr=False)
    digests: Mapping[str, str | None] = field(factory=dict, repr=False)
    live: Mapping[str, LiveState] = field(factory=dict, repr=False)
    trained: Mapping[str, Mapping[str, Any]] = field(factory=dict, repr=False)
    frozen: Mapping[str, str] = field(factory=dict, repr=False)
    chance: Mapping[str, Any] = field(factory=dict, repr=False)

    @classmethod
    def of(cls, run: Run, position: Position, values: Values) -> RunCheckpoint:
        """Note how a run stands."""
        # One table for frames and values, because a generator that stands in both must stay one object.
        known: dict[int, Any] = {}
        live = live_states(values)
        # A loop that goes on finds them among the values, where they are in the frames' inputs, too.
        own = {name: value for name, value in values.items() if name not in live}
        given = [{name: value for name, value in frame.inputs.items() if name not in live} for frame in position]
        frames = tuple(
            evolve(frame, inputs=_copied(inputs, known)) for frame, inputs in zip(position, given, strict=True)
        )
        groups = {group: tuple(names) for group, names in run.state.kwargs_mapping.items()}
        states = {name: own_state(state) for name, state in run.components.changes().items()}
        held = _copied(own, known)
        made = cls(
            frames,
            held,
            states,
            groups,
            {name: _digest(value) for name, value in held.items()},
            live,
            {name: trained_state(run.components[name]) for name in sorted(run.trains)},
            _frozen(run),
            process_random_state() if run.trains else {},
        )
        _HELD.add(made)
        return made

    @property
    def parts(self) -> list[Any]:
        """All values that it holds."""
        return [
            self.values,
            self.states,
            [each.state for each in self.live.values()],
            self.trained,
            [frame.inputs for frame in self.position],
        ]

    def values_again(self) -> Values:
        """Return the values for a run that goes on from here, with tensors of its own; this can be asked again and
        again.

        Raises:
            InputError: a block has written into a tensor since; see `refuse_written`.
        """
        # Both are asked at every use and not once, because a checkpoint stays in memory while others hold its
        # tensors.
        self.refuse_uncomparable()
        self.refuse_written()
        return {name: own_state(value) for name, value in copied_values(self.values).items()}

    def refuse_written(self) -> None:
        """Refuse to go on with values that somebody has written into since they were noted.

        Raises:
            InputError: each of them is named.
        """
        faults = [
            f"{name!r} was written into after the snapshot was taken, so it is not what it was; take snapshots to a file, which "
            "keeps a copy, or let the block make a new value."
            for name, digest in self.digests.items()
            if digest is not None and _digest(self.values[name]) != digest
        ]
        if faults:
            raise InputError.of("The run cannot go on from here", faults)

    def refuse_uncomparable(self) -> None:
        """Refuse to go on with values of which nothing says that they are as they were.

        Raises:
            InputError: each of them is named.
        """
        faults = [
            f"{name!r} has no content that could be compared, so nothing says that it is as it was."
            for name, digest in self.digests.items()
            if digest is None
        ]
        if faults:
            raise InputError.of("The run cannot go on from here", faults)

    def arrive(self, run: Run, values: Values) -> None:
        """Bring what goes on outside of values to how it was, at the moment when the run goes on.

        Not before: a loop's iterator, which is run up to there, may count in the objects that it is given.
        """
        put_states(self.live, values)
        for name, state in self.trained.items():
            put_trained(run.components[name], state)
        if self.chance:
            put_process_random_state(self.chance)

    def put_components(self, run: Run) -> None:
        """Bring a run's components to their state."""
        for name, state in self.states.items():
            run.components.put_changes(name, own_state(state))
        for group, names in self.groups.items():
            run.state.kwargs_mapping[group] = list(names)


@frozen(eq=False)
class SharedPrefix:
    """Turns of a loop that are taken from another run.

    Attributes:
        standing: of that run, after the last iteration that is taken. path: of the loop. carried: names that its iterations write.
        keeps: names that the new run has of its own from here on.
    """

    standing: RunCheckpoint
    path: str
    carried: frozenset[str]
    keeps: frozenset[str] = frozenset()

    def apply(self, run: Run, values: Values) -> Frame:
        """Take over what the iterations have written, the state of components and of random generators.

        Raises:
            InputError: the loop would go over something else than it did there, or with values of other sizes.
        """
        # The innermost frame is that of the loop whose iterations are shared.
        frame = self.standing.position[-1]
        before = frozenset(values)
        others = [name for name, value in frame.inputs.items() if not _are_same(value, values.get(name))]
        if others:
            raise InputError(
                f"{self.path} loops over {', '.join(others)}, which the changed inputs make another one, so its first iterations "
                "cannot be shared. Change only what the iterations themselves read."
            )
        taken = self.standing.values_again()
        odd = [
            f"{name} would be {list(_size(values[name]))}, and is {list(_size(taken[name]))}"
            for name in sorted(self.carried & taken.keys() & values.keys() - self.keeps)
            if _size(values[name]) != _size(taken[name])
        ]
        if odd:
            raise InputError(
                f"{self.path}: {', '.join(odd)} in the steps that are shared. Change nothing that changes sizes or counts."
            )
        for name, value in taken.items():
            if name in self.keeps:
                continue
            # Generators are taken over although no iteration writes them: the shared iterations have drawn from them.
            if name in self.carried or (name in values and are_generators(values[name])):
                values[name] = value
        self.standing.put_components(run)
        return Frame(self.path, frame.iteration, None, before)


def _frozen(run: Run) -> dict[str, str]:
    """Return digests of what the run does not change in what it trains, which are made once."""
    for name in run.trains - run.frozen.keys():
        run.frozen[name] = frozen_digest(run.components[name])
    return dict(run.frozen)


def _size(value: torch.Tensor) -> tuple[int, ...]:
    """Return the shape of a tensor or array; empty for anything else."""
    return tuple(value.shape) if hasattr(type(value), "shape") else ()


def copied_values(values: Mapping[str, Any]) -> Values:
    """Return the same values, with random generators and lists of one's own."""
    copied: Values = _copied(dict(values), {})
    return copied


def _are_same(one: object, other: object) -> bool:
    try:
        return digest_of(one) == digest_of(other)
    except NoDigestError:
        return one is other


def are_generators(value: object) -> bool:
    """Return whether a value is a random generator of torch, or a list of some."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(are_generators(part) for part in value)
    return type(value).__name__ == "Generator" and hasattr(type(value), "initial_seed")


def _copied(value: Any, known: dict[int, Any]) -> Any:
    """Return containers, random generators, arrays, images and tensors on a device of one's own; what is one object
    stays one.
    """
    if type(value) in (list, tuple):
        return type(value)(_copied(part, known) for part in value)
    if type(value) is dict:
        return {key: _copied(part, known) for key, part in value.items()}
    has_memory = hasattr(type(value), "untyped_storage")
    # Tensors in host memory are shared, and digested instead, because a copy of every value after every block would
    # double the memory of a run. On a device a digest would need a transfer, which costs more than the copy.
    is_shared = has_memory and value.device.type == "cpu"
    if is_shared or not (has_memory or hasattr(type(value), "initial_seed") or hasattr(value, "tobytes")):
        return value
    if id(value) not in known:
        known[id(value)] = own_copy(value)
    return known[id(value)]


def _digest(value: Any) -> str | None:
    """Digest what may be written into; empty for what nobody can change, or what is a copy."""
    if isinstance(value, _UNCHANGING) or are_generators(value):
        return ""
    if hasattr(type(value), "untyped_storage") and value.device.type != "cpu":
        return ""
    try:
        return digest_of(value)
    except NoDigestError:
        return None


_UNCHANGING = (str, bytes, int, float, complex, bool, type(None))
