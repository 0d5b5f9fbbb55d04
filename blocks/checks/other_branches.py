"""Values that only some branches of a choice by inputs write, and blocks behind it need: who writes them, and who does not."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from ...engine.conditions import NEVER, Condition, any_of
from ...engine.planning.branch_values import PartlyWritten, partly_written
from ...engine.planning.flow import Dataflow, Finding
from ...engine.scoped_names import own_name
from ...state.types import type_words
from ..core.choice import AutoPipelineBlocks, ConditionalPipelineBlocks
from ..core.conditional_flattening import AllWorkflows
from ..core.flattening import joined, names_on_path, walk_scopes
from ..core.scope_names import Around, explained_at, value_outside

if TYPE_CHECKING:
    from ..core.base import ModularPipelineBlocks


@frozen
class BranchValue:
    """A value that some branches of a choice write, and some do not.

    Attributes:
        name: of the value. choice: its path. first: who needs it, as its workflows say. readers: paths of all who do.
        writing: branches that write it. lacking: branches behind which nobody gives it, each with when.
    """

    name: str
    choice: str
    first: PartlyWritten
    readers: dict[str, None] = field(factory=dict)
    writing: dict[str, None] = field(factory=dict)
    lacking: dict[str, Condition] = field(factory=dict)


def branch_values(blocks: ModularPipelineBlocks, every: AllWorkflows, flow: Dataflow) -> list[BranchValue]:
    """Return required values that a choice by inputs writes in some of its branches, and not in others.

    Where the only other way through it is that none of its branches runs, its trigger and the value are two ways to give one thing. So
    they are where a branch is triggered by what another writes: who gives the one result gives the others with it.
    """
    asked = set(every.conditions.names)
    found: dict[tuple[str, str], BranchValue] = {}
    for partly in partly_written(flow, lambda name: every.conditions.given(name) if name in asked else NEVER):
        for writer in partly.writers:
            place = _choice_between(blocks, writer, partly.read.path)
            if place is None:
                continue
            path, branch = place
            choice = _at(blocks, path)
            results = {output.name for output in choice.sub_blocks[branch].intermediate_outputs}
            lacking = {
                name: when
                for name in choice.sub_blocks
                if (when := every.when_taken.get(joined(path, name), NEVER) & partly.absent)
                if trigger_of(choice, name) not in results
            }
            if lacking:
                value = found.setdefault((partly.name, path), BranchValue(partly.name, path, partly))
                value.readers[partly.read.path] = None
                value.writing[branch] = None
                for name, when in lacking.items():
                    value.lacking[name] = value.lacking.get(name, NEVER) | when
    return list(found.values())


def told(blocks: ModularPipelineBlocks, values: list[BranchValue]) -> Iterator[Finding]:
    """Yield such values in words, and when they are missing."""
    for value in values:
        choice, param = _at(blocks, value.choice), value.first.read.param
        where = value.choice or type(choice).__name__
        reader, *others = value.readers
        also = f" (and so do {', '.join(others)})" if others else ""
        writing = " and ".join(f"{name!r} ({when_runs(choice, name)})" for name in value.writing)
        lacking = " or ".join(f"{name!r} ({when_runs(choice, name)})" for name in value.lacking)
        ways = value.first.read.sources.ways
        inside = dict.fromkeys(repr(own_name(each.name)) for each in ways if each.writer in value.first.writers)
        text = (
            f"{reader} needs {value.name!r} ({type_words(param.type_hint)}){also}, which of the branches of {where} only {writing} "
            f"{'write' if len(value.writing) > 1 else 'writes'}; where {lacking} runs, nobody gives it. Let "
            f"{' and '.join(joined(where, name) for name in value.lacking)} write {' or '.join(inside)}, too, or pass {value.name}=... there."
        )
        yield text, any_of(value.lacking.values())


def other_writers(blocks: ModularPipelineBlocks, taken: Collection[str], name: str, reader: str) -> str:
    """Say which branches before a reader would have written a value, had the inputs led to them; "" if none would."""
    found: list[str] = []
    remedies: dict[str, None] = {}
    names: dict[str, None] = {}
    for path, block, around in walk_scopes(blocks):
        if path == reader:
            break
        # Of a choice around the reader only its own branch counts.
        is_around = not path or reader.startswith(f"{path}.")
        if not isinstance(block, ConditionalPipelineBlocks) or is_around or not _is_reached(blocks, path, taken):
            continue
        inside = _name_inside(around, name, reader)
        for branch, part in block.sub_blocks.items():
            if joined(path, branch) in taken or inside not in {output.name for output in part.intermediate_outputs}:
                continue
            known = "" if inside == name else f" (as {inside!r})"
            names[repr(inside)] = None
            runs = f"which runs where {explained_at(around, when_runs(block, branch))}"
            found.append(f"{joined(path or type(block).__name__, branch)} writes it{known}, {runs}")
            trigger = trigger_of(block, branch)
            outside = value_outside(around, trigger) if trigger is not None else None
            if outside is not None:
                remedies[f"{outside}=..."] = None
    remedy = (
        f" Pass {' or '.join(remedies)}, or let the branch that runs write {' or '.join(names)}, too."
        if remedies
        else ""
    )
    return f" {'; '.join(found)}.{remedy}" if found else ""


def _name_inside(around: Around, name: str, reader: str) -> str | None:
    """Return what a block within scopes calls a value that a reader behind them needs; None for what does not leave them."""
    found: str | None = name
    for names in around:
        if not reader.startswith(f"{names.path}.") and found is not None:  # else the reader is in that scope, too
            found = next((inside for inside, outside in names.let_out.items() if outside == found), None)
    return found


def trigger_of(choice: ConditionalPipelineBlocks, branch: str) -> str | None:
    """Return the input that leads to a branch; None where none does, or a choice looks at values."""
    return dict(choice.pairs)[branch] if isinstance(choice, AutoPipelineBlocks) else None


def when_runs(choice: ConditionalPipelineBlocks, branch: str) -> str:
    """Say in words when a choice takes a branch."""
    if not isinstance(choice, AutoPipelineBlocks):
        return f"select_block chooses {branch!r}"
    trigger = trigger_of(choice, branch)
    if trigger is not None:
        return f"{trigger!r} is given"
    others = list(dict.fromkeys(repr(name) for name in choice.trigger_names))
    return f"{' and '.join(others)} {'are' if len(others) > 1 else 'is'} not given"


def _choice_between(blocks: ModularPipelineBlocks, writer: str, reader: str) -> tuple[str, str] | None:
    """Return the outermost choice around a writer whose branch the reader is not in, and that branch."""
    here: Any = blocks
    done = ""
    for name in names_on_path(blocks, writer):
        inside = joined(done, name)
        if isinstance(here, ConditionalPipelineBlocks) and reader != inside and not reader.startswith(f"{inside}."):
            return done, name
        here = getattr(here, "sub_blocks", {}).get(name)
        done = inside
    return None


def _at(blocks: ModularPipelineBlocks, path: str) -> Any:
    here: Any = blocks
    for name in names_on_path(blocks, path):
        here = here.sub_blocks[name]
    return here


def _is_reached(blocks: ModularPipelineBlocks, path: str, taken: Collection[str]) -> bool:
    here: Any = blocks
    done = ""
    for name in names_on_path(blocks, path):
        done = joined(done, name)
        if isinstance(here, ConditionalPipelineBlocks) and done not in taken:
            return False
        here = here.sub_blocks[name]
    return True
