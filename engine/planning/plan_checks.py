"""What a plan can know to be wrong, or to look wrong, before anything runs. Each finding is a sentence or two.

Every finding comes with the condition under which it is one. In a plan that is constant; of all workflows of a composition, it says
which inputs lead to it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from ...state.errors import nearest
from ...state.type_relations import conflict
from ...state.types import type_words
from ..conditions import NEVER, Condition, any_of
from ..scoped_names import own_name, scope_of, scoped
from .flow import CALLER, NOTHING, Dataflow, Missing, Read, Version

Finding = tuple[str, Condition]
MOST_LISTS = 512
"""How many different lists of steps one finding is told with, at most; beyond, all steps are told in one."""


def missing_inputs(flow: Dataflow) -> list[str]:
    """Return required values that nobody gives before the steps that need them."""
    found: list[str] = []
    for name, missing in flow.missing.items():
        if not scope_of(name):
            later = next((path for path, _ in missing.writers if path not in missing.when), None)
            found.append(_missing_text(name, missing, tuple(missing.when), later))
    return found


def find_faults(flow: Dataflow) -> list[str]:
    """Return what cannot be meant: types that cannot meet, and defaults that contradict each other."""
    return [text for text, _ in faults(flow)]


def find_warnings(flow: Dataflow) -> list[str]:
    """Return what looks wrong: as above where foreign code only hints at types; values that nobody can ever read."""
    return [text for text, _ in warnings(flow)]


def faults(flow: Dataflow) -> Iterator[Finding]:
    """Yield what `find_faults` returns, and when it is so."""
    # Only what checked annotations say is an error. Hints of foreign code are often wrong or copied, and must not
    # stop a run that works.
    yield from _type_conflicts(flow, certain=True)
    yield from _default_conflicts(flow, certain=True)
    yield from _not_let_in(flow)


def warnings(flow: Dataflow) -> Iterator[Finding]:
    """Yield what `find_warnings` returns, and when it is so."""
    yield from _type_conflicts(flow, certain=False)
    yield from _default_conflicts(flow, certain=False)
    yield from _overwritten(flow)
    yield from _written_too_late(flow)
    yield from _misspelt(flow)
    yield from _undeclared(flow)


def late_writes(flow: Dataflow) -> Iterator[Finding]:
    """Yield required values that only a later block writes, which does not read them itself: an order mistake."""
    for name, missing in flow.missing.items():
        for paths, when, note in _lists(missing.when.items(), flow.possible) if not scope_of(name) else ():
            later = [(path, guard) for path, guard in missing.writers if path not in paths]
            reads = {path: any_of(read.guard for read in flow.reads_at(path, name)) for path, _ in later}
            left = when & any_of(guard & ~reads[path] for path, guard in later)
            for path, guard in later:
                if found := left & guard:
                    yield _missing_text(name, missing, paths, path) + note, found
                left &= ~guard


def _lists(
    named: Iterable[tuple[str, Condition]], within: Condition
) -> Iterator[tuple[tuple[str, ...], Condition, str]]:
    """Yield which of some steps can be meant together, with when, and a sentence that belongs behind the text."""
    steps = [(name, part) for name, when in named if (part := when & within)]
    found: list[tuple[tuple[str, ...], Condition]] = [((), within)]
    for name, when in steps:
        split = [((*names, name), under & when) for names, under in found]
        split += [(names, under & ~when) for names, under in found]
        found = [(names, under) for names, under in split if under]
        if len(found) > MOST_LISTS:
            every = any_of(when for _, when in steps)
            yield tuple(name for name, _ in steps), every, " Which of them it is hangs on the inputs."
            return
    yield from ((names, under, "") for names, under in found if names)


def _missing_text(name: str, missing: Missing, paths: tuple[str, ...], later: str | None) -> str:
    path, *others = paths
    also = f" (and so do {', '.join(others)})" if others else ""
    param = missing.params[path]
    own = own_name(str(param.name))
    known = f", which it knows as {own!r}" if own != name else ""
    text = f"{path} needs {name!r} ({type_words(param.type_hint)}){known}{also}; it was not given, and no earlier block gives it."
    if later is not None:
        return f"{text} {later} writes it, but only later: move that before {path}, or pass {name}=..."
    near = nearest(name, [each for each in missing.there if not scope_of(each)])
    if near is not None:
        writer = missing.there[near].versions[-1].writer
        text += f" Nearest: {near!r}" + (f" (from {writer})." if writer != CALLER else ".")
    return f"{text} Pass {name}=..."


def _not_let_in(flow: Dataflow) -> Iterator[Finding]:
    """Yield what blocks of a scope require that does not come into it: nobody can give it, so it is no matter of inputs."""
    for name, missing in flow.missing.items():
        scope, own = scope_of(name), own_name(name)
        for paths, when, note in _lists(missing.when.items(), flow.possible) if scope else ():
            path, *others = paths
            also = f" (and so do {', '.join(others)})" if others else ""
            words = type_words(missing.params[path].type_hint)
            later = next((writer for writer, _ in missing.writers if writer not in paths), None)
            text = (
                f"{path} needs {own!r} ({words}){also}, and no earlier block of the scope {scope} gives it. From outside it does "
                f"not come by itself, since {later or 'a block'} of the scope writes it. Let it in under its name outside: "
                f"inputs={{{own!r}: ...}}."
            )
            yield text + note, when


def _type_conflicts(flow: Dataflow, certain: bool) -> Iterator[Finding]:
    """Yield reads whose producer gives another type; `certain` where both sides are checked annotations."""
    for read in flow.reads:
        for version, when in read.sources.ways.items():
            # What the caller gives is looked at as a value, which knows more than a type.
            if version.writer == CALLER or (read.typed and version.typed) is not certain:
                continue
            reason = conflict(version.type_hint, read.param.type_hint)
            if reason and (found := when & flow.possible):
                text = (
                    f"{read.path} needs {_seen_as(read, version)} as {type_words(read.param.type_hint)}, and {version.writer} "
                    f"gives {type_words(version.type_hint)}: {reason}. Convert it in a block between the two, or "
                    f"rename one of the values."
                )
                yield text, found


def _seen_as(read: Read, version: Version) -> str:
    """Return the name of a version, and what its reader calls it, if that is another."""
    own, name = own_name(str(read.param.name)), own_name(version.name)
    return repr(name) if own == name else f"{name!r}, which it knows as {own!r},"


def _default_conflicts(flow: Dataflow, certain: bool) -> Iterator[Finding]:
    """Yield inputs that two blocks would read with different defaults where nobody gives them."""
    unbound: dict[str, list[tuple[Read, Condition]]] = {}
    for read in flow.reads:
        # None says that the block chooses by itself, which contradicts nothing.
        if not read.param.required and read.param.default is not None and (when := read.unserved):
            unbound.setdefault(flow.outside_name(str(read.param.name)), []).append((read, when))
    for name, reads in unbound.items():
        left = flow.possible
        for position, (first, when) in enumerate(reads):
            here = left & when
            for other, also in reads[position + 1 :] if here else ():
                found = here & also
                if not found or (first.typed and other.typed) is not certain:
                    continue
                if not _same(first.param.default, other.param.default):
                    text = (
                        f"{name!r} is {first.param.default!r} for {first.path} and {other.param.default!r} for "
                        f"{other.path} where nobody gives it. Give both the same default, or rename one."
                    )
                    yield text, found
            left &= ~when
            if not left:
                break


def _same(one: object, other: object) -> bool:
    try:
        return one is other or bool(one == other)
    except (ValueError, RuntimeError):  # arrays and tensors have no single answer
        return False


def _unread(flow: Dataflow, version: Version) -> Condition:
    """Return when a block writes a version and nobody reads it."""
    if version.writer == CALLER:
        return NEVER
    read = any_of(read.sources.ways[version] for read in flow.readers[version])
    return version.guard & flow.possible & ~read


def _overwritten(flow: Dataflow) -> Iterator[Finding]:
    """Yield outputs that nobody reads before they are written again: work for nothing."""
    for version in flow.versions:
        # What stands at the end may be what the caller wants, whether a block reads it or not.
        kept = flow.final.get(version.name, NOTHING).ways.get(version, NEVER)
        left = _unread(flow, version) & ~kept
        # A later step must write the same name; a loop's variables just end with the loop.
        if left and (found := left & flow.written_between(version.name, version.position, None)):
            text = (
                f"{version.writer} writes {own_name(version.name)!r}, which nobody reads before it is written again. "
                "Is a block missing in between, or in the wrong place?"
            )
            yield text, found


def _written_too_late(flow: Dataflow) -> Iterator[Finding]:
    """Yield values that are written after their only readers."""
    for name, sources in flow.final.items():
        for version, when in sources.ways.items():
            # What the caller gives comes before every block, so it is never late.
            if version.writer == CALLER:
                continue
            later = (read for read in flow.readers[version] if read.position > version.position)
            late = when & flow.possible & ~any_of(read.sources.ways[version] for read in later)
            early: dict[str, Condition] = {}
            for read in flow.reads_of(name) if late else ():
                early[read.path] = early.get(read.path, NEVER) | _read_before(read, version, flow)
            for paths, found, note in _lists(early.items(), late):
                text = (
                    f"{version.writer} writes {name!r} after {', '.join(paths)} read it, and "
                    f"no later block reads what it writes. Move it before {paths[0]}, or leave it out.{note}"
                )
                yield text, found


def _read_before(read: Read, version: Version, flow: Dataflow) -> Condition:
    """Return when a step reads a value before the version that comes too late, and nothing speaks for that."""
    if read.position >= version.position or read.is_apart_from(version):
        return NEVER
    found = read.guard & ~read.sources.ways.get(version, NEVER) & ~flow.written_by(read.path, version.name)
    from_blocks = any_of(when for source, when in read.sources.ways.items() if source.writer != CALLER)
    if found & ~from_blocks:
        # It looks at what the caller gave, and others make something of it first.
        found &= from_blocks | ~flow.written_between(version.name, read.position, version.position)
    return found


def _misspelt(flow: Dataflow) -> Iterator[Finding]:
    """Yield values that nobody reads, while a later block reads one with nearly the same name."""
    names: dict[str, list[str]] = {}
    for name in dict.fromkeys(str(read.param.name) for read in flow.reads):
        names.setdefault(scope_of(name), []).append(own_name(name))
    close: dict[str, list[str]] = {}
    for version in flow.versions:
        left = _unread(flow, version)
        if left and version.name not in close:
            # Stricter than where a name is missing: here nothing is certainly wrong, and `mask` and `masks` may both be
            # meant. All names at once, the nearest first: which of them are read hangs on the version, and on the inputs.
            # Within one scope, since names of two have a beginning in common, and mean different values.
            scope, among = scope_of(version.name), names.get(scope_of(version.name), [])
            found_near = difflib.get_close_matches(own_name(version.name), among, n=len(among) + 1, cutoff=0.85)
            close[version.name] = [scoped(scope, near) if scope else near for near in found_near]
        for near in close[version.name] if left else ():
            later = [r for r in flow.reads_of(near) if r.position > version.position and not r.is_apart_from(version)]
            for read in reversed(later):
                if near != version.name and (found := left & read.guard):
                    text = (
                        f"{version.writer} writes {own_name(version.name)!r}, which nobody reads, and {read.path} reads "
                        f"{own_name(near)!r}. "
                        "Is one of them misspelt?"
                    )
                    yield text, found
                left &= ~read.guard


def _undeclared(flow: Dataflow) -> Iterator[Finding]:
    """Yield reads in loops that only foreign code without a declaration may serve."""
    for read in flow.reads:
        writers: dict[str, Condition] = {}
        for version, when in read.sources.ways.items():
            if not version.declared:
                writers[version.writer] = writers.get(version.writer, NEVER) | when
        only = read.guard & flow.possible & ~read.sources.there(declared_only=True) if writers else NEVER
        for paths, found, note in _lists(writers.items(), only):
            text = (
                f"{read.path} reads {own_name(str(read.param.name))!r}, which no block declares as its output; it may be written "
                f"undeclared by {', '.join(paths)}. Declare it there, or the run may stop at the first read.{note}"
            )
            yield text, found
