"""Saves pipelines as repositories, which diffusers opens, too."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..blocks.core.base import ModularPipelineBlocks
from ..blocks.core.components_view import known_families
from ..guiders import Guider
from ..guiders.guider_file import guider_config, own_guiders
from ..registry import ComponentSpec
from ..registry.compilation import uncompiled
from ..registry.component_spec import LOADING_FIELDS
from ..registry.hub.folder_update import folder_update
from ..registry.hub.repo import Repo, is_hub_name, local_name
from ..registry.hub.repo_files import MODULAR_INDEX
from ..registry.index import DIFFUSERS_RELEASE, origin_faults
from ..registry.loading.stale_files import stale_files
from ..registry.provenance import commit_of
from ..saving.block_sources import Sources
from ..saving.foreign_folder import refuse_file, refuse_foreign, refuse_replacing
from ..saving.mellon_file import MELLON_CONFIG, mellon_config
from ..saving.model_card import CARD, model_card
from ..saving.reopening import blocks_faults, index_faults, written_origin, written_type
from ..saving.repo_format import RepoFormat
from ..saving.save_blocks import (
    LAST,
    json_text,
    kept_card,
    refuse_others,
    source_digests,
    write_blocks,
    written_composition,
    written_files,
)
from ..saving.unsavable import class_faults, is_own_network
from ..state import BrickworkError, RepoError
from ..state.atomic import new_file_mode, writing
from ..state.value_data import data_of
from .created_components import created_faults
from .saved_components import ComponentsPlan, created_entry, declared_class

if TYPE_CHECKING:
    from .modular_pipeline import ModularPipeline


_logger = logging.getLogger("brickwork")


def save_pipeline(
    pipe: ModularPipeline,
    folder: Path,
    repo_id: str | None = None,
    variant: str | None = None,
    max_shard_size: int | str | None = None,
    overwrite_modular_index: bool = True,
    origin: str | None = None,
    licence: str | None = None,
    finish: Callable[[Path], object] | None = None,
) -> None:
    """Save a pipeline: its blocks, the components that are loaded, and where the others come from.

    What was written is opened again before it takes its place: structure, names, classes and weights are those of the pipeline.

    Args:
        overwrite_modular_index: the saved components' entries point at the new repository; else where they came from.
        origin: what entries call the new repository; the folder by default.
        finish: takes the folder of the new files, all there, before they take their places; what it raises refuses the save.

    Raises:
        RepoError: something cannot be saved, or would come back as something else; every fault is named, and nothing is written.
    """
    own = origin or local_name(str(folder))
    odd = list(origin_faults(ComponentSpec(variant=variant), Repo(own, folder)))
    if odd:
        raise RepoError.of("The pipeline cannot be saved", odd)
    sources, composition = written_composition(pipe.blocks, _own_classes(pipe))
    plan = ComponentsPlan.of(pipe, variant, overwrite_modular_index)
    created = _created(pipe, sources)
    if origin is not None:
        _refuse_own_folders(pipe)
    refuse_file(folder)
    with writing(folder), folder_update(folder, LAST, _stale) as stage:
        refuse_foreign(folder, _class_name(pipe.blocks))
        with _in_words():
            adapters = plan.write(stage, max_shard_size)
        specs = plan.specs(own, folder)
        (stage / MODULAR_INDEX).write_text(json_text(_index(pipe, specs)), encoding="utf-8")
        pins = {name: _pin(pipe, spec, own) for name, spec in specs.items() if spec.repo is not None}
        written = RepoFormat(
            composition,
            source_digests(sources),
            sources.requirements,
            created,
            pins,
            {name: spec.dtype for name, spec in specs.items() if spec.dtype is not None},
            adapters.to_dict(),
            _inputs(pipe),
            tuple(sorted(pipe.none_on_purpose)),
            own,
            sources.api,
        )
        write_blocks(stage, sources, written, pipe.graph().svg, plan.not_for_diffusers(adapters))
        mellon = mellon_config(folder.name, pipe.input_schema(), pipe.pretrained_component_names, pipe.outputs)
        (stage / MELLON_CONFIG).write_text(json_text(mellon), encoding="utf-8")
        card = model_card(pipe.blocks, repo_id or folder.name, sources, specs, own, licence)
        (stage / CARD).write_text(kept_card(folder, card), encoding="utf-8")
        _open_to_others(stage)
        files = written_files(stage, own, "The pipeline")
        faults = [
            *blocks_faults(files, written, pipe.blocks, sources),
            *plan.faults(stage, adapters),
            *index_faults(files, specs, pipe.config),
            *created_faults(pipe, files, sources),
        ]
        refuse_others(faults, "The pipeline")
        if finish is not None:
            finish(stage)
        refuse_replacing(folder, stage)
    _logger.info(
        "Saved to %s: the blocks, the weights of %s, and where the others come from. It opens as a ModularPipeline, here and in diffusers; "
        "there is no model_index.json, so diffusers' classic DiffusionPipeline does not open it.",
        folder,
        ", ".join(plan.pieces) or "nothing",
    )
    if overwrite_modular_index and origin is None:
        pipe.specs.update({name: spec for name, spec in specs.items() if spec.repo == own})


def _stale(saved: Path, there: Iterable[str]) -> list[str]:
    """Files of an older save that must not stay beside this one."""
    return stale_files(saved, MODULAR_INDEX, there)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """What other libraries say while they write weights, as ours; of the disk `writing` says it, with the place."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        if isinstance(error, BrickworkError):
            raise
        raise RepoError(f"The components cannot be written: {error}") from error


def _open_to_others(stage: Path) -> None:
    """Give files the modes that new ones have: those of weights are made for their owner alone."""
    mode = new_file_mode()
    for path in stage.rglob("*"):
        if path.is_file():
            path.chmod(mode)


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


def _own_classes(pipe: ModularPipeline) -> dict[str, list[type]]:
    """By component: classes of guiders and networks that are of no library, which bring their code."""
    held = {name: pipe.components[name] for name in pipe.config_component_names}
    guiders = {name: list(own_guiders(each)) for name, each in held.items() if isinstance(each, Guider)}
    loaded = {name: type(uncompiled(pipe.components[name])) for name in pipe.pretrained_component_names}
    networks = {
        name: [cls] for name, cls in loaded.items() if is_own_network(cls) and cls is declared_class(pipe, name)
    }
    return {**guiders, **networks}


def _inputs(pipe: ModularPipeline) -> dict[str, Any]:
    """Values for inputs that a call does not give."""
    try:
        found: dict[str, Any] = data_of(dict(pipe.input_defaults))
    except ValueError as error:
        raise RepoError(f"The pipeline cannot be saved: of its values for inputs, {error}.") from error
    return found


def _index(pipe: ModularPipeline, specs: Mapping[str, ComponentSpec]) -> dict[str, Any]:
    entries: dict[str, Any] = {"_class_name": _class_name(pipe.blocks), "_diffusers_version": DIFFUSERS_RELEASE}
    for name, spec in specs.items():
        if spec.default_creation_method == "from_pretrained":
            hint = written_type(spec)
            loaded = hint if pipe.components[name] is not None else [None, None]
            fields = {field: getattr(spec, field) for field in LOADING_FIELDS}
            entries[name] = [*loaded, {**fields, "type_hint": hint}]
    return {**entries, **pipe.config}


def _class_name(blocks: ModularPipelineBlocks) -> str:
    """The pipeline class of diffusers whose properties the blocks' family has."""
    named = (family.modular_pipeline for family in known_families(blocks))
    return next((name for name in named if name), "ModularPipeline")


def _pin(pipe: ModularPipeline, spec: ComponentSpec, origin: str) -> dict[str, Any]:
    """What the index says of a component now, and the commit that the loaded one is of."""
    return {"entry": written_origin(spec, origin), "commit": commit_of(pipe.components.get(str(spec.name)), spec.repo)}


def _created(pipe: ModularPipeline, sources: Sources) -> dict[str, Any]:
    """Components that are made from a configuration which is not the blocks' own."""
    defaults = {str(spec.name): spec for spec in pipe.blocks.expected_components}
    found: dict[str, Any] = {}
    faults = []
    for name in pipe.config_component_names:
        component = pipe.components[name]
        if isinstance(component, Guider):
            if defaults[name].create() != component:
                found[name] = _as_data(guider_config(component, sources.name_of))
        elif component is not None:
            unnamed = list(class_faults(name, component))
            # What the blocks make by themselves needs no entry: the check after writing compares it.
            if unnamed and type(component) is defaults[name].type_hint:
                continue
            faults += unnamed
            found[name] = created_entry(name, component)
        if name in found and not _is_json(found[name]):
            faults.append(f"{name}: {type(component).__name__} has settings that no file holds, such as a function.")
    if faults:
        raise RepoError.of("Components cannot be saved", faults)
    return {name: entry for name, entry in found.items() if entry is not None}


def _as_data(config: dict[str, Any]) -> Any:
    """A configuration as data; what is none of it stays, and is no JSON."""
    try:
        return data_of(config)
    except ValueError:
        return config


def _is_json(entry: object) -> bool:
    try:
        json.dumps(entry)
    except (TypeError, ValueError):
        return False
    return True
