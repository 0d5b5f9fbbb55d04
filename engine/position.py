"""Where a run stands: after which step, in which iteration of which loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from attrs import define, evolve, field, frozen

from ..state import InputError
from .nodes import Call, Values


@frozen
class Frame:
    """One level of a position.

    Attributes:
        path: of a step. iteration: of a loop, counted from 0; None for a step that is done. branch: of a choice, the one that runs.
        before: names of the values that were there when a loop began. inputs: what its `iterate` was given, and what its variables hide.
    """

    path: str
    iteration: int | None = None
    branch: str | None = None
    before: frozenset[str] = frozenset()
    inputs: Mapping[str, Any] = field(factory=dict, repr=False)

    @property
    def words(self) -> str:
        """The position as in error messages."""
        return self.path if self.iteration is None else f"{self.path}.step[{self.iteration}]"


Position = tuple[Frame, ...]
"""From the outermost step to the innermost. The last frame is of what is done: a step, or a whole turn."""


@define
class Tracker:
    """Follows a run, and brings one that is continued to where it stood. A run without snapshots has none.

    Attributes:
        reached: called with the position and the values after every block and every iteration.
        graft: iterations of a loop that are taken from another run; see `engine.snapshot.SharedPrefix`.
        opened: path of a loop of which single iterations are wanted, or brought.
        standing: of the run that is continued; see `engine.snapshot.RunCheckpoint`.
        is_exact: it must go on as it was, or not at all.
    """

    reached: Any = None
    graft: Any = None
    standing: Any = None
    opened: str | None = None
    is_exact: bool = False
    _around: list[Frame] = field(factory=list)
    _resume: deque[Frame] = field(factory=deque)
    _run: Any = None
    _has_arrived: bool = False

    @classmethod
    def of(
        cls,
        reached: object = None,
        standing: Any = None,
        graft: object = None,
        opened: str | None = None,
        is_exact: bool = False,
    ) -> Tracker:
        """Follow a run that begins where another one stood, if there is one."""
        # Frames are taken off one by one as the run comes to them; when none is left, it runs as any other.
        resume = deque(standing.position if standing is not None else ())
        return cls(reached, graft, standing, opened, is_exact, resume=resume)

    def begin(self, run: object) -> None:
        """Bring a run's components to where it goes on."""
        self._run = run
        if self.standing is not None:
            self.standing.put_components(run)

    def _arrived(self, values: Values) -> None:
        """Say that the run has come to where it goes on."""
        if self.standing is not None and not self._resume and not self._has_arrived:
            self._has_arrived = True
            self.standing.arrive(self._run, values)

    def is_partial(self, path: str, kind: str) -> bool:
        """Return whether only a part of a step is run, or a part of it by another run, so that its result is not its
        own.
        """
        return bool(self._resume) or (kind == "loop" and path == self.opened)

    def missed(self, position: Iterable[Frame]) -> InputError:
        """Return the error of a run that does not come to where it is to go on."""
        return InputError(f"The run is to go on after {words_of(position)}, which it does not come to.")

    def remaining(self, steps: Sequence[tuple[Call, str]], values: Values) -> Sequence[tuple[Call, str]]:
        """Return the steps of a sequence that are still to do.

        Raises:
            InputError: the run is to go on at none of them.
        """
        if not self._resume:
            return steps
        frame = self._resume[0]
        # By path and not by number: blocks may have been added before it since.
        index = next((i for i, (_, path) in enumerate(steps) if path == frame.path), None)
        if index is None:
            raise self.missed(self.standing.position)
        if frame.iteration is None and frame.branch is None:
            self._resume.popleft()
            # A frame without iteration and branch is of a step that is done, so the run goes on behind it.
            index += 1
        self._arrived(values)
        return steps[index:]

    def entered(self, path: str, run: object, values: Values, branches: Container[str] | None = None) -> Frame | None:
        """Return the frame of a loop, or of a choice (with `branches`), in which the run goes on; None where it is
        begun.

        Raises:
            InputError: it is to go on in a step of another kind, or in a branch that is not there.
        """
        if self.graft is not None and self.graft.path == path:
            frame: Frame = self.graft.apply(run, values)
            return frame
        if not self._resume or self._resume[0].path != path:
            return None
        frame = self._resume.popleft()
        if frame.iteration is None if branches is None else frame.branch not in branches:
            raise self.missed(self.standing.position)
        return frame

    def arrive(self) -> None:
        """Say that a block begins.

        Raises:
            InputError: the run was to go on within it.
        """
        if self._resume:
            raise self.missed(self.standing.position)

    def iterations_left(
        self, iterations: Iterable[Values], going_on: Frame | None, values: Values
    ) -> tuple[Iterable[Values], int]:
        """Return the iterations that are still to do, and the number of the first; one that was begun has its variables
        already.

        Raises:
            InputError: there are not so many.
        """
        if going_on is None or going_on.iteration is None:
            return iterations, 0
        # The loop's own iterator is run up to the place, because it may keep a state, such as a running sum.
        left = iter(iterations)
        for _ in range(going_on.iteration + 1):
            if next(left, None) is None:
                raise self.missed([going_on] if self.standing is None else self.standing.position)
        self._arrived(values)
        # With frames left the run goes on inside of this iteration, whose variables the checkpoint has; without,
        # behind it.
        return (chain([{}], left), going_on.iteration) if self._resume else (left, going_on.iteration + 1)

    def following(self, call: Call, frame: Frame) -> Call:
        """Wrap a loop's iterations, which are counted from the frame's, or a branch."""
        current = frame

        def call_followed(values: Values) -> None:
            nonlocal current
            self._around.append(current)
            try:
                call(values)
                if current.iteration is not None:
                    self.tell(values)
            finally:
                self._around.pop()
            if current.iteration is not None:
                current = evolve(current, iteration=current.iteration + 1)

        return call_followed

    def tell(self, values: Values, last: Frame | None = None) -> None:
        """Note that a block is done, or (None) the iteration in which the run is."""
        # On the way to where it goes on, nothing is reached that was not reached before.
        if self.reached is not None and not self._resume:
            self.reached((*self._around, *([last] if last is not None else [])), values)


def tracked(call: Call, path: str, tracker: Tracker) -> Call:
    """Wrap a block's call, to tell when it is done."""
    frame = Frame(path)

    def call_tracked(values: Values) -> None:
        tracker.arrive()
        call(values)
        tracker.tell(values, frame)

    return call_tracked


def words_of(position: Iterable[Frame]) -> str:
    """Return the innermost place, for people."""
    frames = list(position)
    inner = frames[-1]
    iterations = [frame for frame in frames if frame.iteration is not None]
    if inner.iteration is None and iterations:
        return f"{iterations[-1].words}{inner.path.removeprefix(iterations[-1].path)}"
    return inner.words
