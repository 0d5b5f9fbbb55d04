"""What looks wrong with the loops of a plan, before anything runs: values that stay as they were, and work for nothing.

As in `plan_checks`, each finding is a sentence or two with the condition under which it is one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from ...state.type_relations import conflict
from ...state.types import strip_metadata
from ...state.vocabulary import value_of
from ..conditions import NEVER, Condition, any_of
from .flow import Dataflow, Finding, LoopSpan, Read, Version

_PLAIN = (int, float, complex, bool, str, bytes)


def loop_warnings(flow: Dataflow) -> Iterator[Finding]:
    """Yield what looks wrong with loops, and when it is so."""
    yield from _written_variables(flow)
    for loop in flow.loops:
        body = _Body.of(loop, flow)
        yield from _unchanged(body, flow)
        yield from _unused(body, flow)
        yield from _written_over(body, flow)


@frozen
class _Body:
    """What the blocks of a loop read and write.

    Attributes:
        reads: by the path of the reader. writes: versions, in order. changes: versions by name.
    """

    loop: LoopSpan
    reads: Mapping[str, Sequence[Read]]
    writes: Sequence[Version]
    changes: Mapping[str, Sequence[Version]]

    @classmethod
    def of(cls, loop: LoopSpan, flow: Dataflow) -> _Body:
        """Collect them from a dataflow."""
        reads: defaultdict[str, list[Read]] = defaultdict(list)
        changes: defaultdict[str, list[Version]] = defaultdict(list)
        for read in flow.reads_inside(loop):
            reads[read.path].append(read)
        writes = flow.writes_inside(loop)
        for version in writes:
            changes[version.name].append(version)
        return cls(loop, reads, writes, changes)

    @property
    def carried(self) -> Iterator[tuple[Read, Version, Condition]]:
        """What goes from one iteration to the next: who reads it, and when."""
        return (
            (read, version, when)
            for read in self.all_reads
            for version, when in read.sources.ways.items()
            if version.position >= read.position and self.loop.holds(version.position)
        )

    @property
    def all_reads(self) -> Iterable[Read]:
        """What all of the blocks read."""
        return (read for reads in self.reads.values() for read in reads)

    def from_before(self, read: Read) -> Condition:
        """Return when a step finds what was there before the loop, or what only the caller can give."""
        served = any_of(when for v, when in read.sources.ways.items() if v.position < self.loop.position)
        return served | read.unserved if read.param.required else served

    def made_of(self, name: str) -> dict[Version, Condition]:
        """Return what the blocks make of a value, also by way of others, each with when."""
        made: dict[Version, Condition] = {}
        for version in self.writes:
            found = NEVER
            for read in self.reads.get(version.writer, ()):
                ways = read.sources.ways.items()
                found |= (
                    read.guard if read.param.name == name else any_of(when & made.get(v, NEVER) for v, when in ways)
                )
            if found & version.guard:
                made[version] = found & version.guard
        return made


def _written_variables(flow: Dataflow) -> Iterator[Finding]:
    """Yield loop variables that a block in the loop writes."""
    for loop in flow.loops:
        within = [inner for inner in flow.loops if loop.holds(inner.position)]
        for version in flow.writes_inside(loop):
            # Of loops in loops that yield one name, the inner one is the finding, and not what is in it.
            is_inner = any(version.name in inner.variables and inner.holds(version.position) for inner in within)
            if version.name in loop.variables and not is_inner and (found := version.guard & flow.possible):
                is_loop = any(inner.path == version.writer for inner in within)
                text = (
                    f"{version.writer} yields {version.name!r}, and so does {loop.path} around it: the blocks in {version.writer} "
                    f"cannot read that of {loop.path}. Rename one of the two."
                    if is_loop
                    else f"{version.writer} writes {version.name!r}, which is the loop variable of {loop.path}: the blocks behind it "
                    "read that, until the next iteration begins with the loop's own. Rename one of the two."
                )
                yield text, found


def _unchanged(body: _Body, flow: Dataflow) -> Iterator[Finding]:
    """Yield values with which every iteration begins anew, although something is made of them: a step that was left out.

    A loop may carry nothing, and be meant. It is a finding where a block makes something of a value that could be the next one, which
    is lost, and a block behind the loop reads that value as it was before.
    """
    loop, carried = body.loop, [*body.carried]
    between = any_of(when for read, version, when in carried if read.path != version.writer)
    still = loop.guard & flow.possible & ~loop.is_open & ~between
    names: defaultdict[str, list[Read]] = defaultdict(list)
    for read in body.all_reads if still else ():
        names[str(read.param.name)].append(read)
    for name, reads in names.items():
        left = still & ~any_of(version.guard for version in body.changes.get(name, ()))
        behind = [read for read in flow.reads_of(name) if read.position > loop.end] if left else []
        for version, made in (body.made_of(name) if behind else {}).items():
            begun = any_of(
                body.from_before(read) & ~_remembered(version, read, carried, flow)
                for read in reads
                if _could_follow(version.type_hint, read.param.type_hint)
            )
            if begun:
                yield from _lost(version, left & made & begun, behind, body, flow)


def _could_follow(made: object, begun: object) -> bool:
    """Return whether what a block makes could be the next of what it makes it of.

    A number or a text is more likely a result than a state, and of two unknown types nothing is likely.
    """
    kinds = [strip_metadata(hint) for hint in (made, begun)]
    known = [kind for kind in kinds if kind is not None and kind is not Any]
    return bool(known) and not any(kind in _PLAIN for kind in known) and conflict(made, begun) is None


def _remembered(
    version: Version, begun: Read, carried: Sequence[tuple[Read, Version, Condition]], flow: Dataflow
) -> Condition:
    """Return when something is carried that may be what the loop is for.

    What only the block that makes the version remembers for itself is none of that, as the guidance of a prediction; but there the
    version must have the very shape of what the iterations begin with.
    """
    shape = _shape(begun.param.type_hint)
    is_likely = bool(shape) and _shape(version.type_hint) == shape
    return any_of(
        when
        for read, memory, when in carried
        if not is_likely
        or read.path != version.writer
        or _shape(memory.type_hint) == shape
        or any(other.path != read.path for other in flow.readers[memory])
    )


def _lost(version: Version, when: Condition, behind: Sequence[Read], body: _Body, flow: Dataflow) -> Iterator[Finding]:
    """Yield that a version would have been the next value that the reads behind the loop ask for."""
    head = f"Every iteration of {body.loop.path} begins with the same"
    left = when & flow.unread(version)
    for read in behind:
        if not left:
            break
        name, before = read.param.name, _as_before(read, version, body)
        if found := left & before:
            left &= ~before
            text = (
                f"{head} {name!r}: no block in it writes {name!r}, and {read.path} reads what was there before the loop. "
                f"{version.writer} makes {version.name!r} of it, which nobody reads. Is the block missing that makes the next {name!r} "
                f"of {version.name!r}, or in the wrong place?"
            )
            yield text, found
    taken: defaultdict[str, Condition] = defaultdict(lambda: NEVER)
    for read in flow.readers[version]:
        if read.position > body.loop.end:
            taken[read.path] |= read.sources.ways[version]
    for read in behind if taken else ():
        name, before = str(read.param.name), _as_before(read, version, body)
        if found := when & before & taken[read.path] & flow.written_by(read.path, name):
            text = (
                f"{head} {name!r}: no block in it writes {name!r}, and {read.path}, behind the loop, makes the next one of the last "
                f"{version.name!r} alone. Move {read.path} into {body.loop.path}, behind {version.writer}."
            )
            yield text, found


def _as_before(read: Read, version: Version, body: _Body) -> Condition:
    """Return when a step behind a loop finds what was there before it, where it can come behind a version of the loop."""
    return NEVER if read.is_apart_from(version) else body.from_before(read) | read.unserved


def _unused(body: _Body, flow: Dataflow) -> Iterator[Finding]:
    """Yield what is made of a value that the loop changes, in its own shape, without being asked for in the change."""
    for version in body.writes:
        lost = flow.unread(version) & ~body.loop.is_open
        shape = _shape(version.type_hint) if lost else ""
        for name, changes in body.changes.items() if shape else ():
            # Before the change: what is made of a value afterwards belongs to it, and may be a result.
            odd = (change for change in changes if _shape(change.type_hint) != shape or not _follows(change, version))
            fed = any_of(_fed(change, body) for change in changes)
            found = lost & ~fed & ~any_of(change.guard for change in odd) & body.made_of(name).get(version, NEVER)
            for change in changes if found else ():
                reads = any_of(read.guard for read in body.reads.get(change.writer, ()) if read.param.name == name)
                if now := found & change.guard & reads:
                    found &= ~now
                    text = (
                        f"{version.writer} makes {version.name!r} of {name!r} in every iteration of {body.loop.path}, which nobody "
                        f"reads, and {change.writer} changes {name!r} without it. Should {change.writer} read {version.name!r}?"
                    )
                    yield text, now


def _shape(type_hint: object) -> str:
    value = value_of(type_hint)
    # A prediction has the channels of latents, and behind them perhaps a variance.
    return value.shape.replace(" predicted ", " c ") if value else ""


def _follows(change: Version, version: Version) -> bool:
    return change.position > version.position and not change.is_apart_from(version)


def _fed(change: Version, body: _Body) -> Condition:
    """Return when a block changes a value by what other blocks of the loop have made in the same iteration."""
    return any_of(
        when
        for read in body.reads.get(change.writer, ())
        for version, when in read.sources.ways.items()
        if version.name != change.name and body.loop.holds(version.position)
    )


def _written_over(body: _Body, flow: Dataflow) -> Iterator[Finding]:
    """Yield what a loop writes for itself alone, if nothing of it reaches anybody behind and some is written again: work for nothing."""
    loop = body.loop
    vain = loop.guard & flow.possible & ~loop.is_open & ~loop.is_silent
    for version in body.writes:
        outside = (read for read in flow.readers[version] if not loop.holds(read.position))
        vain &= ~flow.kept(version) & ~any_of(read.sources.ways[version] for read in outside) if vain else NEVER
    for version in body.writes if vain else ():
        # What nobody reads at all is said without a loop.
        left = vain & version.guard & ~flow.unread(version)
        if left and (found := left & flow.written_between(version.name, loop.end, None)):
            text = (
                f"{version.writer} writes {version.name!r}, which nobody behind the loop {loop.path} reads before it is written again. "
                "Is a block missing in between, or in the wrong place?"
            )
            yield text, found
