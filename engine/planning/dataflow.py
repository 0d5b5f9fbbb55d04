"""Who gives each value to whom: every read of every step, with the versions of the value that can reach it.

The walk is a reaching-definitions analysis. A loop's body is walked until nothing new arrives from the iteration before;
after a choice the versions of all branches are there. Steps may have conditions: then each version is there under one, and for every
set of given inputs the result is that of the steps which are there, on which `guarded_nodes` agrees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import define, evolve, field

from ...state import InputParam
from ..conditions import ALWAYS, NEVER, Condition, any_of
from ..nodes import BlockNode, ChoiceNode, LoopNode, Node, Presence, guarded_nodes
from ..scoped_names import forget_scope
from .flow import (
    CALLER,
    NOTHING,
    ChoicePath,
    Dataflow,
    Environment,
    LoopSpan,
    Missing,
    Mutation,
    Read,
    Sources,
    Version,
)


def trace(steps: Sequence[Node], given: Iterable[str], possible: Condition = ALWAYS) -> Dataflow:
    """Bind every read of the steps to its sources, for a set of names that the caller gives.

    Args:
        possible: of steps with conditions, the inputs that are looked at.
    """
    flow = Dataflow(possible=possible)
    environment: Environment = {}
    for name in given:
        flow.versions.append(Version(name, 0, CALLER, -1))
        environment[name] = Sources({flow.versions[-1]: ALWAYS}, ALWAYS, ALWAYS)
    _Walk(flow).sequence(steps, environment, ALWAYS)
    flow.final = environment
    if flow.missing:
        _note_writers(steps, flow)
    return flow


def _note_writers(steps: Sequence[Node], flow: Dataflow) -> None:
    """Say of what is missing which steps write it, wherever they stand."""
    taken: dict[str | None, frozenset[str | None]] = {}
    needed: dict[str, set[str]] = {}
    for name, missing in flow.missing.items():
        for path in missing.when:
            needed.setdefault(path, set()).add(name)
    passed: set[str] = set()
    for node, guard in guarded_nodes(steps):
        passed |= needed.get(node.path, frozenset())
        if not isinstance(node, BlockNode):
            continue
        if node.opens is not None:
            taken[node.opens] = frozenset(param.name for param in node.reads)
        # A scope that takes a value in and lets one out under its name is no later writer of it, as a block is none that does so.
        own = taken.get(node.closes, frozenset())
        for param in node.writes:
            # What a scope lets out before somebody needs it would be there, had a block in the scope written it.
            is_before = node.closes is not None and param.name not in passed
            if param.name in flow.missing and param.name not in own and not is_before:
                flow.missing[param.name].writers.append((node.path, guard))


@define
class _Walk:
    """Walks steps over an environment, which it changes.

    Attributes:
        records: off while a loop's body is walked to find what arrives from the iteration before.
        reports: off inside of branches that may never be taken; what they need is their own business.
        open_writers: blocks in the loops around that may write any name, and when. branch: the branches around.
    """

    flow: Dataflow
    records: bool = True
    reports: bool = True
    open_writers: tuple[tuple[str, Condition], ...] = ()
    branch: ChoicePath = ()
    _known: dict[Any, Version] = field(factory=dict)
    _numbers: dict[str, int] = field(factory=dict)
    # By identity and kept from one walk of a body to the next, so that a step has one position and one version of
    # each value, however often it is walked: else the search for what arrives anew would never end.
    _positions: dict[int, int] = field(factory=dict)

    def sequence(self, steps: Iterable[Node], environment: Environment, around: Condition) -> None:
        for step in steps:
            guard = around & step.guard
            position = self._positions.setdefault(id(step), len(self._positions))
            self._read(step, position, guard, environment)
            if isinstance(step, BlockNode):
                self._leaf(step, position, guard, environment)
            elif isinstance(step, LoopNode):
                self._loop(step, position, guard, environment)
            else:
                self._choice(step, guard, environment)

    def _leaf(self, step: BlockNode, position: int, guard: Condition, environment: Environment) -> None:
        if self.records and step.mutates:
            self.flow.mutations.append(Mutation(step.path, position, step.mutates, not step.writes, guard))
        for param in step.writes:
            if param.name not in step.hands_on:
                self._write(step, param, position, guard, environment)
        if step.hands_on:
            self._hand_on(step, guard, environment)
        if step.closes is not None:
            forget_scope(environment, step.closes)
        for name in step.undeclared.names if step.undeclared else ():
            self._add_undeclared(name, step.path, position, guard, environment)

    def _hand_on(self, step: BlockNode, guard: Condition, environment: Environment) -> None:
        """Let another name stand for the very versions of a value, as far as they are there."""
        if step.opens is not None:
            self.flow.outside.update(step.hands_on)
        for name, source in step.hands_on.items():
            found = environment.get(source, NOTHING).within(guard)
            known = environment.get(name, NOTHING)
            left = known.within(~found.certain)
            ways = {v: left.ways.get(v, NEVER) | found.ways.get(v, NEVER) for v in [*left.ways, *found.ways]}
            if ways:
                environment[name] = Sources(ways, left.certain | found.certain)

    def _write(self, step: Node, param: Any, position: int, guard: Condition, environment: Environment) -> None:
        version = self._version(param, step, position, guard)
        environment[param.name] = environment.get(param.name, NOTHING).replaced(version, guard)

    def _add_undeclared(self, name: str, path: str, position: int, when: Condition, environment: Environment) -> None:
        version = self._known.get((path, name))
        if version is None:
            version = self._known[path, name] = Version(name, 0, path, position, typed=False, declared=False)
        environment[name] = environment.get(name, NOTHING).with_more(version, when)

    def _loop(self, step: LoopNode, position: int, guard: Condition, environment: Environment) -> None:
        before = dict(environment)
        parts = [*guarded_nodes(step.body, guard)]
        open_writers = [
            (leaf.path, when)
            for leaf, when in parts
            if isinstance(leaf, BlockNode) and leaf.undeclared and leaf.undeclared.others
        ]
        inner = evolve(self, open_writers=(*self.open_writers, *open_writers))
        for variable in step.variables:
            self._write(step, variable, position, guard, environment)
        head = dict(environment)
        # Every iteration begins with the loop's own, whatever a block has written over them in the one before.
        own = {variable.name: head[variable.name] for variable in step.variables}
        # The first iteration finds what the second may read, so only from the second walk on is the environment at
        # the head known. It reports what is missing all the same: in the first iteration nothing comes from one
        # before.
        first = evolve(inner, records=False)
        end = dict(head)
        first.sequence(step.body, end, guard)
        quiet = evolve(first, reports=False)
        # A value may wander through several names, one an iteration, so one more walk is not enough. Versions are
        # finite and are only ever added, so the walk comes to an end (Kildall 1973).
        while (joined := _joined(head, end) | own) != head:
            head = joined
            end = dict(head)
            quiet.sequence(step.body, end, guard)
        if self.records:
            self.flow.loops.append(self._span(step, position, guard, parts, any_of(when for _, when in open_writers)))
        # Once more over the fixed point, to record reads with all that can reach them.
        evolve(inner, reports=False).sequence(step.body, head, guard)
        environment.clear()
        environment.update(_behind_loop(before, head))
        # The executor ends loop variables with the loop, and one that hid a value of before lets it be seen again.
        for variable in step.variables:
            if variable.name in before:
                environment[variable.name] = before[variable.name]
            else:
                environment.pop(variable.name, None)
        _forget_undeclared(guard, environment)

    def _span(
        self,
        step: LoopNode,
        position: int,
        guard: Condition,
        parts: Sequence[tuple[Node, Condition]],
        is_open: Condition,
    ) -> LoopSpan:
        # In the order of the walk, so the last of its parts has the last position.
        end = self._positions[id(parts[-1][0])] if parts else position
        variables = frozenset(variable.name for variable in step.variables)
        silent = any_of(when for leaf, when in parts if isinstance(leaf, BlockNode) and not leaf.writes)
        mutates: dict[str, Condition] = {}
        for leaf, when in parts:
            for name in leaf.mutates if isinstance(leaf, BlockNode) else ():
                mutates[name] = mutates.get(name, NEVER) | when
        return LoopSpan(step.path, position, end, step.reads, step.counted, variables, guard, is_open, silent, mutates)

    def _choice(self, step: ChoiceNode, guard: Condition, environment: Environment) -> None:
        # A choice that may take no branch leaves everything as it was, and that is one more way through it.
        ends = [(~guard if step.exhaustive else ALWAYS, dict(environment))]
        ways: list[tuple[str | None, Condition, Environment]] = [
            (None, NEVER if step.exhaustive else guard, ends[0][1])
        ]
        for name, branch in step.branches.items():
            end = dict(environment)
            # A branch that is never taken needs nothing, and the caller knows better which will be.
            inner = evolve(self, reports=False, branch=(*self.branch, (step.path, name)))
            taken = guard & step.guards.get(name, ALWAYS)
            inner.sequence(branch, end, taken)
            ends.append((taken, end))
            ways.append((name, taken, end))
        if self.records:
            self.flow.ways_through.setdefault(step.path, []).extend(ways)
        environment.clear()
        environment.update(_any_of_ends(ends))

    def _version(self, param: Any, step: Node, position: int, guard: Condition) -> Version:
        # One block may stand in the steps several times, each under another condition.
        key = step.path, param.name, self.branch, guard
        known = self._known.get(key)
        if known is None:
            number = self._numbers[param.name] = self._numbers.get(param.name, 0) + 1
            known = self._known[key] = Version(
                param.name,
                number,
                step.path,
                position,
                param.type_hint,
                step.typed,
                param.kwargs_type,
                branch=self.branch,
                guard=guard,
            )
            self.flow.versions.append(known)
        return known

    def _read(self, step: Node, position: int, guard: Condition, environment: Environment) -> None:
        for param in step.reads if self.open_writers else ():
            if param.required and param.name is not None:
                absent = guard & ~environment.get(param.name, NOTHING).there()
                for writer, when in self.open_writers if absent else ():
                    # As if it were written right before the reader, so that the read does not count as carried from
                    # the iteration before.
                    self._add_undeclared(param.name, writer, position - 1, absent & when, environment)
        if self.records:
            self._note_presence(step, environment)
        for param in step.reads:
            if param.name is None:
                self._read_group(step, position, param, guard, environment)
                continue
            read = self._bound(step, position, param, guard, environment)
            if self.reports and param.required and (absent := read.unserved):
                self._report(step.path, param, absent, environment)
            if self.records:
                self.flow.reads.append(read)

    def _note_presence(self, step: Node, environment: Environment) -> None:
        # Certain names are read without a look whether they are there, which is most of what a bound call does. A block asks for
        # what it reads; a loop also for what `count` takes.
        asked = environment if isinstance(step, LoopNode) else [param.name for param in step.reads]
        names = [name for name in asked if name and name in environment]
        known = frozenset([name for name in names if environment[name].certain])
        maybe = frozenset(names) - known
        writers = {name: [version.writer for version in environment[name].ways] for name in maybe}
        self.flow.presence[id(step)] = Presence(known, maybe, step.path, writers)

    def _bound(self, step: Node, position: int, param: InputParam, guard: Condition, environment: Environment) -> Read:
        sources = environment.get(str(param.name), NOTHING).within(guard)
        return Read(step.path, position, param, sources, step.typed, self.branch, guard)

    def _read_group(
        self, step: Node, position: int, group: InputParam, guard: Condition, environment: Environment
    ) -> None:
        """Foreign code reads a whole group at once, whatever is in it."""
        if not self.records:
            return
        if any(version.writer == CALLER for version in environment.get(str(group.kwargs_type), NOTHING).ways):
            # All of it in one dict, under the name of the group.
            self.flow.reads.append(self._bound(step, position, InputParam(group.kwargs_type), guard, environment))
        for name, sources in environment.items():
            inside = guard & any_of(when for v, when in sources.ways.items() if v.group == group.kwargs_type)
            if inside:
                param = InputParam(name, kwargs_type=group.kwargs_type)
                self.flow.reads.append(self._bound(step, position, param, inside, environment))

    def _report(self, path: str, param: InputParam, absent: Condition, environment: Environment) -> None:
        # By the name outside of scopes, if it has one: under that it may be given.
        name = self.flow.outside_name(str(param.name))
        missing = self.flow.missing.setdefault(name, Missing(there=dict(environment)))
        missing.params.setdefault(path, param)
        missing.when[path] = missing.when.get(path, NEVER) | absent


def _joined(one: Environment, other: Environment) -> Environment:
    names = dict.fromkeys([*one, *other])
    return {name: one.get(name, NOTHING).joined(other.get(name, NOTHING)) for name in names}


def _behind_loop(before: Environment, end: Environment) -> Environment:
    """Return what is there behind a loop, which may take no iteration at all."""
    found = _joined(before, end)
    return {name: evolve(sources, settled=end.get(name, NOTHING).settled) for name, sources in found.items()}


def _any_of_ends(ends: Sequence[tuple[Condition, Environment]]) -> Environment:
    """Return what is there where several ways meet, each of which may have been taken under a condition."""
    found: Environment = {}
    for name in dict.fromkeys(name for when, end in ends if when for name in end):
        ways: dict[Version, Condition] = {}
        certain = settled = ALWAYS
        for when, end in ends:
            sources = end.get(name, NOTHING).within(when)
            for version, part in sources.ways.items():
                ways[version] = ways.get(version, NEVER) | part
            certain &= sources.certain | ~when
            settled &= sources.settled | ~when
        if ways:
            found[name] = Sources(ways, certain, settled)
    return found


def _forget_undeclared(guard: Condition, environment: Environment) -> None:
    """Leave out, behind a loop, what only foreign code may have written without saying so: it serves its siblings in the loop, and
    behind it may never have happened.
    """
    for name, sources in [*environment.items()]:
        if all(version.declared for version in sources.ways):
            continue
        doubtful = guard & ~sources.there(declared_only=True)
        ways = {v: part for v, when in sources.ways.items() if (part := when if v.declared else when & ~doubtful)}
        if ways:
            environment[name] = Sources(ways, sources.certain & ~doubtful, sources.settled & ~doubtful)
        else:
            del environment[name]
