"""Branches of choices by inputs that no call can lead to: what else must be given, or is written before, always chooses another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...engine.conditions import NEVER, Condition, any_of
from ...engine.planning.flow import Dataflow, Read
from ...state import InputParam
from ...state.type_relations import accepts
from .choice import AutoPipelineBlocks, ConditionalPipelineBlocks
from .conditional_flattening import AllWorkflows
from .flattening import joined, walk

if TYPE_CHECKING:
    from .base import ModularPipelineBlocks


@frozen
class _Refused:
    """Calls that are refused, because a step needs an input that they do not give."""

    name: str
    reader: str
    when: Condition


@frozen
class _Written:
    """A trigger that steps write before the choice: `always`, or at least where every loop takes an iteration, `mostly`."""

    trigger: str
    branch: str
    writers: tuple[str, ...]
    always: Condition
    mostly: Condition


def unreachable(blocks: ModularPipelineBlocks, every: AllWorkflows, flow: Dataflow) -> Iterator[str]:
    """Yield branches that no inputs lead to, or only loops without an iteration."""
    refused = list(_refused(every, flow))
    dead: set[str] = set()
    for path, block in walk(blocks):
        if not isinstance(block, AutoPipelineBlocks) or _is_beside(path, blocks, every, dead):
            continue
        where, before = path or type(block).__name__, list[_Written]()
        for name, trigger in block.pairs:
            branch = joined(path, name)
            reason = _reason(every.when_taken.get(branch, NEVER), trigger, refused, before)
            if reason is not None:
                dead.add(branch)
                yield f"{where}: the branch {name!r} {reason}"
            if trigger is not None:
                before.append(_written(trigger, name, flow.reads_at(where, trigger)))


def _reason(when: Condition, trigger: str | None, refused: list[_Refused], before: list[_Written]) -> str | None:
    """Say why nobody comes to a branch, and what to do about it; None if somebody does."""
    if not when:
        reason = f"its trigger {trigger!r} already selects an earlier branch" if trigger else "it is the default"
        return f"can never run: {reason}, or an outer choice rules it out. Remove it, or give it another trigger."
    left = when & ~any_of(each.when for each in refused)
    if not left:
        first = next(each for each in refused if each.when & when)
        return (
            f"can never run: it is for calls without {first.name!r}, and {first.reader} needs {first.name!r} in each of them. Remove "
            f"the branch, or give {first.reader} a default for {first.name!r}."
        )
    written = [each for each in before if each.mostly & left]
    if not written or left & ~any_of(each.mostly for each in written):
        return None
    first = written[0]
    writers = " and ".join(first.writers)
    selects = (
        f"which selects {first.branch!r}. Remove the branch, or give the choice another trigger than {first.trigger!r}."
    )
    if left & ~any_of(each.always for each in written):
        return f"only runs where a loop takes no iteration: else {writers} has written {first.trigger!r}, {selects}"
    return f"can never run: {writers} always writes {first.trigger!r} before, {selects}"


def _refused(every: AllWorkflows, flow: Dataflow) -> Iterator[_Refused]:
    asked = set(every.conditions.names)
    for name, missing in flow.missing.items():
        for path, when in missing.when.items() if name in asked else ():
            # A choice counts None as absent, and some steps take it.
            if not _may_be_none(missing.params[path]):
                yield _Refused(name, path, when & ~every.conditions.given(name))


def _may_be_none(param: InputParam) -> bool:
    return param.type_hint is None or accepts(None, param.type_hint)


def _written(trigger: str, branch: str, reads: list[Read]) -> _Written:
    always = mostly = NEVER
    writers: dict[str, None] = {}
    for read in reads:
        ways = read.sources.ways.items()
        doubtful = any_of(
            when
            for v, when in ways
            if not (v.declared and v.typed) or v.type_hint is None or accepts(None, v.type_hint)
        )
        always |= read.guard & read.sources.certain & ~doubtful
        mostly |= read.guard & read.sources.settled & ~doubtful
        writers.update(dict.fromkeys(version.writer for version in read.sources.ways))
    return _Written(trigger, branch, tuple(writers), always, mostly)


def _is_beside(path: str, blocks: ModularPipelineBlocks, every: AllWorkflows, dead: set[str]) -> bool:
    """Return whether nothing is to be said of a choice: a branch around it is the finding, or a hand-written loop decides what runs."""
    here: Any = blocks
    done = ""
    for name in filter(None, path.split(".")):
        done = joined(done, name)
        if getattr(here, "is_hand_written", False) or done in dead:
            return True
        if isinstance(here, ConditionalPipelineBlocks) and done not in every.when_taken:
            return True
        here = here.sub_blocks[name]
    # Workflows do not look into hand-written loops, so nothing says which of their branches run.
    return False
