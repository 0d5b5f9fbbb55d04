"""Writes a pipeline as a workflow file: the nearest preset, and what is different from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..guiders import Guider
from ..registry.component_spec import LOADING_FIELDS
from ..registry.strict_yaml import written
from ..state import RepoError
from ..state.atomic import write_text
from ..state.value_data import data_of, is_note
from .base import ModularPipelineBlocks
from .catalog import presets
from .composition import describe, reference
from .workflow_file import specs_of
from .written_workflow import VERSION

if TYPE_CHECKING:
    from .modular_pipeline import ModularPipeline


def save_workflow(pipe: ModularPipeline, path: str | Path) -> None:
    """Write the file that `load_workflow` makes the same pipeline of; custom blocks are named, and their code is not in it.

    Raises:
        RepoError: an option or setting is no plain data; every fault is named, and nothing is written.
    """
    data: dict[str, Any] = {"brickwork": VERSION, **_composition(pipe.blocks)}
    components = {name: _origin(spec) for name, spec in specs_of(pipe)}
    faults = [f"{place}: {note['value']} is no plain data." for place, note in _notes(data, "")]
    if components:
        data["components"] = components
    defaults = {str(spec.name): spec for spec in pipe.blocks.expected_components}
    for name, component in pipe.components.items():
        if isinstance(component, Guider) and name == "guider" and component != defaults[name].create():
            try:
                data["guider"] = {"name": type(component).__name__, **data_of(_settings(component))}
            except ValueError as error:
                faults.append(f"guider: {error}.")
    config = {spec.name: spec.default for spec in pipe.blocks.expected_configs}
    changed = {name: value for name, value in pipe.config.items() if name in config and value != config[name]}
    data |= {"config": data_of(changed)} if changed else {}
    data |= {"inputs": data_of(dict(pipe.input_defaults))} if pipe.input_defaults else {}
    if faults:
        raise RepoError.of("The workflow cannot be written", faults)
    write_text(Path(path), written(data))


def _settings(guider: Guider) -> dict[str, Any]:
    """What differs from the guider's own defaults; all of it where it cannot be made without."""
    try:
        defaults = type(guider)().config
    except TypeError:
        return dict(guider.config)
    return {name: value for name, value in guider.config.items() if value != defaults.get(name)}


def _origin(spec: Any) -> Any:
    found = {"repo": spec.repo, **{name: getattr(spec, name) for name in LOADING_FIELDS[1:] if getattr(spec, name)}}
    return found["repo"] if len(found) == 1 else found


def _composition(blocks: ModularPipelineBlocks) -> dict[str, Any]:
    """A preset with edits, the one with the fewest; else all blocks."""
    mine = describe(blocks, reference)
    best: tuple[int, dict[str, Any]] | None = None
    for name, preset in presets():
        edits = _edits(describe(preset, reference), mine, "")
        if edits is not None and (best is None or len(edits) < best[0]):
            best = len(edits), {"start": name, **({"edits": edits} if edits else {})}
    size = sum(1 for _ in _entries(mine))
    return best[1] if best is not None and best[0] < size / 2 else {"composition": mine}


def _edits(base: Mapping[str, Any], mine: Mapping[str, Any], path: str) -> list[dict[str, Any]] | None:
    """What makes one container of another; None if they are of different kinds, or in another order."""
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
    if entry.get("blocks") or (after is None and before is None):
        return None
    place = {"after": after} if after is not None else {"before": before}
    edit = {"insert": name.rpartition(".")[2], "block": entry["block"], **place}
    return {**edit, **({"options": entry["options"]} if entry.get("options") else {})}


def _changed(base: Mapping[str, Any], mine: Mapping[str, Any], path: str) -> list[dict[str, Any]] | None:
    if base.get("blocks"):
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
