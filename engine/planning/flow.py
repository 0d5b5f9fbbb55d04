"""What the analysis of a plan finds: versions of values, who reads which, and what is missing.

All of it holds under conditions over the given inputs, where several workflows are looked at together; in a plan they are constant.
"""

from __future__ import annotations

from bisect import bisect
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
Finding = tuple[str, Condition]
"""What is wrong, or looks wrong, in a sentence or two, and when it is so."""
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

    def is_apart_from(self, other: Version) -> bool:
        """Return whether the two stand in different branches of one choice, so that only one of them happens."""
        return _are_apart(self.branch, other.branch)


@frozen
class Sources:
    """Versions of one value that may be there at a point, each with when.

    Attributes:
        certain: when one of them is there, whatever happens. settled: when one is, if every loop takes an iteration.
    """

    ways: Mapping[Version, Condition] = field(factory=dict)
    certain: Condition = NEVER
    settled: Condition = NEVER

    @property
    def versions(self) -> tuple[Version, ...]:
        """The versions, without when."""
        return tuple(self.ways)

    def there(self, declared_only: bool = False) -> Condition:
        """Return when any version may be there."""
        if declared_only:
            return any_of([when for version, when in self.ways.items() if version.declared])
        return any_of(self.ways.values())

    def joined(self, other: Sources) -> Sources:
        """Return what is there where two ways meet."""
        ways = dict(self.ways)
        for version, when in other.ways.items():
            ways[version] = ways.get(version, NEVER) | when
        return Sources(ways, self.certain & other.certain, self.settled & other.settled)

    def within(self, guard: Condition) -> Sources:
        """Return what is there when a step is there, too."""
        if guard is ALWAYS:
            return self
        ways = {v: part for v, when in self.ways.items() if (part := when & guard)}
        return Sources(ways, self.certain & guard, self.settled & guard)

    def replaced(self, version: Version, guard: Condition) -> Sources:
        """Return what is there behind a step that writes a version."""
        if guard is ALWAYS:
            return Sources({version: ALWAYS}, ALWAYS, ALWAYS)
        left = self.within(~guard)
        ways = {**left.ways, version: left.ways.get(version, NEVER) | guard}
        return Sources(ways, self.certain | guard, self.settled | guard)

    def with_more(self, version: Version, when: Condition) -> Sources:
        """Return what is there if a version may have come to it."""
        return Sources({**self.ways, version: self.ways.get(version, NEVER) | when}, self.certain, self.settled)


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
        return _are_apart(self.branch, version.branch)

    def is_beside(self, other: Read) -> bool:
        """Return whether another read stands in a different branch of one choice, so that only one of them happens."""
        return _are_apart(self.branch, other.branch)


def _are_apart(one: ChoicePath, other: ChoicePath) -> bool:
    if not one or not other:
        return False
    taken = dict(one)
    return any(taken.get(choice, name) != name for choice, name in other)


@frozen(eq=False)
class LoopSpan:
    """Where a loop stands: its own position, and that of the last step of its body.

    Attributes:
        reads: what `iterate` takes. counted: what `count` takes. variables: names that `iterate` yields.
        guard: when the loop is there. is_open: when a block in it may write any name without declaring it.
        is_silent: when a block in it writes nothing, so that it is there for something else.
        mutates: components that its blocks change, each with when.
    """

    path: str
    position: int
    end: int
    reads: tuple[InputParam, ...]
    counted: tuple[InputParam, ...]
    variables: frozenset[str]
    guard: Condition = ALWAYS
    is_open: Condition = NEVER
    is_silent: Condition = NEVER
    mutates: Mapping[str, Condition] = field(factory=dict)

    def holds(self, position: int) -> bool:
        """Return whether a step stands in the body."""
        return self.position < position <= self.end


@frozen(eq=False)
class Mutation:
    """A block that changes components. `is_alone` says that it writes no value, so that it is there for that alone."""

    path: str
    position: int
    components: tuple[str, ...]
    is_alone: bool
    guard: Condition = ALWAYS


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
        loops: every loop, those around before those in them.
        ways_through: by the path of an open choice each way through it: the branch (None where none is taken), when it may be taken,
            and what is there at its end.
        possible: when there is a workflow at all.
        outside: of what comes into scopes, the private name to the name outside.
        mutations: every block that changes components, in order.
    """

    reads: list[Read] = field(factory=list)
    versions: list[Version] = field(factory=list)
    final: Environment = field(factory=dict)
    presence: dict[int, Presence] = field(factory=dict)
    missing: dict[str, Missing] = field(factory=dict)
    loops: list[LoopSpan] = field(factory=list)
    ways_through: dict[str, list[tuple[str | None, Condition, Environment]]] = field(factory=dict)
    possible: Condition = ALWAYS
    outside: dict[str, str] = field(factory=dict)
    mutations: list[Mutation] = field(factory=list)

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
        ways = (version for read in self.reads_at(path, name) for version in read.sources.ways)
        return list(dict.fromkeys(version.writer or "the caller" for version in ways))

    def reads_at(self, path: str, name: str) -> list[Read]:
        """Return how a step reads a value."""
        return self._reads_by_place.get((path, name), [])

    def reads_in(self, paths: Collection[str]) -> Iterator[Read]:
        """Return what some steps read."""
        return (read for path in paths for read in self._reads_by_path[path])

    def reads_of(self, name: str) -> list[Read]:
        """Return who reads a value, in order."""
        return self._reads_by_name[name]

    def written_by(self, path: str, name: str) -> Condition:
        """Return when a step writes a value."""
        return any_of([version.guard for version in self._versions_by_writer[path] if version.name == name])

    def hangs_on(self, path: str, reader: Read) -> Condition:
        """Return when a step needs what a reader has made, and so could not stand before it: the value goes round, in a loop, too."""
        found: dict[str, Condition] = {path: reader.guard}
        # From behind, so that all that works with a step has been looked at before it: else each way there would be gone alone.
        pending = {path}
        while pending:
            here = max(pending, key=self._position)
            pending.remove(here)
            for read in self._reads_by_path[here]:
                if not read.param.required:
                    continue  # it does without
                # What is there before the reader would be there for the step, too.
                left = found[here] & ~self._there_before(str(read.param.name), reader.position)
                for version, when in read.sources.ways.items() if left else ():
                    known = found.get(version.writer, NEVER)
                    if version.writer != CALLER and (more := left & when & ~known):
                        found[version.writer] = known | more
                        pending.add(version.writer)
        return found.get(reader.path, NEVER)

    def _position(self, path: str) -> int:
        return max((read.position for read in self._reads_by_path[path]), default=-1)

    def _there_before(self, name: str, position: int) -> Condition:
        """Return when a value is given or written before a position."""
        missing = self.missing.get(name)
        needed = [r for path in missing.when for r in self.reads_at(path, name)] if missing is not None else ()
        return any_of(r.guard for r in needed if r.position <= position) | self.written_between(name, -2, position)

    def written_between(self, name: str, first: int, last: int | None) -> Condition:
        """Return when a value is written behind one position and before another."""
        # From behind: most ask for what comes last, which in a plan is an answer at once.
        others = reversed(self._versions_by_name[name])
        return any_of(v.guard for v in others if first < v.position and (last is None or v.position < last))

    def unread(self, version: Version) -> Condition:
        """Return when a block writes a version and nobody reads it."""
        found = self._unread.get(version)
        if found is None:
            read = any_of([read.sources.ways[version] for read in self.readers[version]])
            found = NEVER if version.writer == CALLER else version.guard & self.possible & ~read
            self._unread[version] = found
        return found

    def kept(self, version: Version) -> Condition:
        """Return when a version is there at the end."""
        return self.final.get(version.name, NOTHING).ways.get(version, NEVER)

    def reads_inside(self, loop: LoopSpan) -> list[Read]:
        """Return what the steps of a loop's body read, in order."""
        first, last = (bisect(self.reads, at, key=lambda read: read.position) for at in (loop.position, loop.end))
        return self.reads[first:last]

    def writes_inside(self, loop: LoopSpan) -> list[Version]:
        """Return what the steps of a loop's body write, in order, with the variables of loops in it."""
        first, last = (bisect(self.versions, at, key=lambda each: each.position) for at in (loop.position, loop.end))
        return self.versions[first:last]

    def is_by_product(self, version: Version) -> Condition:
        """Return when the step that writes a value does not read it, and later steps read something else that it writes."""
        others = (other for other in self._versions_by_writer[version.writer] if other.name != version.name)
        used = (
            read.sources.ways[other]
            for other in others
            for read in self.readers[other]
            if read.position > version.position
        )
        return any_of(used) & ~any_of(read.guard for read in self.reads_at(version.writer, version.name))

    @cached_property
    def readers(self) -> Mapping[Version, list[Read]]:
        """Who reads each version."""
        return _listed((version, read) for read in self.reads for version in read.sources.ways)

    @cached_property
    def reads_in_several_types(self) -> Mapping[str, list[list[Read]]]:
        """What is read in more than one checked type, by the type."""
        found: dict[str, list[list[Read]]] = {}
        for name, reads in self._reads_by_name.items():
            # Types that cannot be hashed count as many.
            of_type: dict[Any, list[Read]] = {}
            for read in reads:
                hint = read.param.type_hint
                if read.typed and hint is not None:
                    of_type.setdefault(_key(hint), []).append(read)
            if len(of_type) > 1:
                found[name] = list(of_type.values())
        return found

    @cached_property
    def _unread(self) -> dict[Version, Condition]:
        return {}

    @cached_property
    def _reads_by_place(self) -> Mapping[tuple[str, str | None], list[Read]]:
        return _listed(((read.path, read.param.name), read) for read in self.reads)

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


def _key(hint: object) -> object:
    """Return what is equal for equal types."""
    try:
        hash(hint)
    except TypeError:
        return id(hint)
    return hint


def _listed(pairs: Iterable[tuple[K, V]]) -> Mapping[K, list[V]]:
    found: defaultdict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return found
