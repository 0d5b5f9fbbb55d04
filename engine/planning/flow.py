"""What the analysis of a plan finds: versions of values, who reads which, and what is missing.

All of it holds under conditions over the given inputs, where several workflows are looked at together; in a plan they are constant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar

from attrs import define, field, frozen

from ...state import InputParam
from ..conditions import ALWAYS, NEVER, Condition, any_of
from ..nodes import Presence

K = TypeVar("K")
V = TypeVar("V")
ChoicePath = tuple[tuple[str, str], ...]
CALLER = ""
"""Writer of the values that the caller gives."""


@frozen(eq=False)
class Version:
    """One value as one step writes it.

    Attributes:
        number: 0 for the caller's, then 1, 2, ... in the order of the steps that write this name.
        writer: path of the step, `CALLER` for the caller. position: of the step in the plan; -1 for the caller.
        typed: its type is a checked annotation, not a hint of foreign code.
        declared: False for what foreign code in a loop may write without saying so.
        branch: the branch of each open choice around the writer, as (path of the choice, name of the branch).
        guard: when the step is there.
    """

    name: str
    number: int
    writer: str
    position: int
    type_hint: Any = None
    typed: bool = True
    group: str | None = None
    declared: bool = True
    branch: ChoicePath = ()
    guard: Condition = ALWAYS


@frozen
class Sources:
    """Versions of one value that may be there at a point, each with when; `certain`: when one of them is, whatever happens."""

    ways: Mapping[Version, Condition] = field(factory=dict)
    certain: Condition = NEVER

    @property
    def versions(self) -> tuple[Version, ...]:
        """The versions, without when."""
        return tuple(self.ways)

    def there(self, declared_only: bool = False) -> Condition:
        """Return when any version may be there."""
        return any_of(when for version, when in self.ways.items() if version.declared or not declared_only)

    def joined(self, other: Sources) -> Sources:
        """Return what is there where two ways meet."""
        ways = dict(self.ways)
        for version, when in other.ways.items():
            ways[version] = ways.get(version, NEVER) | when
        return Sources(ways, self.certain & other.certain)

    def within(self, guard: Condition) -> Sources:
        """Return what is there when a step is there, too."""
        if guard is ALWAYS:
            return self
        return Sources({v: part for v, when in self.ways.items() if (part := when & guard)}, self.certain & guard)

    def replaced(self, version: Version, guard: Condition) -> Sources:
        """Return what is there behind a step that writes a version."""
        if guard is ALWAYS:
            return Sources({version: ALWAYS}, ALWAYS)
        left = self.within(~guard)
        return Sources({**left.ways, version: left.ways.get(version, NEVER) | guard}, self.certain | guard)

    def with_more(self, version: Version, when: Condition) -> Sources:
        """Return what is there if a version may have come to it."""
        return Sources({**self.ways, version: self.ways.get(version, NEVER) | when}, self.certain)


Environment = dict[str, Sources]
NOTHING = Sources()


@frozen(eq=False)
class Read:
    """One input of one step, bound to who may give it; with no sources it has its default. `branch` and `guard` as in `Version`."""

    path: str
    position: int
    param: InputParam
    sources: Sources
    typed: bool = True
    branch: ChoicePath = ()
    guard: Condition = ALWAYS

    @property
    def is_carried(self) -> bool:
        """True if a loop hands it from one iteration to the next."""
        # Only a loop lets a later step, or the step itself, write what a step reads.
        return any(version.position >= self.position for version in self.sources.ways)

    @property
    def unserved(self) -> Condition:
        """When nobody gives it."""
        return self.guard & ~self.sources.there()

    def is_apart_from(self, version: Version) -> bool:
        """Return whether the two stand in different branches of one choice, so that only one of them happens."""
        if not self.branch or not version.branch:
            return False
        taken = dict(self.branch)
        return any(taken.get(choice, name) != name for choice, name in version.branch)


@define
class Missing:
    """A required value that nobody gives before the steps that need it.

    Attributes:
        params: as each step declares it, by path. when: each step lacks it. there: what is there at the first of them.
        writers: steps that write it somewhere, and when they are there.
    """

    params: dict[str, InputParam] = field(factory=dict)
    when: dict[str, Condition] = field(factory=dict)
    there: Environment = field(factory=dict)
    writers: list[tuple[str, Condition]] = field(factory=list)

    @property
    def param(self) -> InputParam:
        """The declaration of the first step that needs it."""
        return next(iter(self.params.values()))


@define(slots=False)
class Dataflow:
    """The result of the walk.

    Attributes:
        reads: every read, in order. versions: every declared version, in order. final: what is there at the end.
        presence: what each step finds, by the step's id. missing: by name.
        possible: when there is a workflow at all.
        outside: of what comes into scopes, the private name to the name outside.
    """

    reads: list[Read] = field(factory=list)
    versions: list[Version] = field(factory=list)
    final: Environment = field(factory=dict)
    presence: dict[int, Presence] = field(factory=dict)
    missing: dict[str, Missing] = field(factory=dict)
    possible: Condition = ALWAYS
    outside: dict[str, str] = field(factory=dict)

    @property
    def provenance(self) -> dict[str, str]:
        """Value name to the path of its last writer."""
        found = {v.name: v.writer for v in self.versions if v.writer != CALLER and v.name in self.final}
        for name, sources in self.final.items() if self.outside else ():
            last = sources.versions[-1]
            if last.name != name and last.writer != CALLER:  # handed on by a scope
                found[name] = last.writer
        return found

    def outside_name(self, name: str) -> str:
        """Return the name of a value outside of the scopes into which it comes; of what is private, the private one."""
        while name in self.outside:
            name = self.outside[name]
        return name

    def givers(self, path: str, name: str) -> list[str]:
        """Return who may have given a value to a step, in words."""
        writers = (
            version.writer or "the caller" for read in self.reads_at(path, name) for version in read.sources.ways
        )
        return list(dict.fromkeys(writers))

    def reads_at(self, path: str, name: str) -> list[Read]:
        """Return how a step reads a value."""
        return [read for read in self._reads_by_path[path] if read.param.name == name]

    def reads_in(self, paths: Collection[str]) -> Iterator[Read]:
        """Return what some steps read."""
        return (read for path in paths for read in self._reads_by_path[path])

    def reads_of(self, name: str) -> list[Read]:
        """Return who reads a value, in order."""
        return self._reads_by_name[name]

    def written_by(self, path: str, name: str) -> Condition:
        """Return when a step writes a value."""
        return any_of(version.guard for version in self._versions_by_writer[path] if version.name == name)

    def written_between(self, name: str, first: int, last: int | None) -> Condition:
        """Return when a value is written behind one position and before another."""
        # From behind: most ask for what comes last, which in a plan is an answer at once.
        others = reversed(self._versions_by_name[name])
        return any_of(v.guard for v in others if first < v.position and (last is None or v.position < last))

    @cached_property
    def readers(self) -> Mapping[Version, list[Read]]:
        """Who reads each version."""
        return _listed((version, read) for read in self.reads for version in read.sources.ways)

    @cached_property
    def _reads_by_path(self) -> Mapping[str, list[Read]]:
        return _listed((read.path, read) for read in self.reads)

    @cached_property
    def _reads_by_name(self) -> Mapping[str, list[Read]]:
        return _listed((str(read.param.name), read) for read in self.reads)

    @cached_property
    def _versions_by_name(self) -> Mapping[str, list[Version]]:
        return _listed((version.name, version) for version in self.versions)

    @cached_property
    def _versions_by_writer(self) -> Mapping[str, list[Version]]:
        return _listed((version.writer, version) for version in self.versions)


def _listed(pairs: Iterable[tuple[K, V]]) -> Mapping[K, list[V]]:
    found: defaultdict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return found
