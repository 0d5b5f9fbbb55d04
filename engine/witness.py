"""A run's own account of what every block gave, so that a run that differs can say where it first did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import define, field, frozen

from ..state.digest import NoDigestError, digest_of
from .nodes import Call, Values

_DIGITS = 16
"""Of a digest, which is half: a recipe holds one for every value of every iteration."""


@frozen
class Given:
    """One value that a block gave.

    Attributes:
        path: of the block. loops: paths of the loops around it, each with the number of the iteration, from 0.
        name: of the value. digest: of its content; None for what has none.
    """

    path: str
    loops: tuple[tuple[str, int], ...]
    name: str
    digest: str | None

    @property
    def words(self) -> str:
        """The place where it was given, as in error messages: "denoise.step[3].denoiser"."""
        found, rest = "", self.path
        for loop, number in self.loops:
            # Paths of inner loops begin with those of outer ones; each number goes behind its own part.
            own = loop.removeprefix(self.path[: len(self.path) - len(rest)])
            found += f"{own}.step[{number}]"
            rest = self.path[len(loop) :] if self.path.startswith(loop) else f".{self.path}"
        return found + rest


@define
class Witness:
    """Keeps account of what the blocks of one run gave, in order.

    Attributes:
        earlier: as `written` gave it, of the part of the run that another process, or an earlier call, has done.
    """

    earlier: list[list[Any]] = field(factory=list)
    given: list[Given] = field(factory=list)
    _loops: list[tuple[str, int]] = field(factory=list)

    def look(self, path: str, names: Sequence[str], values: Mapping[str, Any]) -> None:
        """Note what a block has written."""
        for name in names:
            if name in values:
                self.given.append(Given(path, tuple(self._loops), name, _digest(values[name])))

    @contextmanager
    def iteration(self, loop: str, number: int) -> Iterator[None]:
        """What is noted within belongs to this iteration of a loop."""
        self._loops.append((loop, number))
        try:
            yield
        finally:
            self._loops.pop()

    def since(self, count: int) -> tuple[Given, ...]:
        """Return what was noted after the first `count` values, without the iterations in which that was, for use in
        others.
        """
        depth = len(self._loops)
        return tuple(Given(g.path, g.loops[depth:], g.name, g.digest) for g in self.given[count:])

    def take(self, given: Sequence[Given]) -> None:
        """Note what `since` gave, here."""
        self.given += [Given(g.path, (*self._loops, *g.loops), g.name, g.digest) for g in given]

    def written(self) -> list[list[Any]]:
        """Return it as recipes have it: place, name and digest of each value."""
        return [*self.earlier, *([each.words, each.name, each.digest] for each in self.given)]


def witnessed(call: Call, path: str, names: Sequence[str], witness: Witness) -> Call:
    """Wrap a block's call, to note what it gives."""

    def call_witnessed(values: Values) -> None:
        call(values)
        witness.look(path, names, values)

    return call_witnessed


def _digest(value: object) -> str | None:
    try:
        return digest_of(value)[:_DIGITS]
    except NoDigestError:
        return None


def first_difference(then: Sequence[Sequence[Any]], now: Sequence[Sequence[Any]]) -> str | None:
    """Return where two accounts differ first, in words; None if they do not.

    Args:
        then, now: as `Witness.written` gives them.
    """
    # The shorter of the two ends where its run stopped; up to there they can differ all the same.
    for mine, theirs in zip(then, now, strict=False):
        if mine[:2] != theirs[:2]:
            return f"{theirs[0]} gave {theirs[1]!r}, where it was {mine[0]} that gave {mine[1]!r}"
        # What had no digest in one of the runs says nothing: unknown is not different.
        if None not in (mine[2], theirs[2]) and mine[2] != theirs[2]:
            return f"{theirs[0]} is the first block that gave something else: {theirs[1]!r}"
    if len(then) != len(now):
        return f"{len(now)} values were given, and {len(then)} then"
    return None
