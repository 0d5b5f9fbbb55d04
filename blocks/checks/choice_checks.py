"""What can be known to be wrong with the choices of a composition: what they declare, and branches that no call can lead to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ...engine.conditions import NEVER, Condition, any_of
from ...engine.planning.flow import Dataflow, Read
from ...state import InputParam
from ...state.errors import did_you_mean, nearest
from ...state.template_words import INPUT_WORDS
from ...state.type_relations import accepts
from ..core.choice import AutoPipelineBlocks, ConditionalPipelineBlocks
from ..core.choice_declaration import parameters_of, takes_anything
from ..core.conditional_flattening import AllWorkflows
from ..core.flattening import Part, joined, names_on_path
from ..core.workflow_names import listed_workflows

if TYPE_CHECKING:
    from ..core.base import ModularPipelineBlocks


def undecided(parts: Sequence[Part]) -> Iterator[str]:
    """Yield choices that cannot choose: `select_block` or the default is missing, or does not fit the triggers and the branches."""
    for where, block in _choices(parts):
        default, is_auto = block.default_block_name, isinstance(block, AutoPipelineBlocks)
        is_default = default in block.sub_blocks and not (is_auto and dict(block.pairs)[default])
        if default is not None and not is_default:
            yield f"{where}: default_block_name is {default!r}, {_wrong_default(block, is_auto)}"
        if is_auto:
            continue
        chooses = getattr(block.select_block, "__func__", None) is not ConditionalPipelineBlocks.select_block
        if chooses:
            yield from _misfitting(where, block)
        else:
            taken = "".join(f", {name}" for name in block.trigger_names)
            yield (
                f"{where}: {type(block).__name__} has no select_block, so nothing says which of its blocks runs. Define "
                f"select_block(self{taken}), which returns the name of one: {', '.join(map(repr, block.sub_blocks))}; or derive it "
                "from AutoPipelineBlocks to choose by which inputs are given."
            )


def _choices(parts: Sequence[Part]) -> Iterator[tuple[str, Any]]:
    for path, block in parts:
        if isinstance(block, ConditionalPipelineBlocks):
            yield path or type(block).__name__, block


def _wrong_default(block: Any, is_auto: bool) -> str:
    if is_auto:
        return "which a choice by inputs does not look at. Give the default the trigger None, as the last of block_trigger_inputs."
    return f"which is no branch of it. {did_you_mean(block.default_block_name, block.sub_blocks)}"


def _misfitting(where: str, block: Any) -> Iterator[str]:
    """Yield triggers that `select_block` does not take, and what it takes that is no trigger."""
    triggers = block.trigger_names
    taken = [
        each for each in parameters_of(type(block)) if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    ]
    names = [each.name for each in taken]
    for name in triggers if not takes_anything(type(block)) else ():
        if name not in names:
            arguments = ", ".join(["self", *names, name])
            yield (
                f"{where}: block_trigger_inputs lists {name!r}, which select_block does not take by that name. Write "
                f"select_block({arguments}), or take {name!r} out of the list."
            )
    for each in taken:
        if each.default is each.empty and each.name not in triggers:
            yield (
                f"{where}: select_block takes {each.name!r}, which is not in block_trigger_inputs, so it would never be given. Write "
                f"block_trigger_inputs = {[*triggers, each.name]}, or leave it out of select_block."
            )


def unknown_names(parts: Sequence[Part]) -> Iterator[tuple[str, bool]]:
    """Yield names in triggers, requirements and lists of workflows that no block reads or writes, each with whether that is certain.

    A trigger that nobody reads may be meant, as a switch; one that is like what its branch reads is misspelt.
    """
    naming = [
        (path, block) for path, block in parts if isinstance(block, AutoPipelineBlocks) or listed_workflows(block)
    ]
    if not naming:
        return
    read, written = _read_names(parts), _written_names(parts)
    known = {*read, *written, *(name for _, block in _choices(parts) for name in block.trigger_names)}
    for path, block in naming:
        where = path or type(block).__name__
        if isinstance(block, AutoPipelineBlocks):
            for name, trigger in block.pairs:
                if trigger is not None and trigger not in read:
                    yield from _unread_trigger(where, block, joined(path, name), trigger, written.get(trigger, []))
            yield from ((text, True) for text in _wrong_requirements(where, block, known))
        yield from _wrong_workflows(where, block, known)


def _read_names(parts: Sequence[Part]) -> set[str]:
    """Return what blocks read, loops themselves, and choices that look at values; what a choice only asks for is not read."""
    found: set[str] = set()
    for _, block in parts:
        if not getattr(block, "sub_blocks", None):
            found |= set(block.input_names)
        elif isinstance(block, ConditionalPipelineBlocks):
            found |= set() if isinstance(block, AutoPipelineBlocks) else set(block.trigger_names)
        else:
            found |= {param.name for param in getattr(block, "own_inputs", ())}
    return found


def _written_names(parts: Sequence[Part]) -> dict[str, list[str]]:
    """Return who writes each value."""
    found: dict[str, list[str]] = {}
    for path, block in parts:
        is_leaf = not getattr(block, "sub_blocks", None)
        own = block.intermediate_outputs if is_leaf else getattr(block, "loop_intermediate_outputs", ())
        for output in [*own, *getattr(block, "variables", ())]:
            found.setdefault(output.name, []).append(path)
    return found


def _unread_trigger(
    where: str, block: Any, branch: str, trigger: str, writers: list[str]
) -> Iterator[tuple[str, bool]]:
    inside = [path for path in writers if path == branch or path.startswith(f"{branch}.")]
    if len(inside) < len(writers):
        return  # a value of the run decides
    name = branch.rpartition(".")[2]
    reads = [each for each in block.sub_blocks[name].input_names if each != trigger]
    # A well-known name is spelt as it is meant: a choice of one step alone has not the block beside it that reads the mask's image.
    near = nearest(trigger, reads) if not writers and trigger not in INPUT_WORDS else None
    if near is not None:
        text = (
            f"{where}: the branch {name!r} hangs on {trigger!r}, which no block reads or writes. Did you mean {near!r}?"
        )
        yield text, True
        return
    writes = f" and only {', '.join(inside)} in that branch writes" if inside else ""
    known = (
        f"The branch reads {', '.join(map(repr, reads))}: name one of these" if reads else "Name an input of the branch"
    )
    yield (
        (
            f"{where}: the branch {name!r} hangs on {trigger!r}, which no block reads{writes}, so a call that gives it gives it to nobody. "
            f"{known} in block_trigger_inputs, or let a block of the branch take {trigger!r}."
        ),
        False,
    )


def _wrong_requirements(where: str, block: Any, known: set[str]) -> Iterator[str]:
    for name, names in block.block_requires.items():
        branch = block.sub_blocks.get(name)
        if branch is None:
            yield f"{where}: block_requires names {name!r}, which is no branch of it. {did_you_mean(name, block.sub_blocks)}"
            continue
        for word in names:
            if word in known:
                continue
            near = nearest(word, branch.input_names) or nearest(word, known, cutoff=0.75)
            # Else the call says what it needs, and nothing is silent.
            if near is not None:
                yield f"{where}: the branch {name!r} hangs on {word!r}, which no block reads or writes. Did you mean {near!r}?"


def _inputs_of_class(block: Any) -> list[str]:
    """Return the inputs of a composition as its class makes it, before anybody edits it."""
    cls = type(block)
    return cls().input_names if getattr(cls, "block_classes", ()) else []


def _wrong_workflows(where: str, block: Any, known: set[str]) -> Iterator[tuple[str, bool]]:
    for workflow, names in (listed_workflows(block) or {}).items():
        for name in names:
            if name not in known:
                if name in _inputs_of_class(block):
                    text = f"nothing reads {name!r} any more: the block that did was taken out. Leave {workflow!r} out of workflow_map, too."
                    yield f"{where}: workflow_map offers {workflow!r}, and {text}", False
                    continue
                near = nearest(name, block.input_names)
                remedy = (
                    f"Did you mean {near!r}?"
                    if near
                    else f"Leave it out, or write {workflow!r}: () for what runs without it."
                )
                yield (
                    f"{where}: workflow_map says {name!r} leads to {workflow!r}, which is no input of it. {remedy}",
                    near is not None,
                )


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


def unreachable(
    blocks: ModularPipelineBlocks, parts: Sequence[Part], every: AllWorkflows, flow: Dataflow
) -> Iterator[str]:
    """Yield branches that no inputs lead to, or only loops without an iteration."""
    refused = list(_refused(every, flow))
    dead: set[str] = set()
    for path, block in parts:
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
    earliest = written[0]
    writers = " and ".join(earliest.writers)
    selects = f"which selects {earliest.branch!r}. Remove the branch, or give the choice another trigger than {earliest.trigger!r}."
    if left & ~any_of(each.always for each in written):
        return f"only runs where a loop takes no iteration: else {writers} has written {earliest.trigger!r}, {selects}"
    return f"can never run: {writers} always writes {earliest.trigger!r} before, {selects}"


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
    for name in names_on_path(blocks, path):
        done = joined(done, name)
        if getattr(here, "is_hand_written", False) or done in dead:
            return True
        if isinstance(here, ConditionalPipelineBlocks) and done not in every.when_taken:
            return True
        here = here.sub_blocks[name]
    # Workflows do not look into hand-written loops, so nothing says which of their branches run.
    return False
