"""Dimensions that a block names alike and that cannot be alike: one name stands for one size among all that a block reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from attrs import frozen

from ...state.vocabulary import value_of
from ..conditions import ALWAYS, NEVER, Condition, any_of
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

    def words(self, version: Version) -> str:
        """Where it has which size, for people."""
        value = value_of(self.read.param.type_hint)
        shape = value.shape if value else ""
        return f"{self.size(version)} in {self.read.param.name!r} [{shape}] (from {version.writer})"


def dimensions(hint: object) -> Sequence[str]:
    """Return the dimensions of a type; none where it says nothing, or not how many there are."""
    if hint is None or isinstance(hint, type):
        return ()  # as most types are
    try:
        return _dimensions(hint)
    except TypeError:  # a hint that cannot be hashed
        return _dimensions.__wrapped__(hint)


@cache
def _dimensions(hint: object) -> Sequence[str]:
    value = value_of(hint)
    return value.shape.split() if value is not None and "..." not in value.shape else ()


def dimension_conflicts(flow: Dataflow) -> Iterator[Finding]:
    """Yield blocks that name two dimensions alike, of which earlier blocks promise other sizes."""
    named: dict[tuple[str, str], list[_Use]] = {}
    for read in flow.reads:
        for position, name in enumerate(dimensions(read.param.type_hint) if read.typed else ()):
            if not name.isdigit():
                named.setdefault((read.path, name), []).append(_Use(read, position))
    for (path, name), uses in named.items():
        # One finding for a name in each workflow: the others follow from it.
        left = flow.possible
        for one, other, when in _disagreements(uses) if len(uses) > 1 else ():
            if found := left & when:
                text = (
                    f"{path} reads {name!r} as one size, and it is {one} and {other}. Give both the same size, or name the dimensions "
                    "differently."
                )
                yield text, found
                left &= ~found


def _disagreements(uses: Sequence[_Use]) -> Iterator[tuple[str, str, Condition]]:
    known = [use.sizes() for use in uses]
    for second, other in enumerate(uses):
        for first, one in enumerate(uses[:second]):
            mine, theirs = known[first], known[second]
            if not mine or not theirs:
                continue
            is_one = one.read is other.read
            # Where each may be one of several, the two may go together, as in the iterations of a loop.
            alike = any_of(when & theirs.get(size, NEVER) for size, when in mine.items())
            always = _always(one, mine) & _always(other, theirs) & ~alike if not is_one else ALWAYS
            for version, when in one.read.sources.ways.items() if always else ():
                for another, also in other.read.sources.ways.items():
                    sizes = {one.size(version), other.size(another)}
                    # A value has one shape at a time.
                    if None not in sizes and len(sizes) == 2 and (not is_one or version is another):
                        yield one.words(version), other.words(another), always & when & also


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
