"""What a plan can know to be wrong, or to look wrong, before anything runs. Each finding is a sentence or two.

Every finding comes with the condition under which it is one. In a plan that is constant; of all workflows of a composition, it says
which inputs lead to it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator

from ...state.defaults import are_same
from ...state.errors import Fault, nearest
from ...state.type_relations import conflict
from ...state.types import type_words
from ..conditions import NEVER, Condition, any_of
from ..scoped_names import MARK, own_name, scope_of
from .branch_values import written_in_some_branches
from .count_checks import count_faults, count_warnings
from .dimension_checks import dimension_conflicts
from .flow import CALLER, Dataflow, Finding, Missing, Read, Version
from .listings import lists
from .loop_checks import loop_warnings
from .name_checks import misspelt
from .type_checks import two_types, wider_types
from .used_up import used_up

OtherWriters = Callable[[str, str], str]
"""From the name of a value and the path of who needs it to a sentence about those who would write it, with other inputs."""


def nobody(name: str, reader: str) -> str:  # noqa: ARG001 - it says nothing of any
    """Say nothing of other writers."""
    return ""


def missing_inputs(flow: Dataflow, others: OtherWriters = nobody) -> list[str]:
    """Return required values that nobody gives before the steps that need them."""
    found: list[str] = []
    for name, missing in flow.missing.items():
        if not scope_of(name):
            later = next((path for path, _ in missing.writers if path not in missing.when), None)
            elsewhere = others(name, next(iter(missing.when)))
            found.append(Fault(_missing_text(name, missing, tuple(missing.when), later, flow, elsewhere), name))
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
    yield from count_faults(flow)
    yield from two_types(flow, of_required=True)
    yield from dimension_conflicts(flow)
    yield from _not_let_in(flow)


def warnings(flow: Dataflow) -> Iterator[Finding]:
    """Yield what `find_warnings` returns, and when it is so."""
    yield from _type_conflicts(flow, certain=False)
    yield from _default_conflicts(flow, certain=False)
    yield from two_types(flow, of_required=False)
    yield from wider_types(flow)
    yield from _overwritten(flow)
    yield from _written_too_late(flow)
    yield from misspelt(flow)
    yield from _undeclared(flow)
    yield from count_warnings(flow)
    yield from loop_warnings(flow)
    yield from used_up(flow)
    yield from written_in_some_branches(flow)


def late_writes(flow: Dataflow) -> Iterator[Finding]:
    """Yield required values that only a later block writes, which does not read them itself: an order mistake."""
    for name, missing in flow.missing.items():
        for paths, when, note in lists(missing.when.items(), flow.possible) if not scope_of(name) else ():
            later = [(path, guard) for path, guard in missing.writers if path not in paths]
            meant = {path: _meant_for_later(path, name, paths, when & guard, flow) for path, guard in later}
            left = when & any_of(guard & ~meant[path] for path, guard in later)
            for path, guard in later:
                if found := left & guard:
                    yield _missing_text(name, missing, paths, path, flow) + note, found
                left &= ~guard
            # A loop before them that yields it, and no later block that writes it, too.
            for loop in [each for each in flow.loops if name in each.variables]:
                ended = when & loop.guard & ~any_of(guard for _, guard in later)
                if ended and loop.end < _first_read(paths, name, flow):
                    yield _missing_text(name, missing, paths, None, flow) + note, ended


def _first_read(paths: Collection[str], name: str, flow: Dataflow) -> int:
    """Return where the first of some steps reads a value."""
    return min((read.position for read in flow.reads_in(paths) if read.param.name == name), default=-1)


def _meant_for_later(path: str, name: str, paths: Collection[str], within: Condition, flow: Dataflow) -> Condition:
    """Return when a block writes a value that is not for those steps before it, but for what comes behind."""
    # Who changes a value in every workflow, before the block that makes it where it is not given, was meant to stand behind that. (In
    # some workflows only, the value is what chooses them.)
    changes = not flow.possible & ~within and all(flow.written_by(each, name) for each in paths)
    found = any_of([read.guard for read in flow.reads_at(path, name) if read.param.required or not changes])
    if not within & ~found:
        return found  # it reads what it writes: looking further would be quadratic in a long row
    # Who works with what a reader has made of it gives the next value, and cannot come before it.
    return found | any_of(flow.hangs_on(path, read) for read in flow.reads_in(paths) if read.param.name == name)


def _for_next_iteration(path: str, paths: Container[str], flow: Dataflow) -> Condition:
    """Return when what a block writes can only be made of what some steps of the same loop have written, before it."""
    found = NEVER
    for loop in flow.loops:
        reads = flow.reads_inside(loop)
        if any(read.path == path for read in reads):
            found |= loop.guard & any_of(flow.hangs_on(path, read) for read in reads if read.path in paths)
    return found


def _missing_text(
    name: str, missing: Missing, paths: tuple[str, ...], later: str | None, flow: Dataflow, elsewhere: str = ""
) -> str:
    path, *others = paths
    also = f" (and so do {', '.join(others)})" if others else ""
    param = missing.params[path]
    own = own_name(str(param.name))
    known = f", which it knows as {own!r}" if own != name else ""
    text = f"{path} needs {name!r} ({type_words(param.type_hint)}){known}{also}; it was not given, and no earlier block gives it."
    if later is not None and _for_next_iteration(later, paths, flow):
        return f"{text} {later} writes it for the next iteration: pass {name}=... for the first."
    if later is not None:
        return f"{text} {later} writes it, but only later: move that before {path}, or {path} behind it, or pass {name}=..."
    if ended := _ended_words(str(param.name), _first_read(paths, str(param.name), flow), flow):
        return f"{text} {ended} Or pass {name}=..."
    near = nearest(name, [each for each in missing.there if not scope_of(each)]) if not elsewhere else None
    if near is not None:
        writer = missing.there[near].versions[-1].writer
        text += f" Nearest: {near!r}" + (f" (from {writer})." if writer != CALLER else ".")
    return f"{text}{elsewhere} {'Or pass' if elsewhere else 'Pass'} {name}=..."


def _not_let_in(flow: Dataflow) -> Iterator[Finding]:
    """Yield what blocks of a scope require that does not come into it: nobody can give it, so it is no matter of inputs."""
    for name, missing in flow.missing.items():
        scope, own = scope_of(name), own_name(name)
        for paths, when, note in lists(missing.when.items(), flow.possible) if scope else ():
            path, *others = paths
            also = f" (and so do {', '.join(others)})" if others else ""
            words = type_words(missing.params[path].type_hint)
            first = _first_read(paths, name, flow)
            let_in = f"let it in under its name outside: inputs={{{own!r}: ...}}."
            head = f"{path} needs {own!r} ({words}){also}, and"
            later = next((writer for writer, _ in missing.writers if writer not in paths), None)
            skipped = next((v.writer for v in flow.versions if v.name == name and v.position < first), None)
            if ended := _ended_words(name, first, flow):
                text = f"{head} no block of the scope {scope} gives it there. {ended} Or {let_in}"
            elif skipped is not None:
                text = f"{head} where {skipped} does not run, no block of the scope {scope} gives it. Write it in every branch, or {let_in}"
            else:
                text = (
                    f"{head} no earlier block of the scope {scope} gives it. From outside it does not come by itself, since "
                    f"{later or 'a block'} of the scope writes it. L{let_in[1:]}"
                )
            yield text + note, when


def _ended_words(name: str, first: int, flow: Dataflow) -> str:
    """Say of which loop a value was a variable that is read behind it; nothing, if of none."""
    loop = next((loop.path for loop in flow.loops if name in loop.variables and loop.end < first), None)
    if loop is None:
        return ""
    return (
        f"It is a variable of the loop {loop}, and ends with it: have a block in the loop write it under another name."
    )


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
                found = NEVER if first.is_beside(other) else here & also
                if not found or (first.typed and other.typed) is not certain:
                    continue
                if not are_same(first.param.default, other.param.default):
                    text = (
                        f"{name!r} is {first.param.default!r} for {first.path} and {other.param.default!r} for "
                        f"{other.path} where nobody gives it. Give both the same default, or rename one."
                    )
                    yield text, found
            left &= ~when
            if not left:
                break


def _overwritten(flow: Dataflow) -> Iterator[Finding]:
    """Yield outputs that nobody reads before they are written again: work for nothing."""
    loops = {loop.path for loop in flow.loops}
    dead: dict[tuple[str, str], Condition] = {}
    for version in flow.versions:
        # What stands at the end may be what the caller wants, whether a block reads it or not.
        left = flow.unread(version)
        left = left and left & ~flow.kept(version)
        # A later step must write the same name; a loop's variables just end with the loop, and of who writes them in it another
        # finding tells.
        if (
            left
            and version.writer not in loops
            and (found := left & flow.written_between(version.name, version.position, None))
        ):
            key = version.writer, version.name
            dead[key] = dead.get(key, NEVER) | found
    for (writer, name), found in dead.items():
        # Where it is of use with other inputs, it is what stands if no branch replaces it.
        if not flow.written_by(writer, name) & flow.possible & ~found:
            text = (
                f"{writer} writes {own_name(name)!r}, which nobody reads before it is written again. "
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
            by_product = flow.is_by_product(version) if late else NEVER
            early: dict[str, Condition] = {}
            for read in [each for each in flow.reads_of(name) if not _stands_around(each, version)] if late else ():
                early[read.path] = early.get(read.path, NEVER) | _read_before(read, version, by_product, flow)
            for paths, found, note in lists(early.items(), late):
                text = (
                    f"{version.writer} writes {name!r} after {', '.join(paths)} read it, and "
                    f"no later block reads what it writes. Move it before {paths[-1]}, or leave it out.{note}"
                )
                yield text, found


def _stands_around(read: Read, version: Version) -> bool:
    """Return whether what reads is no block that could stand elsewhere: a choice around the writer, or what lets a value into a scope."""
    return version.writer.startswith(f"{read.path}.") or read.path.endswith(f"{MARK}inputs")


def _read_before(read: Read, version: Version, by_product: Condition, flow: Dataflow) -> Condition:
    """Return when a step reads a value before the version that comes too late, and nothing speaks for that.

    Args:
        by_product: when the version comes with something else that is needed where it stands.
    """
    if read.position >= version.position or read.is_apart_from(version):
        return NEVER
    found = read.guard & ~read.sources.ways.get(version, NEVER) & ~flow.written_by(read.path, version.name)
    if not found:
        return NEVER
    if read.param.required:
        found &= ~flow.hangs_on(version.writer, read)  # what the caller must give goes round
    elif read.param.default is None and by_product:
        # The reader chose by itself, and the writer, which works with what it has made, says what came of it.
        found &= ~(by_product & flow.hangs_on(version.writer, read))
    from_blocks = any_of(when for source, when in read.sources.ways.items() if source.writer != CALLER)
    # A block of the reader's own gives it already, and the later one is there for what else it writes.
    found &= ~(by_product & from_blocks)
    if found & ~from_blocks:
        # It looks at what the caller gave, and others make something of it first.
        found &= from_blocks | ~flow.written_between(version.name, read.position, version.position)
    return found


def _undeclared(flow: Dataflow) -> Iterator[Finding]:
    """Yield reads in loops that only foreign code without a declaration may serve."""
    for read in flow.reads:
        doubtful = [(version.writer, when) for version, when in read.sources.ways.items() if not version.declared]
        if not doubtful:
            continue
        writers: dict[str, Condition] = {}
        for writer, when in doubtful:
            writers[writer] = writers.get(writer, NEVER) | when
        only = read.guard & flow.possible & ~read.sources.there(declared_only=True)
        for paths, found, note in lists(writers.items(), only):
            text = (
                f"{read.path} reads {own_name(str(read.param.name))!r}, which no block declares as its output; it may be written "
                f"undeclared by {', '.join(paths)}. Declare it there, or the run may stop at the first read.{note}"
            )
            yield text, found
