"""The model card of a repository: what the blocks take and give, in tables, and how to run them."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.describe import tree
from ..blocks.core.interface import description_of
from ..blocks.core.workflow_names import MOST as MOST_NAMES
from ..blocks.core.workflow_names import find_workflow, workflow_names
from ..registry import ComponentSpec
from ..registry.catalog import shipped_name
from ..registry.hub.repo import is_hub_name
from ..state.types import type_words
from .block_sources import Sources

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
        *_run(blocks, repo_id, sources),
        *_workflows(blocks),
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


def _run(blocks: ModularPipelineBlocks, repo_id: str, sources: Sources) -> Iterable[str]:
    workflow = find_workflow(blocks, None)
    inputs = ", ".join(f"{param.name}=..." for param in workflow.required)
    trusted = ", trust_remote_code=True" if sources.places else ""
    outputs = [output.name for output in workflow.outputs]
    output = next((n for n in ("images", "image", "video", "videos") if n in outputs), outputs[-1] if outputs else "")
    yield "## Run it"
    if trusted:
        yield f"The repository brings code of its own ({', '.join(f'`{_plain(f)}`' for f in sorted(sources.files))}). Read it first."
    yield (
        "```python\nfrom brickwork import ModularPipeline\n\n"
        f"pipe = ModularPipeline.from_pretrained({repo_id!r}{trusted})\npipe.load_components()\n"
        f"result = pipe({inputs}{', ' if inputs else ''}output={output!r})\n```"
    )


def _workflows(blocks: ModularPipelineBlocks) -> Iterable[str]:
    names = workflow_names(blocks)
    shown: list[str | None] = [*names[:_MOST]]
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
        yield ", ".join(f"`{_plain(name)}{_plain(wanted)}`" for name, wanted in sources.requirements.items())


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    lines = [" | ".join(map(_plain, row)) for row in rows]
    if not lines:
        return ""
    return "\n".join(
        [f"| {' | '.join(head)} |", "| " + " | ".join("---" for _ in head) + " |", *(f"| {line} |" for line in lines)]
    )


def _plain(text: object) -> str:
    """Return text that is nothing but text in Markdown and HTML."""
    flat = " ".join(str(text).split())
    escaped = html.escape(flat, quote=False)
    # Names and descriptions come with opened repositories, and the Hub shows the card to others as a page.
    return "".join(f"\\{c}" if c in "\\`*_{}[]()#!|" else c for c in escaped).replace("javascript:", "javascript&#58;")
