"""Writes a composition with the code of its custom blocks, in files that diffusers opens, too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..blocks.core.base import ModularPipelineBlocks
from ..registry.hub.folder_update import folder_update
from ..registry.hub.repo import Repo
from ..registry.hub.repo_files import MODULAR_INDEX, PEER_CONFIG, RepoFiles
from ..registry.hub.verified import text_digest
from ..state import BrickworkError, RepoError
from ..state.atomic import writing
from ..state.given import given_path
from ..state.limits import LARGEST_JSON
from ..state.reading import read_bytes
from ..state.value_data import is_note
from .block_sources import Sources, collect_sources
from .composition import describe
from .foreign_folder import refuse_file, refuse_foreign, refuse_replacing
from .model_card import CARD, model_card
from .reopening import blocks_faults
from .repo_format import NAME, RepoFormat
from .to_diffusers import ADAPTER, adapter_file, auto_map

GRAPH = "graph.svg"
# What makes a folder a repository goes last: a save that is cut off leaves none that opens as something else.
LAST = (MODULAR_INDEX, PEER_CONFIG, NAME)


def save_blocks(
    blocks: ModularPipelineBlocks, save_directory: str | Path, repo_id: str | None = None, licence: str | None = None
) -> None:
    """Save a composition with the code of its custom blocks.

    Raises:
        RepoError: code or options cannot be saved, or would come back as something else; every fault is named, and nothing is
            written. InputError: the folder is no path.
    """
    folder = given_path(save_directory, "save_directory")
    sources, composition = written_composition(blocks, {})
    # The check comes within the update: nothing of the old folder is replaced until what was written has been opened.
    refuse_file(folder)
    with writing(folder), folder_update(folder, LAST) as stage:
        refuse_foreign(folder)
        written = RepoFormat(composition, source_digests(sources), sources.requirements, api=sources.api)
        write_blocks(stage, sources, written, blocks.graph().svg)
        card = model_card(blocks, repo_id or folder.name, sources, licence=licence)
        (stage / CARD).write_text(kept_card(folder, card), encoding="utf-8")
        files = written_files(stage, str(folder), "The blocks")
        refuse_others(list(blocks_faults(files, written, blocks, sources)), "The blocks")
        refuse_replacing(folder, stage)


def written_files(stage: Path, name: str, what: str) -> RepoFiles:
    """Read again what was written to a folder, under the name that the repository will have.

    Raises:
        RepoError: it cannot be read; nothing of it may take its place.
    """
    try:
        return RepoFiles.read(Repo(name, stage), blocks=False)
    except BrickworkError as error:
        raise RepoError(f"{what} would not open: {error}") from error


def refuse_others(faults: list[str], what: str) -> None:
    """Refuse a save of which something would come back as something else.

    Raises:
        RepoError: there are faults.
    """
    if faults:
        raise RepoError.of(f"{what} cannot be saved: opened again, it is not the same", faults)


def written_composition(
    blocks: ModularPipelineBlocks, guiders: Mapping[str, Iterable[type]]
) -> tuple[Sources, dict[str, Any]]:
    """Write a composition as data, and gather the code of its custom classes; `guiders` by component.

    Raises:
        RepoError: code or options cannot be saved.
    """
    sources = collect_sources(blocks, guiders)
    composition = describe(blocks, sources.name_of)
    faults = list(_notes(composition, type(blocks).__name__))
    if faults:
        raise RepoError.of("The composition cannot be saved", faults)
    return sources, composition


def _notes(entry: Mapping[str, Any], path: str) -> list[str]:
    options = entry.get("options") or {}
    found = [
        f"{path}: the option {name!r} is {value['value']}, which no file holds; make it a number, a text or a list of such."
        for name, value in options.items()
        if is_note(value)
    ]
    for name, part in (entry.get("blocks") or {}).items():
        found += _notes(part, f"{path}.{name}")
    return found


def source_digests(sources: Sources) -> dict[str, str]:
    """Return SHA-256 of each file of code."""
    return {name: text_digest(data) for name, data in sorted(sources.files.items())}


def write_blocks(stage: Path, sources: Sources, written: RepoFormat, graph: str, only_here: Sequence[str] = ()) -> None:
    """Write code, image, and what we and diffusers know a composition by; `only_here`: what diffusers would leave out."""
    for name, data in sources.files.items():
        target = stage / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (stage / GRAPH).write_text(graph, encoding="utf-8")
    adapter = adapter_file(written.composition, written.created, sources, only_here)
    (stage / ADAPTER).write_text(adapter, encoding="utf-8")
    config = {**auto_map(), "requirements": dict(sources.requirements)}
    (stage / PEER_CONFIG).write_text(json_text(config), encoding="utf-8")
    (stage / NAME).write_text(json_text(written.to_dict()), encoding="utf-8")


def json_text(data: object) -> str:
    """Return JSON as files of repositories have it."""
    # In the order in which it was made, and as text that people and `git diff` can read.
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def kept_card(folder: Path, card: str) -> str:
    """A card that a person has written stays; one of ours is made anew."""
    path = folder / CARD
    # A link would have the file at its other end copied into a public repository.
    if not path.is_file() or path.is_symlink():
        return card
    try:
        text = read_bytes(path, LARGEST_JSON).decode("utf-8")
    except UnicodeDecodeError as error:
        raise RepoError(f"{path} is no text in UTF-8, so it cannot be kept: {error}. Save it as UTF-8.") from None
    return card if "<!-- made by brickwork -->" in text else text
