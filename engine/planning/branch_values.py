"""Required values that some branches of a choice write, and others do not.

Of a choice in the run the plan itself can tell. Of one that the inputs decide only all workflows together can: in one the value is
written, in another it is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import frozen

from ...state.types import type_words
from ..conditions import NEVER, Condition, any_of
from .flow import CALLER, NOTHING, Dataflow, Finding, Read, Version
from .listings import lists

NONE_OF_THEM = "none of them"


@frozen
class PartlyWritten:
    """A required value that steps write in some workflows, and nobody in others.

    Attributes:
        name: of the value. read: who needs it. writers: path of each step that writes it, and when that suffices.
        absent: when nobody gives it.
    """

    name: str
    read: Read
    writers: dict[str, Condition]
    absent: Condition


def partly_written(flow: Dataflow, given: Callable[[str], Condition]) -> Iterator[PartlyWritten]:
    """Yield values that are written in some workflows, and missing in others.

    Args:
        given: when the caller gives an input that decides a choice; never for another.
    """
    for name, missing in flow.missing.items():
        # Where anybody needs it from the caller, all have it.
        of_caller = any_of(missing.when.values()) | given(name)
        for path, when in missing.when.items():
            absent = when & flow.possible & ~given(name)
            writers: dict[str, Condition] = {}
            for read in flow.reads_at(path, name) if absent else ():
                for version, part in read.sources.ways.items():
                    suffices = part & flow.possible & ~of_caller
                    if suffices and version.writer != CALLER and version.declared:
                        writers[version.writer] = writers.get(version.writer, NEVER) | suffices
            if writers:
                yield PartlyWritten(name, flow.reads_at(path, name)[0], writers, absent)


def written_in_some_branches(flow: Dataflow) -> Iterator[Finding]:
    """Yield required values that are only there if a choice in the run takes certain branches."""
    for read in flow.reads:
        if not read.param.required or read.param.name is None:
            continue
        left = read.guard & flow.possible & ~read.sources.settled if read.sources.ways else NEVER
        left = left and left & read.sources.there(declared_only=True)
        missing = flow.missing.get(read.param.name) if left else None
        if missing is not None:  # the caller must give it in any case
            left &= ~any_of(missing.when.values())
        if left:
            yield from _by_choice(read, left, flow)


def _by_choice(read: Read, left: Condition, flow: Dataflow) -> Iterator[Finding]:
    choices: dict[str, dict[str, Condition]] = {}
    depth = len(read.branch)
    for version, when in read.sources.ways.items():
        # A reader that stands in a branch itself may run just where that branch of the other choice does: nobody can know.
        if not version.declared or len(version.branch) <= depth or version.branch[:depth] != read.branch:
            continue
        choice, branch = version.branch[depth]
        writes = left & when & ~_is_changed(version, flow)
        if writes and not _decides_by(choice, version.name, flow):
            known = choices.setdefault(choice, {})
            known[branch] = known.get(branch, NEVER) | writes
    for choice, writers in choices.items():
        for branches, when, _ in lists(writers.items(), left):
            for others, found, _ in lists(_lacking(choice, str(read.param.name), flow), when):
                # That none of them runs is no reason alone: a choice that always takes one need not say so.
                if others != (NONE_OF_THEM,):
                    yield _text(read, choice, branches, others), found


def _is_changed(version: Version, flow: Dataflow) -> Condition:
    """Return when a branch reads the value before it writes it, so that it must be there in any case."""
    reads = (read for read in flow.reads_of(version.name) if read.param.required and read.position <= version.position)
    return any_of(read.unserved for read in reads if read.branch and read.branch == version.branch[: len(read.branch)])


def _decides_by(choice: str, name: str, flow: Dataflow) -> bool:
    """Return whether a choice looks at the value itself: it then says what happens where it is not there."""
    return bool(flow.reads_at(choice, name))


def _lacking(choice: str, name: str, flow: Dataflow) -> list[tuple[str, Condition]]:
    """Return the ways through a choice behind which a value may be missing, each with when."""
    found: dict[str, Condition] = {}
    for branch, when, end in flow.ways_through.get(choice, ()):
        label = NONE_OF_THEM if branch is None else repr(branch)
        found[label] = found.get(label, NEVER) | when & ~end.get(name, NOTHING).settled
    return list(found.items())


def _text(read: Read, choice: str, branches: tuple[str, ...], others: tuple[str, ...]) -> str:
    name = read.param.name
    return (
        f"{read.path} needs {name!r} ({type_words(read.param.type_hint)}), which of the branches of {choice} only "
        f"{' and '.join(map(repr, branches))} {'write' if len(branches) > 1 else 'writes'}; where {' or '.join(others)} "
        f"{'run' if len(others) > 1 else 'runs'}, nobody gives it. Let every branch of {choice} write {name!r}, write it before "
        f"{choice}, or pass {name}=..."
    )
