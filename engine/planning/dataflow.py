"""Who gives each value to whom: every read of every step, with the versions of the value that can reach it.

The walk is a reaching-definitions analysis. A loop's body is walked until nothing new arrives from the iteration before;
after a choice the versions of all branches are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import define, evolve, field, frozen

from ...state import InputParam
from ..nodes import BlockNode, ChoiceNode, LoopNode, Node, Presence, leaves

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


@frozen
class Sources:
    """Versions of one value that may be there at a point; `certain`: one of them is, whatever happens."""

    versions: tuple[Version, ...] = ()
    certain: bool = False

    def joined(self, other: Sources) -> Sources:
        """Return what is there where two ways meet."""
        versions = tuple(dict.fromkeys([*self.versions, *other.versions]))
        return Sources(versions, self.certain and other.certain)


Environment = dict[str, Sources]
_NOTHING = Sources()


@frozen(eq=False)
class Read:
    """One input of one step, bound to who may give it; with no sources it has its default. `branch` as in `Version`."""

    path: str
    position: int
    param: InputParam
    sources: Sources
    typed: bool = True
    branch: ChoicePath = ()

    @property
    def is_carried(self) -> bool:
        """True if a loop hands it from one iteration to the next."""
        # Only a loop lets a later step, or the step itself, write what a step reads.
        return any(version.position >= self.position for version in self.sources.versions)

    def is_apart_from(self, version: Version) -> bool:
        """Return whether the two stand in different branches of one choice, so that only one of them happens."""
        taken = dict(self.branch)
        return any(taken.get(choice, name) != name for choice, name in version.branch)


@define
class Missing:
    """A required value that nobody gives before the steps that need it. `later`: who writes it too late."""

    param: InputParam
    paths: list[str]
    there: dict[str, str]
    later: list[str] = field(factory=list)


@define
class Dataflow:
    """The result of the walk.

    Attributes:
        reads: every read, in order. versions: every declared version, in order. final: what is there at the end.
        presence: what each step finds, by the step's id. missing: by name.
    """

    reads: list[Read] = field(factory=list)
    versions: list[Version] = field(factory=list)
    final: Environment = field(factory=dict)
    presence: dict[int, Presence] = field(factory=dict)
    missing: dict[str, Missing] = field(factory=dict)

    @property
    def provenance(self) -> dict[str, str]:
        """Value name to the path of its last writer."""
        return {v.name: v.writer for v in self.versions if v.writer != CALLER and v.name in self.final}

    def givers(self, path: str, name: str) -> list[str]:
        """Return who may have given a value to a step, in words."""
        reads = [read for read in self.reads if read.path == path and read.param.name == name]
        writers = (version.writer or "the caller" for read in reads for version in read.sources.versions)
        return list(dict.fromkeys(writers))

    def readers(self) -> dict[Version, list[Read]]:
        """Return who reads each version."""
        found: dict[Version, list[Read]] = {version: [] for version in self.versions}
        for read in self.reads:
            for version in read.sources.versions:
                found.setdefault(version, []).append(read)
        return found


def trace(steps: Sequence[Node], given: Iterable[str]) -> Dataflow:
    """Bind every read of the steps to its sources, for a set of names that the caller gives."""
    flow = Dataflow()
    environment: Environment = {}
    for name in given:
        flow.versions.append(Version(name, 0, CALLER, -1))
        environment[name] = Sources((flow.versions[-1],), certain=True)
    _Walk(flow).sequence(steps, environment)
    flow.final = environment
    for name, missing in flow.missing.items():
        writers = [leaf.path for leaf in leaves(steps) if any(param.name == name for param in leaf.writes)]
        missing.later = [path for path in writers if path not in missing.paths]
    return flow


@define
class _Walk:
    """Walks steps over an environment, which it changes.

    Attributes:
        records: off while a loop's body is walked to find what arrives from the iteration before.
        reports: off inside of branches that may never be taken; what they need is their own business.
        open_writers: blocks in the loops around that may write any name. branch: the branches around.
    """

    flow: Dataflow
    records: bool = True
    reports: bool = True
    open_writers: tuple[str, ...] = ()
    branch: ChoicePath = ()
    _known: dict[tuple[str, str], Version] = field(factory=dict)
    _numbers: dict[str, int] = field(factory=dict)
    # By identity and kept from one walk of a body to the next, so that a step has one position and one version of
    # each value, however often it is walked: else the search for what arrives anew would never end.
    _positions: dict[int, int] = field(factory=dict)

    def sequence(self, steps: Iterable[Node], environment: Environment) -> None:
        for step in steps:
            position = self._positions.setdefault(id(step), len(self._positions))
            self._read(step, position, environment)
            if isinstance(step, BlockNode):
                self._leaf(step, position, environment)
            elif isinstance(step, LoopNode):
                self._loop(step, position, environment)
            else:
                self._choice(step, environment)

    def _leaf(self, step: BlockNode, position: int, environment: Environment) -> None:
        for param in step.writes:
            version = self._version(param, step.path, position, typed=step.typed)
            environment[param.name] = Sources((version,), certain=True)
        for name in step.undeclared.names if step.undeclared else ():
            self._add_undeclared(name, step.path, position, environment)

    def _add_undeclared(self, name: str, path: str, position: int, environment: Environment) -> None:
        version = self._known.get((path, name))
        if version is None:
            version = self._known[path, name] = Version(name, 0, path, position, typed=False, declared=False)
        there = environment.get(name, _NOTHING)
        environment[name] = Sources(tuple(dict.fromkeys([*there.versions, version])), there.certain)

    def _loop(self, step: LoopNode, position: int, environment: Environment) -> None:
        before = dict(environment)
        open_writers = [leaf.path for leaf in leaves(step.body) if leaf.undeclared and leaf.undeclared.others]
        inner = evolve(self, open_writers=(*self.open_writers, *open_writers))
        for variable in step.variables:
            version = self._version(variable, step.path, position, typed=step.typed)
            environment[variable.name] = Sources((version,), certain=True)
        head = dict(environment)
        # The first iteration finds what the second may read, so only from the second walk on is the environment at
        # the head known. It reports what is missing all the same: in the first iteration nothing comes from one
        # before.
        first = evolve(inner, records=False)
        end = dict(head)
        first.sequence(step.body, end)
        quiet = evolve(first, reports=False)
        # A value may wander through several names, one an iteration, so one more walk is not enough. Versions are
        # finite and are only ever added, so the walk comes to an end (Kildall 1973).
        while (joined := _joined(head, end)) != head:
            head = joined
            end = dict(head)
            quiet.sequence(step.body, end)
        # Once more over the fixed point, to record reads with all that can reach them.
        evolve(inner, reports=False).sequence(step.body, head)
        # A loop may take no iteration at all, so what only its body writes is not certain after it.
        environment.clear()
        environment.update(_joined(before, head))
        # The executor ends loop variables with the loop, and one that hid a value of before lets it be seen again.
        for variable in step.variables:
            if variable.name in before:
                environment[variable.name] = before[variable.name]
            else:
                environment.pop(variable.name, None)
        # What foreign code may write without saying so serves its siblings in the loop; behind the loop it may never
        # have happened.
        for name in [n for n, sources in environment.items() if not any(v.declared for v in sources.versions)]:
            del environment[name]

    def _choice(self, step: ChoiceNode, environment: Environment) -> None:
        # A choice that may take no branch leaves everything as it was, and that is one more way through it.
        ends: list[Environment] = [] if step.exhaustive else [dict(environment)]
        for name, branch in step.branches.items():
            end = dict(environment)
            # A branch that is never taken needs nothing, and the caller knows better which will be.
            inner = evolve(self, reports=False, branch=(*self.branch, (step.path, name)))
            inner.sequence(branch, end)
            ends.append(end)
        joined = ends[0]
        for end in ends[1:]:
            joined = _joined(joined, end)
        environment.clear()
        environment.update(joined)

    def _version(self, param: Any, path: str, position: int, typed: bool) -> Version:
        known = self._known.get((path, param.name))
        if known is None:
            number = self._numbers[param.name] = self._numbers.get(param.name, 0) + 1
            known = Version(
                param.name, number, path, position, param.type_hint, typed, param.kwargs_type, branch=self.branch
            )
            self._known[path, param.name] = known
            self.flow.versions.append(known)
        return known

    def _read(self, step: Node, position: int, environment: Environment) -> None:
        for param in step.reads if self.open_writers else ():
            if param.required and param.name is not None and param.name not in environment:
                for writer in self.open_writers:
                    # As if it were written right before the reader, so that the read does not count as carried from
                    # the iteration before.
                    self._add_undeclared(param.name, writer, position - 1, environment)
        if self.records:
            # Certain names are read without a look whether they are there, which is most of what a bound call does.
            known = frozenset(name for name, sources in environment.items() if sources.certain)
            self.flow.presence[id(step)] = Presence(known, frozenset(environment) - known)
        for param in step.reads:
            if param.name is None:
                self._read_group(step, position, param, environment)
                continue
            sources = environment.get(param.name, _NOTHING)
            if self.reports and param.required and not sources.versions:
                self._report(step.path, param, environment)
            if self.records:
                self.flow.reads.append(Read(step.path, position, param, sources, step.typed, self.branch))

    def _read_group(self, step: Node, position: int, group: InputParam, environment: Environment) -> None:
        """Foreign code reads a whole group at once, whatever is in it."""
        if not self.records:
            return
        for name, sources in environment.items():
            if any(version.group == group.kwargs_type for version in sources.versions):
                param = InputParam(name, kwargs_type=group.kwargs_type)
                self.flow.reads.append(Read(step.path, position, param, sources, step.typed, self.branch))

    def _report(self, path: str, param: InputParam, environment: Environment) -> None:
        there = {name: sources.versions[-1].writer for name, sources in environment.items()}
        missing = self.flow.missing.setdefault(str(param.name), Missing(param, [], there))
        if path not in missing.paths:
            missing.paths.append(path)


def _joined(one: Environment, other: Environment) -> Environment:
    names = dict.fromkeys([*one, *other])
    return {name: one.get(name, _NOTHING).joined(other.get(name, _NOTHING)) for name in names}
