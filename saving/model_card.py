"""The model card of a repository: how it is run and changed, what it takes and gives, of what it is made and what it needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.block_catalog import is_base
from ..blocks.core.describe import tree
from ..blocks.core.interface import description_of, snake_case
from ..blocks.core.workflow_names import MOST as MOST_NAMES
from ..blocks.core.workflow_names import find_workflow, workflow_names
from ..registry import ComponentSpec
from ..registry.catalog import shipped_name
from ..registry.hub.repo import is_hub_name
from .block_sources import Sources
from .card_tables import code, input_table, option_table, output_table, plain, written_table
from .insertion_place import InsertionPlace, insertion_place, is_shipped

CARD = "README.md"
MARK = "<!-- made by brickwork -->"
_OWN = "brickwork"
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
    parts = [
        _head(specs or {}, origin, licence),
        MARK,
        f"# {plain(repo_id.rpartition('/')[2])}",
        plain(description_of(blocks)),
        *_needs(sources),
        *_use(blocks, repo_id, sources, specs),
        *_takes(blocks),
        *_options(blocks),
        "## Blocks",
        _fenced("text", tree(blocks, type(blocks).__name__)),
        "![The blocks](graph.svg)",
        *_components(blocks, specs or {}, origin),
        "## Licence",
        f"{plain(licence)}." if licence else "Not stated. Ask the owner before you build on it.",
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
        yield f"The repository brings code of its own ({', '.join(map(code, sorted(sources.files)))}). Read it first."
    if place is not None:
        yield _insert(blocks, repo_id, sources, place)
        return
    yield _run(blocks, repo_id, sources)
    yield from _change(blocks)


def _insert(blocks: ModularPipelineBlocks, repo_id: str, sources: Sources, place: InsertionPlace) -> str:
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
    return _fenced("python", lines)


def _fenced(language: str, lines: Iterable[str]) -> str:
    # Names are anybody's, and one with three backticks would end the block, and be Markdown from there on.
    return f"```{language}\n" + "\n".join(lines).replace("```", "'''") + "\n```"


def _step_name(blocks: ModularPipelineBlocks, repo_id: str) -> str:
    """Return what a block is called in a composition: by its class, or by its repository where that says nothing."""
    cls = blocks.source_class
    text = repo_id.rpartition("/")[2] if is_base(cls) else snake_case(cls.__name__)
    name = re.sub(r"\W", "_", text)
    return name if name.isidentifier() else f"block_{name}"


def _run(blocks: ModularPipelineBlocks, repo_id: str, sources: Sources) -> str:
    workflow = find_workflow(blocks, None)
    inputs = ", ".join(f"{param.name}=..." for param in workflow.required)
    trusted = ", trust_remote_code=True" if sources.places else ""
    outputs = [output.name for output in workflow.outputs]
    output = next((n for n in ("images", "image", "video", "videos") if n in outputs), outputs[-1] if outputs else "")
    return _fenced(
        "python",
        [
            "from brickwork import ModularPipeline",
            "",
            f"pipe = ModularPipeline.from_pretrained({repo_id!r}{trusted})",
            "pipe.load_components()",
            f"result = pipe({inputs}{', ' if inputs else ''}output={output!r})",
        ],
    )


def _change(blocks: ModularPipelineBlocks) -> Iterable[str]:
    """Say how a block of one's own is put into a pipeline."""
    names = list(getattr(blocks, "sub_blocks", {}))
    if not names:
        return
    yield "## Change it"
    yield "A block of your own, or the repository of one, stands before or behind any other; then call `pipe` as above."
    yield _fenced(
        "python", [f"pipe.blocks.insert_after({names[-1]!r}, 'mine', MyBlock())  # or insert_before, replace, remove"]
    )


def _takes(blocks: ModularPipelineBlocks) -> Iterable[str]:
    names = workflow_names(blocks)
    # The only one of a block without choices says nothing by its name.
    is_one = names == ["default"]
    shown = [find_workflow(blocks, None)] if is_one else [find_workflow(blocks, name) for name in names[:_MOST]]
    if len(shown) > 1:
        yield "## Workflows"
        yield "What is given chooses what runs."
        rows = [(plain(each.name), ", ".join(map(code, each.given)) or "nothing of these is given") for each in shown]
        yield written_table(("workflow", "runs when given"), rows)
        if len(names) > _MOST:
            # Names of more would fill a page that nobody reads.
            listed = f": {', '.join(map(plain, names[_MOST:]))}" if len(names) <= MOST_NAMES else ""
            yield f"{len(names) - _MOST} more workflows{listed}."
    for title, table in (("Inputs", input_table(shown)), ("Outputs", output_table(shown))):
        if table:
            yield f"## {title}"
            yield table


def _options(blocks: ModularPipelineBlocks) -> Iterable[str]:
    table = option_table(blocks)
    if table:
        yield "## Options"
        yield table


def _components(blocks: ModularPipelineBlocks, specs: Mapping[str, ComponentSpec], own: str | None) -> Iterable[str]:
    rows = []
    for expected in blocks.expected_components:
        spec = specs.get(str(expected.name), expected)
        made = spec.default_creation_method == "from_config"
        place = "this repository" if own is not None and spec.repo == own else _place(spec.repo)
        origin = "/".join(filter(None, [place, spec.subfolder])) or "yours to give"
        origin = "made from its configuration" if made else origin
        cells = (spec.name, spec.type_name[1] or "", origin, expected.description or "")
        rows.append([*map(plain, cells)])
    if rows:
        yield "## Components"
        yield written_table(("component", "class", "from", "what for"), rows)
        yield "Each component keeps the licence of where it is from."


def _place(repo: str | None) -> str | None:
    """Return a repository by a name that means something elsewhere: of a folder of this machine, its own."""
    if repo is None or is_hub_name(repo):
        return repo
    return shipped_name(repo) or f"a folder ({Path(repo).name})"


def _needs(sources: Sources) -> Iterable[str]:
    wanted = [f"{name}{version}" for name, version in sources.requirements.items()]
    names = wanted if any(name.startswith(_OWN) for name in wanted) else [_OWN, *wanted]
    api = "" if sources.api is None else f" The code was written for API {sources.api} of Brickwork."
    yield "## Needs"
    yield f"{', '.join(map(code, names))}.{api}"
