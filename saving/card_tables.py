"""The tables of a model card: each fact once, whatever number of workflows it holds for. Every text from a block is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import Factory, frozen

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.flattening import walk
from ..blocks.core.workflows import Workflow
from ..state import InputParam
from ..state.classes.meanings import meanings
from ..state.types import type_words

_REQUIRED = "required"


@frozen
class _Input:
    """One input in all workflows.

    Attributes:
        stated: how it stands there, "required" or its default, to the workflows in which it stands so.
    """

    param: InputParam
    stated: dict[str, list[str]] = Factory(dict)

    @property
    def workflows(self) -> list[str]:
        return [name for names in self.stated.values() for name in names]

    @property
    def words(self) -> str:
        if len(self.stated) == 1:
            return next(iter(self.stated))
        return "; ".join(f"{said} ({', '.join(map(plain, names))})" for said, names in self.stated.items())


def input_table(workflows: Sequence[Workflow]) -> str:
    """Return one table of the inputs of all workflows: those first that every workflow asks for."""
    found: dict[str, _Input] = {}
    for workflow in workflows:
        for params, is_required in ((workflow.required, True), (workflow.optional, False)):
            for param in params:
                known = found.setdefault(param.name or f"**{param.kwargs_type}", _Input(param))
                said = _REQUIRED if is_required else code(repr(param.default))
                known.stated.setdefault(said, []).append(workflow.name)
    rows = sorted(found.items(), key=lambda each: (_REQUIRED not in each[1].stated, len(each[1].stated)))
    partly = any(len(each.workflows) < len(workflows) for each in found.values())
    heads = (
        ("input", "default", "in workflows", "type", "meaning") if partly else ("input", "default", "type", "meaning")
    )
    return written_table(heads, [_row(name, each, workflows, partly) for name, each in rows])


def _row(name: str, each: _Input, workflows: Sequence[Workflow], partly: bool) -> list[str]:
    where = "all" if len(each.workflows) == len(workflows) else ", ".join(map(plain, each.workflows))
    cells = [plain(name), each.words, *([where] if partly else [])]
    return [*cells, plain(type_words(each.param.type_hint)), plain(each.param.description)]


def output_table(workflows: Sequence[Workflow]) -> str:
    """Return one table of what all workflows give."""
    found = {output.name: output for workflow in workflows for output in workflow.outputs}
    rows = [(plain(name), plain(type_words(o.type_hint)), plain(o.description)) for name, o in found.items()]
    return written_table(("output", "type", "meaning"), rows)


def option_table(blocks: ModularPipelineBlocks) -> str:
    """Return the options of all blocks: what each is here, what it is by default where that differs, and what its class says of it."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for path, block in walk(blocks):
        for cells in _options(block):
            rows.setdefault(cells, []).append(path)
    has_paths = any(path for paths in rows.values() for path in paths)
    heads = ("option", *(("of",) if has_paths else ()), "here", "default", "meaning")
    shown = [
        (name, *((", ".join(map(code, paths)),) if has_paths else ()), *rest) for (name, *rest), paths in rows.items()
    ]
    return written_table(heads, shown)


def _options(block: Any) -> Iterator[tuple[str, ...]]:
    declared: Mapping[str, Any] = getattr(getattr(block, "declaration", None), "options", {})
    shown = {name: default for name, default in declared.items() if name[:1] != "_"}
    said = meanings(type(block).__mro__, shown)
    for name, default in shown.items():
        yield plain(name), code(repr(getattr(block, name, default))), code(repr(default)), plain(said.get(name, ""))


def written_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown; a column in which nothing stands is left out, and "" is returned where there are no rows."""
    cells = [list(row) for row in rows]
    if not cells:
        return ""
    kept = [at for at in range(len(heads)) if any(row[at] for row in cells)]
    lines = [[heads[at] for at in kept], ["---"] * len(kept), *([row[at] for at in kept] for row in cells)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: str) -> str:
    """Return text as code, within which nothing is escaped, so that what would end it, or a cell, is taken out."""
    return f"`{' '.join(text.replace('`', '').replace('|', '/').split())}`"


def plain(text: object) -> str:
    """Return text that is nothing but text in Markdown and HTML."""
    flat = " ".join(str(text).split())
    escaped = html.escape(flat, quote=False)
    # Names and descriptions come with opened repositories, and the Hub shows the card to others as a page.
    return "".join(f"\\{c}" if c in "\\`*_{}[]()#!|" else c for c in escaped).replace("javascript:", "javascript&#58;")
