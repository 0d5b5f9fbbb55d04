"""Writes a pipeline as a workflow file: the nearest preset, and what is different from it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict

from ...blocks.core.base import ModularPipelineBlocks
from ...blocks.core.block_catalog import reference
from ...blocks.core.preset_catalog import presets
from ...guiders import Guider
from ...guiders.guider_file import comes_back, own_guiders
from ...registry.hub.strict_yaml import written
from ...registry.identity.same_component import component_differences
from ...registry.identity.setting_content import content_of
from ...saving.block_sources import own_classes
from ...saving.composition import describe
from ...saving.reopening import composition_faults
from ...state import BrickworkError, InputError, RepoError
from ...state.atomic import beside
from ...state.errors import named_thing
from ...state.given import given_path
from ...state.reading import read_start
from ...state.value_data import data_of, is_note
from .workflow_file import load_workflow
from .workflow_loras import live_loras, lora_entry
from .workflow_origins import common_repo, component_entries, dtype_of_spec, live_faults, named_repo
from .workflow_techniques import own_techniques, reopened_technique_faults, with_techniques
from .written_workflow import VERSION

if TYPE_CHECKING:
    from ..modular_pipeline import ModularPipeline


def save_workflow(pipe: ModularPipeline, path: str | Path, *, whole: bool = False) -> None:
    """Write the file that `load_workflow` makes the same pipeline of; custom blocks are named, and their code is not in it.

    What was written is loaded again before it takes its place, and loaded components are compared with where the file says that they
    are from.

    Args:
        whole: write every block, and not the nearest preset and what differs from it, for which all presets are looked at.

    Raises:
        RepoError: an option or setting is no plain data, or a component is not as its origin holds it; every fault is named, and
            nothing is written.
    """
    if not hasattr(pipe, "blocks"):
        raise InputError(f"save_workflow(pipe, path) writes a pipeline, and {named_thing(pipe)} was given first.")
    place = given_path(path, "The workflow's file")
    _refuse_replacing(place)
    data: dict[str, Any] = {"brickwork": VERSION, **_composition(pipe.blocks, whole)}
    faults = [f"{where}: {note['value']} is no plain data." for where, note in _notes(data, "")]
    faults += live_faults(pipe)
    data |= _settled(pipe, faults)
    if faults:
        raise RepoError.of("The workflow cannot be written", faults)
    with beside(place) as new:
        new.write_text(written(data), encoding="utf-8")
        faults = list(_reopened_faults(pipe, new))
        if faults:
            raise RepoError.of("The workflow cannot be written: loaded again, it is not the same", faults)


def _refuse_replacing(path: Path) -> None:
    """Refuse a file that is there, and no workflow."""
    # As text: a name may be longer than names may be.
    if os.path.isdir(path):  # noqa: PTH112
        raise RepoError(f"{path} is a folder; a workflow is a file, such as {path / 'workflow.yaml'}.")
    is_foreign = os.path.isfile(path) and (text := read_start(path, 10_000)[0].strip()) and not _OURS.search(text)  # noqa: PTH113
    if is_foreign:
        raise RepoError(f"{path} is no workflow, and would be replaced by one. Give another name, or delete it first.")


_OURS = re.compile(rb"""(?m)^[{\s]*["']?brickwork["']?\s*:""")


def _settled(pipe: ModularPipeline, faults: list[str]) -> dict[str, Any]:
    """Return origins, guider, config and inputs, as far as they are not what the blocks have by themselves."""
    repo, index = common_repo(pipe)
    found: dict[str, Any] = {}
    if repo is not None:
        found["repo"] = named_repo(repo)
        revisions = {spec.revision for spec in index.specs.values() if spec.repo == repo and spec.revision is not None}
        found |= {"revision": revisions.pop()} if len(revisions) == 1 else {}
    try:
        origins = with_techniques(component_entries(pipe, index), pipe)
        guider = origins.pop("guider", {}).get("guider") if "guider" in pipe.guider_names else None
        found |= {"components": origins} if origins else {}
        found |= {"guider": guider} if guider is not None else {}
        defaults = {spec.name: spec.default for spec in pipe.blocks.expected_configs}
        given = {**defaults, **{name: value for name, value in index.configs.items() if name in defaults}}
        loras = live_loras(pipe, faults)
        found |= {"loras": [lora_entry(lora, number) for number, lora in enumerate(loras)]} if loras else {}
        changed = {name: value for name, value in pipe.config.items() if name in given and value != given[name]}
        found |= {"config": data_of(changed)} if changed else {}
        found |= {"inputs": data_of(dict(pipe.input_defaults))} if pipe.input_defaults else {}
        found |= {"outputs": list(pipe.outputs)} if pipe.outputs else {}
    except ValueError as error:
        faults += getattr(error, "faults", ()) or [str(error)]
    return found


def _reopened_faults(pipe: ModularPipeline, path: Path) -> Iterator[str]:
    """Load a file, and say in what its pipeline is another one."""
    own = {reference(cls): cls for _, cls in own_classes(pipe.blocks)}
    guiders = [cls for each in pipe.components.values() if isinstance(each, Guider) for cls in own_guiders(each)]
    try:
        again = load_workflow(path, own, guiders, own_techniques(pipe), **pipe.hub_options)
    except BrickworkError as error:
        yield from error.faults or [str(error)]
        return
    yield from composition_faults(pipe.blocks, again.blocks, reference)
    for name, spec in pipe.specs.items():
        there = again.specs[name]
        if spec.repo is not None and (spec.load_id, dtype_of_spec(pipe, name)) != (there.load_id, there.dtype):
            yield f"{name} is from {spec.load_id}, and would be from {there.load_id}."
        live, made = pipe.components[name], again.components[name]
        if isinstance(live, Guider):
            if not (isinstance(made, Guider) and comes_back(live, made)):
                yield f"{name} is {live}, and loaded again {made}."
        elif live is not None and made is not None:
            yield from (f"{name}: {fault}" for fault in component_differences(live, made))
    yield from reopened_technique_faults(pipe, again)
    if pipe.none_on_purpose != again.none_on_purpose:
        yield f"None on purpose are {sorted(pipe.none_on_purpose)}, and loaded again {sorted(again.none_on_purpose)}."
    for words, one, other in (
        ("config", dict(pipe.config), dict(again.config)),
        ("values for inputs", pipe.input_defaults, again.input_defaults),
        ("outputs", list(pipe.outputs), list(again.outputs)),
        ("LoRAs", *([asdict(each) for each in loras] for loras in (live_loras(pipe, []), again.wanted_loras.loras))),
    ):
        if content_of(one) != content_of(other):
            yield f"Its {words} are {one}, and loaded again {other}."


def _composition(blocks: ModularPipelineBlocks, whole: bool) -> dict[str, Any]:
    """Return a preset with edits, the one with the fewest; else all blocks."""
    mine = describe(blocks, reference)
    if whole:
        return {"composition": mine}
    best: tuple[int, dict[str, Any]] | None = None
    for name, preset in presets():
        edits = _edits(describe(preset, reference), mine, "")
        if edits is not None and (best is None or len(edits) < best[0]):
            best = len(edits), {"start": name, **({"edits": edits} if edits else {})}
    size = sum(1 for _ in _entries(mine))
    return best[1] if best is not None and best[0] < size / 2 else {"composition": mine}


def _edits(base: Mapping[str, Any], mine: Mapping[str, Any], path: str) -> list[dict[str, Any]] | None:
    """Return what makes one container of another; None if they are of different kinds, or in another order."""
    if _own(base) != _own(mine):
        return None
    before, now = base.get("blocks") or {}, mine.get("blocks") or {}
    kept = [name for name in now if name in before]
    if kept != [name for name in before if name in now]:
        return None
    edits: list[dict[str, Any]] = [{"remove": f"{path}{name}"} for name in before if name not in now]
    previous: str | None = None
    for name, entry in now.items():
        if name not in before:
            edit = _inserted(entry, f"{path}{name}", previous and f"{path}{previous}", _next(now, before, name, path))
            if edit is None:
                return None
            edits.append(edit)
        elif entry != before[name]:
            inner = (
                _edits(before[name], entry, f"{path}{name}.")
                if entry.get("blocks")
                else _changed(before[name], entry, path + name)
            )
            if inner is None:
                return None
            edits += inner
        previous = name
    return edits


def _own(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "blocks"}


def _next(now: Mapping[str, Any], before: Mapping[str, Any], name: str, path: str) -> str | None:
    names = list(now)
    later = [each for each in names[names.index(name) + 1 :] if each in before]
    return f"{path}{later[0]}" if later else None


def _inserted(entry: Mapping[str, Any], name: str, after: str | None, before: str | None) -> dict[str, Any] | None:
    if entry.get("blocks") or entry.get("parts") or (after is None and before is None):
        return None
    place = {"after": after} if after is not None else {"before": before}
    edit = {"insert": name.rpartition(".")[2], "block": entry["block"], **place}
    return {**edit, **({"options": entry["options"]} if entry.get("options") else {})}


def _changed(base: Mapping[str, Any], mine: Mapping[str, Any], path: str) -> list[dict[str, Any]] | None:
    if base.get("blocks") or mine.get("parts") or base.get("parts"):
        return None
    options = {"options": mine["options"]} if mine.get("options") else {}
    if base["block"] == mine["block"] and not base.get("options"):
        return [{"options": path, "set": mine["options"]}] if options else None
    return [{"replace": path, "with": mine["block"], **options}]


def _entries(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield entry
    for part in (entry.get("blocks") or {}).values():
        yield from _entries(part)


def _notes(data: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if is_note(data):
        yield place or "the composition", data
    elif isinstance(data, dict):
        for key, part in data.items():
            yield from _notes(part, f"{place}.{key}" if place else str(key))
    elif isinstance(data, list):
        for number, part in enumerate(data):
            yield from _notes(part, f"{place}[{number}]")
