"""Snapshots of runs: taken after blocks or loop steps, written to files, continued."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from ..engine.execution.checkpoint import RunCheckpoint
from ..engine.execution.live_values import LiveState
from ..engine.nodes import Values
from ..engine.position import Frame, Position, words_of
from ..state import InputError, RepoError, RunError
from ..state.atomic import writing
from ..state.classes.class_arguments import NamesArguments
from ..state.errors import did_you_mean
from ..state.structure import structured
from ..state.value_data import data_of, value_of_data
from ..state.value_file import load_values, save_values
from .recipes.recipe import Recipe
from .written_snapshot import WrittenSnapshot

if TYPE_CHECKING:
    from .active_run import ActiveRun


@frozen(eq=False)
class Snapshot:
    """A run as it stands; `pipe.resume(snapshot)` continues it, also in another process.

    Attributes:
        given: names of the inputs of the run, and whether each was None. output: what it was asked for.
        is_seeded: the run had no random generator of the caller's.
    """

    standing: RunCheckpoint
    recipe: Recipe = field(repr=False)
    given: dict[str, bool] = field(repr=False)
    output: Any
    is_seeded: bool = field(repr=False)

    @property
    def where(self) -> str:
        """After which block or step it was taken, as in "denoise.step[3]"."""
        return words_of(self.standing.position)

    def save(self, path: str | Path) -> None:
        """Write it to a safetensors file, which is whole or not there.

        Raises:
            RunError: a value cannot be written to a file; all of them are named. InputError: a block has written into a
                value since the snapshot was taken.
        """
        self._written(Path(path))

    def to_bytes(self) -> bytes:
        """Return what `save` writes.

        Raises:
            RunError: a value cannot be written; all of them are named. InputError: as `save`.
        """
        return self._written(None)

    def _written(self, path: Path | None) -> bytes:
        # Values in memory are held and not copied, so what a later step wrote into them would be saved as of then.
        self.standing.refuse_written()
        position = self.standing.position
        values: dict[str, Any] = {f"value {name}": value for name, value in self.standing.values.items()}
        for component, state in self.standing.states.items():
            # One flat file of tensors, in which the first word says of what sort each is: safetensors knows no
            # levels.
            values |= {f"state {component} {name}": value for name, value in state.items()}
        for component, state in self.standing.trained.items():
            values |= {f"trained {component} {name}": value for name, value in state.items()}
        values |= {f"live {name}": each.state for name, each in self.standing.live.items()}
        values |= {f"chance {name}": state for name, state in self.standing.chance.items()}
        for number, frame in enumerate(position):
            values |= {f"input {number} {name}": value for name, value in frame.inputs.items()}
        about = {
            # Sorted, so that one run gives one file.
            "position": [[frame.path, frame.iteration, frame.branch, sorted(frame.before)] for frame in position],
            "groups": {group: list(names) for group, names in self.standing.groups.items()},
            "recipe": self.recipe.to_dict(),
            "given": self.given,
            "output": data_of(self.output),
            "is_seeded": self.is_seeded,
            **self._of_training(),
        }
        try:
            return save_values(path, values, about)
        except RunError as error:
            raise RunError.of(
                f"The run cannot be saved after {self.where}", list(error.faults or [str(error)])
            ) from None

    def _of_training(self) -> dict[str, Any]:
        """Return what files of other runs do not have, and are as they were without it."""
        classes = {name: each.cls for name, each in self.standing.live.items()}
        found = {"live": classes, "frozen": dict(self.standing.frozen)}
        return {name: part for name, part in found.items() if part}

    @classmethod
    def load(cls, path: str | Path) -> Snapshot:
        """Read a file that `save` has written; nothing in it is code.

        Raises:
            RepoError: there is no such file, or it is broken.
        """
        if not Path(path).is_file():
            raise RepoError(f"There is no snapshot {path}.")
        return cls._read(Path(path), f"The snapshot {path}")

    @classmethod
    def from_bytes(cls, content: bytes) -> Snapshot:
        """Read what `to_bytes` gave; nothing in it is code.

        Raises:
            RepoError: it is broken.
        """
        return cls._read(content, "The snapshot")

    @classmethod
    def _read(cls, source: Path | bytes, name: str) -> Snapshot:
        found, about = load_values(source)
        written = structured(WrittenSnapshot, about, name)
        kinds = _sorted(found, name)
        values, inputs = kinds["value"], kinds["input"]
        position = tuple(
            Frame(step, iteration, branch, frozenset(before), inputs.get(str(number), {}))
            for number, (step, iteration, branch, before) in enumerate(written.position)
        )
        if kinds["live"].keys() != written.live.keys() or kinds["trained"].keys() != written.frozen.keys():
            raise RepoError(
                f"{name} is broken: what it says of its live values and trained components is not what it holds."
            )
        live = {each: LiveState(written.live[each], state) for each, state in kinds["live"].items()}
        standing = RunCheckpoint(
            position,
            values,
            kinds["state"],
            written.groups,
            live=live,
            trained=kinds["trained"],
            frozen=written.frozen,
            chance=kinds["chance"],
        )
        recipe = Recipe.from_dict(about["recipe"])
        output = value_of_data(written.output)
        names = [output] if isinstance(output, str) else output
        # The schema only says that it is data.
        if names is not None and not (isinstance(names, list) and all(isinstance(each, str) for each in names)):
            raise RepoError(f"{name} is broken: output: expected a name, names or null.")
        return cls(standing, recipe, dict(written.given), output, written.is_seeded)


_FLAT = ("value", "live", "chance")
_OF_ONE = ("state", "input", "trained")
"""Kinds of entries whose second word says whose they are."""


def _sorted(found: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Return values, states of components, inputs of loops and what training adds, which are told apart by the first
    word of their names.
    """
    sorts: dict[str, dict[str, Any]] = {kind: {} for kind in (*_FLAT, *_OF_ONE)}
    for key, value in found.items():
        kind, _, rest = key.partition(" ")
        if kind not in sorts:
            raise RepoError(f"{name} is broken: it holds {key[:60]!r}, which is of none of: {', '.join(sorts)}.")
        if kind in _FLAT:
            sorts[kind][rest] = value
        else:
            owner, _, inner = rest.partition(" ")
            sorts[kind].setdefault(owner, {})[inner] = value
    return sorts


@frozen
class _ToFile:
    """Writes each snapshot to one file."""

    path: Path

    def __call__(self, snapshot: Snapshot) -> None:
        snapshot.save(self.path)

    def check(self) -> None:
        """Look at the place before a run begins whose first steps would be for nothing.

        Raises:
            InputError: no file can be written there.
        """
        folder = self.path.parent
        with writing(self.path):
            if not folder.is_dir():
                raise InputError(f"Snapshots({str(self.path)!r}): there is no folder {folder}; make it before the run.")
            if self.path.is_dir():
                raise InputError(f"Snapshots({str(self.path)!r}): that is a folder; name a file in it.")
            # A run of minutes should not end at its first snapshot.
            if not os.access(folder, os.W_OK):
                raise InputError(f"Snapshots({str(self.path)!r}): the folder {folder} cannot be written to.")


def _sink(to: Any) -> Any:
    return _ToFile(Path(to)) if isinstance(to, (str, os.PathLike)) and not callable(to) else to


def _check_sink(_: object, __: object, value: Any) -> None:
    if not callable(value):
        raise InputError(
            f"Snapshots({value!r:.100}): it is the path of a file, or a function that takes each snapshot."
        )


_AFTER = ("steps", "blocks")


def _check_after(_: object, __: object, value: object) -> None:
    if value not in _AFTER:
        near = did_you_mean(value[:60], _AFTER) if isinstance(value, str) else ""
        raise InputError(f"Snapshots: after={value!r:.100}: it is 'steps' (of loops) or 'blocks'. {near}".strip())


def _check_every(_: object, __: object, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"Snapshots: every={value!r:.100}: it is a number from 1 on; every n-th is taken.")


@frozen(eq=False)
class Snapshots(NamesArguments):
    """Takes snapshots while a run goes on: `pipe.configure(snapshots=Snapshots("run.safetensors", every=5))`.

    Attributes:
        to: a file, which always holds the last one; or a function that takes each.
        after: "steps" of loops that are not within another, or every one of the "blocks", those in loops too.
        every: take only each n-th.
    """

    to: Callable[[Snapshot], Any] = field(converter=_sink, validator=_check_sink)
    after: Literal["steps", "blocks"] = field(default="steps", validator=_check_after)
    every: int = field(default=1, validator=_check_every)

    def taker(self, begun: ActiveRun) -> Callable[[Position, Values], None]:
        """Make what one run calls after every block and every iteration.

        Raises:
            InputError: no file can be written where they shall go.
        """
        if isinstance(self.to, _ToFile):
            self.to.check()
        count = 0

        def reached(position: Position, values: Values) -> None:
            nonlocal count
            is_step = position[-1].iteration is not None
            # Turns of an inner loop are no steps in the sense of a person who counts the outer one's. A choice around is no loop.
            is_inner = any(frame.iteration is not None for frame in position[:-1])
            if is_step is (self.after == "blocks") or (is_step and is_inner):
                return
            count += 1
            if count % self.every == 0:
                self.to(begun.snapshot(position, values))

        return reached
