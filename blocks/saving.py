"""Saves blocks and pipelines as repositories, which diffusers opens, too."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..guiders import Guider
from ..registry import ComponentSpec
from ..registry.component_spec import LOADING_FIELDS
from ..registry.folder_update import folder_update
from ..registry.index import MODULAR_INDEX
from ..registry.loading import commit_of
from ..registry.repo import is_hub_name
from ..registry.verified import text_digest
from ..state import ComponentError, RepoError
from ..state.atomic import writing
from ..state.limits import LARGEST_JSON
from ..state.reading import read_bytes
from ..state.value_data import is_note
from .base import ModularPipelineBlocks
from .block_sources import Sources, collect_sources
from .composition import describe
from .model_card import CARD, model_card
from .opening import PEER_CONFIG, origin_of
from .peer_adapter import ADAPTER, adapter_file, auto_map
from .repo_format import NAME, RepoFormat

if TYPE_CHECKING:
    from .modular_pipeline import ModularPipeline

GRAPH = "graph.svg"
LAST = (MODULAR_INDEX, PEER_CONFIG, NAME)


def save_blocks(
    blocks: ModularPipelineBlocks, folder: Path, repo_id: str | None = None, licence: str | None = None
) -> None:
    """Save a composition with the code of its custom blocks.

    Raises:
        RepoError: code or options cannot be saved; every fault is named, and nothing is written.
    """
    sources, composition = _written(blocks)
    with writing(folder), folder_update(folder, LAST) as stage:
        _write_blocks(
            stage, sources, RepoFormat(composition, _digests(sources), sources.requirements), blocks.graph().svg
        )
        card = model_card(blocks, repo_id or folder.name, sources, licence=licence)
        (stage / CARD).write_text(_kept_card(folder, card), encoding="utf-8")


def save_pipeline(
    pipe: ModularPipeline,
    folder: Path,
    repo_id: str | None = None,
    variant: str | None = None,
    max_shard_size: int | str | None = None,
    overwrite_modular_index: bool = True,
    origin: str | None = None,
    licence: str | None = None,
) -> None:
    """Save a pipeline: its blocks, the components that are loaded, and where the others come from.

    Args:
        overwrite_modular_index: the saved components' entries point at the new repository; else where they came from.
        origin: what entries call the new repository; the folder by default.

    Raises:
        RepoError: something cannot be saved; every fault is named, and nothing is written.
    """
    sources, composition = _written(pipe.blocks)
    created = _created(pipe)
    if origin is not None:
        _refuse_own_folders(pipe)
    with writing(folder), folder_update(folder, LAST) as stage:
        specs = dict(pipe.specs)
        for name in pipe.pretrained_component_names:
            component = pipe.components[name]
            if component is None:
                continue
            spec = specs[name]
            if not overwrite_modular_index and spec.repo is not None:
                continue
            _save_component(name, component, stage / name, variant, max_shard_size)
            saved = ComponentSpec(name, type(component), spec.description, None, origin or str(folder), name)
            saved.variant = variant if hasattr(component, "parameters") else None
            specs[name] = saved
        pins = {name: _pin(pipe, spec, origin or str(folder)) for name, spec in specs.items() if spec.repo is not None}
        (stage / MODULAR_INDEX).write_text(_json(_index(pipe, specs)), encoding="utf-8")
        written = RepoFormat(composition, _digests(sources), sources.requirements, created, pins)
        _write_blocks(stage, sources, written, pipe.graph().svg)
        card = model_card(pipe.blocks, repo_id or folder.name, sources, specs, origin or str(folder), licence)
        (stage / CARD).write_text(_kept_card(folder, card), encoding="utf-8")
    if overwrite_modular_index and origin is None:
        pipe.specs.update({name: spec for name, spec in specs.items() if spec.repo == str(folder)})


def _refuse_own_folders(pipe: ModularPipeline) -> None:
    """Others cannot load what lies in a folder of this machine and is not saved along."""
    faults = [
        f"{name} is not loaded, and comes from the folder {spec.repo}, which others do not have: load_components({name!r}) first, "
        "or name a repository of the Hub in its spec."
        for name, spec in pipe.specs.items()
        if pipe.components[name] is None and spec.repo is not None and not is_hub_name(spec.repo)
    ]
    if faults:
        raise RepoError.of("The pipeline cannot be published", faults)


def _written(blocks: ModularPipelineBlocks) -> tuple[Sources, dict[str, Any]]:
    sources = collect_sources(blocks)
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


def _digests(sources: Sources) -> dict[str, str]:
    return {name: text_digest(data) for name, data in sorted(sources.files.items())}


def _write_blocks(stage: Path, sources: Sources, written: RepoFormat, graph: str) -> None:
    for name, data in sources.files.items():
        target = stage / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (stage / GRAPH).write_text(graph, encoding="utf-8")
    (stage / ADAPTER).write_text(adapter_file(written.composition, written.created, sources), encoding="utf-8")
    config = {**auto_map(), "requirements": dict(sources.requirements)}
    (stage / PEER_CONFIG).write_text(_json(config), encoding="utf-8")
    (stage / NAME).write_text(_json(written.to_dict()), encoding="utf-8")


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _kept_card(folder: Path, card: str) -> str:
    """A card that a person has written stays; one of ours is made anew."""
    path = folder / CARD
    if not path.is_file() or path.is_symlink():
        return card
    try:
        text = read_bytes(path, LARGEST_JSON).decode("utf-8")
    except UnicodeDecodeError as error:
        raise RepoError(f"{path} is no text in UTF-8, so it cannot be kept: {error}. Save it as UTF-8.") from None
    return card if "<!-- made by brickwork -->" in text else text


def _index(pipe: ModularPipeline, specs: Mapping[str, ComponentSpec]) -> dict[str, Any]:
    entries: dict[str, Any] = {"_class_name": _class_name(pipe.blocks), "_diffusers_version": "0.42.1"}
    for name, spec in specs.items():
        if spec.default_creation_method == "from_pretrained":
            hint = _written_type(spec)
            loaded = hint if pipe.components[name] is not None else [None, None]
            fields = {field: getattr(spec, field) for field in LOADING_FIELDS}
            entries[name] = [*loaded, {**fields, "type_hint": hint}]
    return {**entries, **pipe.config}


def _written_type(spec: ComponentSpec) -> list[str | None]:
    """Library and class of a component; of guiders that diffusers has, too, its own."""
    hint = spec.type_hint
    if isinstance(hint, type) and issubclass(hint, Guider):
        import diffusers

        return ["diffusers" if hasattr(diffusers, hint.__name__) else "brickwork", hint.__name__]
    return list(spec.type_name)


def _class_name(blocks: ModularPipelineBlocks) -> str:
    """The pipeline class of diffusers whose properties the blocks' family has."""
    from .flattening import walk

    families = {block.model_name for _, block in walk(blocks)}
    return "StableDiffusionXLModularPipeline" if "stable-diffusion-xl" in families else "ModularPipeline"


def _pin(pipe: ModularPipeline, spec: ComponentSpec, origin: str) -> dict[str, Any]:
    """What the index says of a component now, and the commit that the loaded one is of."""
    entry = origin_of(spec, None)
    if spec.repo == origin:
        entry = {**entry, "repo": ".", "revision": None}
    return {"entry": entry, "commit": commit_of(pipe.components.get(str(spec.name)), spec.repo)}


def _created(pipe: ModularPipeline) -> dict[str, Any]:
    """Components that are made from a configuration which is not the blocks' own."""
    defaults = {str(spec.name): spec for spec in pipe.blocks.expected_components}
    found: dict[str, Any] = {}
    faults = []
    for name in pipe.config_component_names:
        component = pipe.components[name]
        if isinstance(component, Guider):
            config = {"_class_name": type(component).__name__, **component.config}
            if defaults[name].create() != component:
                found[name] = config
        elif hasattr(component, "config"):
            spec = ComponentSpec.from_component(name, component)
            config = {k: v for k, v in dict(component.config).items() if not k.startswith("_")}
            found[name] = {"class": ":".join(map(str, spec.type_name)), "config": config}
        try:
            json.dumps(found.get(name))
        except (TypeError, ValueError):
            faults.append(f"{name}: {type(component).__name__} has settings that no file holds, such as a function.")
    if faults:
        raise RepoError.of("Components cannot be saved", faults)
    return found


def _save_component(name: str, component: Any, folder: Path, variant: str | None, max_shard_size: Any) -> None:
    save = getattr(component, "save_pretrained", None)
    if save is None:
        raise ComponentError(f"{name!r} is a {type(component).__name__}, which has no save_pretrained.")
    accepted = inspect.signature(save).parameters
    takes_all = any(each.kind is each.VAR_KEYWORD for each in accepted.values())
    is_model = hasattr(component, "parameters")
    options: dict[str, Any] = {}
    if is_model and ("safe_serialization" in accepted or takes_all):
        options["safe_serialization"] = True
    if is_model and variant is not None:
        options["variant"] = variant
    if is_model and max_shard_size is not None:
        options["max_shard_size"] = max_shard_size
    folder.mkdir(parents=True)
    save(str(folder), **options)
