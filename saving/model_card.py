"""The model card of a repository: what the blocks take and give, in tables, and how to run them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.block_catalog import is_base
from ..blocks.core.describe import tree
from ..blocks.core.interface import description_of, snake_case
from ..blocks.core.workflow_names import MOST as MOST_NAMES
from ..blocks.core.workflow_names import find_workflow, workflow_names
from ..registry import ComponentSpec
from ..registry.catalog import shipped_name
from ..registry.hub.repo import is_hub_name
from ..state.types import type_words
from .block_sources import Sources
from .insertion_place import InsertionPlace, insertion_place, is_shipped

CARD = "README.md"
MARK = "<!-- made by brickwork -->"
_MOST = 12
"""Workflows that are shown."""


def model_card(
    blocks: ModularPipelineBlocks,
    repo_id: str,
    sources: Sources,
    specs: Mapping[str, ComponentSpec] | None = None,
    origin: str | None = None,
    licence: str | None = None,
) -> str:
    """Write the card. Every text from a block is escaped: cards are shown as web pages.

    Args:
        specs: where components are from. origin: what they call the repository itself. licence: of code and own weights.
    """
    name = repo_id.rpartition("/")[2]
    parts = [
        _head(specs or {}, origin, licence),
        MARK,
        f"# {_plain(name)}",
        _plain(description_of(blocks)),
        # A name with three backticks would end the block, and be Markdown from there on.
        "```text\n" + "\n".join(tree(blocks, type(blocks).__name__)).replace("```", "'''") + "\n```",
        "![The blocks](graph.svg)",
        *_use(blocks, repo_id, sources, specs),
        *_workflows(blocks),
        *_options(blocks),
        *_components(blocks, specs or {}, origin),
        *_code(sources),
        "## Licence",
        f"{_plain(licence)}." if licence else "Not stated. Ask the owner before you build on it.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(specs: Mapping[str, ComponentSpec], own: str | None, licence: str | None) -> str:
    """Return what the Hub reads, in YAML; texts as JSON, which is YAML, too."""
    origins = {
        spec.repo for spec in specs.values() if spec.repo is not None and spec.repo != own and is_hub_name(spec.repo)
    }
    lines = ["library_name: brickwork", 'tags: ["brickwork", "diffusers", "modular-diffusers"]']
    lines += [f"license: {json.dumps(licence)}"] if licence else []
    lines += [f"base_model: {json.dumps(sorted(origins))}"] if origins else []
    return "\n".join(["---", *lines, "---"])


def _use(
    blocks: ModularPipelineBlocks, repo_id: str, sources: Sources, specs: Mapping[str, ComponentSpec] | None
) -> Iterable[str]:
    # What was saved without components is put into a pipeline that has them.
    place = insertion_place(blocks) if specs is None else None
    yield f"## {'Run it' if place is None else 'Insert it'}"
    if sources.places:
        yield f"The repository brings code of its own ({', '.join(map(_code_span, sorted(sources.files)))}). Read it first."
    yield from _run(blocks, repo_id, sources) if place is None else _insert(blocks, repo_id, sources, place)


def _insert(blocks: ModularPipelineBlocks, repo_id: str, sources: Sources, place: InsertionPlace) -> Iterable[str]:
    name = _step_name(blocks, repo_id)
    trusted = ", trust_remote_code=True" if sources.places else ""
    ships = is_shipped(place.family)
    pipe = "brickwork.embedded()" if ships else "ModularPipeline.from_pretrained('owner/name').load_components()"
    comment = "the model that ships, or any other pipeline" if ships else f"a repository of {place.family.name}"
    further = [str(spec.name) for spec in blocks.expected_components if str(spec.name) not in place.components]
    given = [f"{each}='a red circle'" if each == "prompt" else f"{each}=..." for each in place.asked]
    side = "before" if place.before else "after"
    lines = [
        *(["import brickwork"] if ships else []),
        f"from brickwork import {'' if ships else 'ModularPipeline, '}ModularPipelineBlocks",
        "",
        f"pipe = {pipe}  # {comment}",
        f"block = ModularPipelineBlocks.from_pretrained({repo_id!r}{trusted})",
        f"pipe.blocks.insert_{side}({place.anchor!r}, {name!r}, block)",
        *([f"pipe.load_components({further!r})"] if further else []),
        f"result = pipe({', '.join([*given, f'output={place.output!r}'])})",
    ]
    yield _python(lines)


def _python(lines: Iterable[str]) -> str:
    # Names are anybody's, and one with three backticks would end the block.
    return "```python\n" + "\n".join(lines).replace("```", "'''") + "\n```"


def _step_name(blocks: ModularPipelineBlocks, repo_id: str) -> str:
    """Return what a block is called in a composition: by its class, or by its repository where that says nothing."""
    cls = blocks.source_class
    text = repo_id.rpartition("/")[2] if is_base(cls) else snake_case(cls.__name__)
    name = re.sub(r"\W", "_", text)
    return name if name.isidentifier() else f"block_{name}"


def _options(blocks: ModularPipelineBlocks) -> Iterable[str]:
    declared = getattr(getattr(blocks, "declaration", None), "options", {})
    shown = {name: getattr(blocks, name, default) for name, default in declared.items() if name[:1] != "_"}
    if shown:
        yield "## Options"
        yield _table(
            ("option", "in this repository", "default"), [(n, repr(v), repr(declared[n])) for n, v in shown.items()]
        )


def _run(blocks: ModularPipelineBlocks, repo_id: str, sources: Sources) -> Iterable[str]:
    workflow = find_workflow(blocks, None)
    inputs = ", ".join(f"{param.name}=..." for param in workflow.required)
    trusted = ", trust_remote_code=True" if sources.places else ""
    outputs = [output.name for output in workflow.outputs]
    output = next((n for n in ("images", "image", "video", "videos") if n in outputs), outputs[-1] if outputs else "")
    yield _python(
        [
            "from brickwork import ModularPipeline",
            "",
            f"pipe = ModularPipeline.from_pretrained({repo_id!r}{trusted})",
            "pipe.load_components()",
            f"result = pipe({inputs}{', ' if inputs else ''}output={output!r})",
        ]
    )


def _workflows(blocks: ModularPipelineBlocks) -> Iterable[str]:
    names = workflow_names(blocks)
    # The only one of a block without choices says nothing by its name.
    shown: list[str | None] = [] if names == ["default"] else [*names[:_MOST]]
    for name in shown or [None]:
        workflow = find_workflow(blocks, name)
        yield f"## Workflow {_plain(name)}" if name else "## Inputs and outputs"
        rows = [(param, True) for param in workflow.required] + [(param, False) for param in workflow.optional]
        yield _table(
            ("input", "type", "default", "meaning"),
            [
                (
                    p.name or f"**{p.kwargs_type}",
                    type_words(p.type_hint),
                    "required" if required else repr(p.default),
                    p.description,
                )
                for p, required in rows
            ],
        )
        yield _table(
            ("output", "type", "meaning"), [(o.name, type_words(o.type_hint), o.description) for o in workflow.outputs]
        )
    if len(names) > _MOST:
        # Names of more would fill a page that nobody reads.
        listed = f": {', '.join(map(_plain, names[_MOST:]))}" if len(names) <= MOST_NAMES else ""
        yield f"{len(names) - _MOST} more workflows{listed}."


def _components(blocks: ModularPipelineBlocks, specs: Mapping[str, ComponentSpec], own: str | None) -> Iterable[str]:
    rows = []
    for expected in blocks.expected_components:
        spec = specs.get(str(expected.name), expected)
        made = spec.default_creation_method == "from_config"
        place = "this repository" if own is not None and spec.repo == own else _place(spec.repo)
        origin = "/".join(filter(None, [place, spec.subfolder])) or "yours to give"
        origin = "made from its configuration" if made else origin
        rows.append((str(spec.name), str(spec.type_name[1] or ""), origin, expected.description or ""))
    if rows:
        yield "## Components"
        yield _table(("component", "class", "from", "what for"), rows)
        yield "Each component keeps the licence of where it is from."


def _place(repo: str | None) -> str | None:
    """Return a repository by a name that means something elsewhere: of a folder of this machine, its own."""
    if repo is None or is_hub_name(repo):
        return repo
    return shipped_name(repo) or f"a folder ({Path(repo).name})"


def _code(sources: Sources) -> Iterable[str]:
    if sources.requirements:
        yield "## Needs"
        yield ", ".join(_code_span(f"{name}{wanted}") for name, wanted in sources.requirements.items())
    if sources.api is not None:
        yield f"The code was written for API {sources.api} of Brickwork."


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    lines = [" | ".join(map(_plain, row)) for row in rows]
    if not lines:
        return ""
    return "\n".join(
        [f"| {' | '.join(head)} |", "| " + " | ".join("---" for _ in head) + " |", *(f"| {line} |" for line in lines)]
    )


def _code_span(text: str) -> str:
    """Return text as code, within which nothing is escaped, so that what would end it is taken out."""
    return f"`{' '.join(text.replace('`', '').split())}`"


def _plain(text: object) -> str:
    """Return text that is nothing but text in Markdown and HTML."""
    flat = " ".join(str(text).split())
    escaped = html.escape(flat, quote=False)
    # Names and descriptions come with opened repositories, and the Hub shows the card to others as a page.
    return "".join(f"\\{c}" if c in "\\`*_{}[]()#!|" else c for c in escaped).replace("javascript:", "javascript&#58;")
