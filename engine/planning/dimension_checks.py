"""Dimensions that a block names alike and that cannot be alike: one name stands for one size among all that a block reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from ...state.vocabulary import value_of
from ..conditions import NEVER, Condition, any_of
from .flow import CALLER, Dataflow, Read, Version

Finding = tuple[str, Condition]


@frozen(eq=False)
class _Use:
    """One dimension of one value that a block reads, at a position of its shape."""

    read: Read
    position: int

    def sizes(self) -> Mapping[int, Condition]:
        """Sizes that its writers promise, and when."""
        found: dict[int, Condition] = {}
        for version, when in self.read.sources.ways.items():
            size = self.size(version)
            if size is not None:
                found[size] = found.get(size, NEVER) | when
        return found

    def size(self, version: Version) -> int | None:
        """The size that a version has for certain."""
        shape = dimensions(version.type_hint) if version.typed and version.writer != CALLER else ()
        known = len(shape) == len(dimensions(self.read.param.type_hint)) and shape[self.position].isdigit()
        return int(shape[self.position]) if known else None

    def words(self, size: int) -> str:
        """Where it has a size, for people."""
        writers = [version.writer for version in self.read.sources.ways if self.size(version) == size]
        value = value_of(self.read.param.type_hint)
        return f"{size} in {self.read.param.name!r} [{value.shape if value else ''}] (from {writers[0]})"


def dimensions(hint: object) -> Sequence[str]:
    """Return the dimensions of a type; none where it says nothing, or not how many there are."""
    # Plain classes, which most types are, say nothing.
    value = value_of(hint) if hint is not None and not isinstance(hint, type) else None
    return value.shape.split() if value is not None and "..." not in value.shape else ()


def dimension_conflicts(flow: Dataflow) -> Iterator[Finding]:
    """Yield blocks that name two dimensions alike, of which earlier blocks promise other sizes."""
    named: dict[tuple[str, str], list[_Use]] = {}
    for read in flow.reads:
        for position, name in enumerate(dimensions(read.param.type_hint) if read.typed else ()):
            if not name.isdigit():
                named.setdefault((read.path, name), []).append(_Use(read, position))
    for (path, name), uses in named.items():
        # One finding for a name: the others follow from it.
        found = next(_disagreements(uses, flow), None) if len(uses) > 1 else None
        if found is not None:
            one, other, when = found
            text = (
                f"{path} reads {name!r} as one size, and it is {one} and {other}. Give both the same size, or name the dimensions "
                "differently."
            )
            yield text, when


def _disagreements(uses: Sequence[_Use], flow: Dataflow) -> Iterator[tuple[str, str, Condition]]:
    known = [use.sizes() for use in uses]
    for second, other in enumerate(uses):
        for first, one in enumerate(uses[:second]):
            mine, theirs = known[first], known[second]
            if not mine or not theirs:
                continue
            if one.read is other.read:
                yield from _within_one(one, other, flow)
                continue
            # Where each may be one of several, the two may go together, as in the iterations of a loop.
            alike = any_of(when & theirs.get(size, NEVER) for size, when in mine.items())
            when = flow.possible & _always(one, mine) & _always(other, theirs) & ~alike
            if when:
                yield one.words(next(s for s, w in mine.items() if w & when)), other.words(next(iter(theirs))), when


def _within_one(one: _Use, other: _Use, flow: Dataflow) -> Iterator[tuple[str, str, Condition]]:
    for version, when in one.read.sources.ways.items():
        mine, theirs = one.size(version), other.size(version)
        if mine is not None and theirs is not None and mine != theirs and (found := when & flow.possible):
            yield one.words(mine), other.words(theirs), found


def _always(use: _Use, sizes: Mapping[int, Condition]) -> Condition:
    """Return when a dimension has one of the sizes that are known, and no other."""
    unknown = any_of(when for version, when in use.read.sources.ways.items() if use.size(version) is None)
    return any_of(sizes.values()) & ~unknown


def promised_sizes(reads: Sequence[Read]) -> dict[str, tuple[int, str]]:
    """Return the sizes that earlier blocks promise for the dimensions that a step names, each with where it is from."""
    found: dict[str, tuple[int, str]] = {}
    for read in reads:
        for position, name in enumerate(dimensions(read.param.type_hint)):
            use = _Use(read, position)
            sizes = {use.size(version) for version in read.sources.versions}
            size = next(iter(sizes)) if len(sizes) == 1 and read.param.required else None
            if size is not None and not name.isdigit():
                found.setdefault(name, (size, f"{read.param.name} of {read.sources.versions[0].writer}"))
    return found
