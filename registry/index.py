"""Reads where a pipeline's components come from: `modular_model_index.json`, or a classic `model_index.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ..state import RepoError
from .component_spec import LOADING_FIELDS, ComponentSpec

MODULAR_INDEX = "modular_model_index.json"
CLASSIC_INDEX = "model_index.json"
MODULAR_CONFIG = "modular_config.json"


@frozen
class PipelineIndex:
    """What an index file says.

    Attributes:
        class_name: the pipeline's class. specs: components by name. configs: settings of the pipeline.
    """

    class_name: str | None = None
    specs: Mapping[str, ComponentSpec] = field(factory=dict)
    configs: Mapping[str, Any] = field(factory=dict)


def read_index(repo: str | Path, **hub_options: Any) -> PipelineIndex:
    """Read a repository's index.

    Args:
        repo: a folder, or the name of a repository on the Hub.
        hub_options: `revision`, `token`, ... for `huggingface_hub.hf_hub_download`.

    Raises:
        RepoError: there is no index, or it cannot be read.
    """
    for name in (MODULAR_INDEX, CLASSIC_INDEX):
        path = _find(repo, name, hub_options)
        if path is not None:
            entries = _read_json(path)
            return _modular(entries) if name == MODULAR_INDEX else _classic(entries, str(repo), hub_options)
    raise RepoError(f"{repo} has neither {MODULAR_INDEX} nor {CLASSIC_INDEX}, so it is no pipeline repository.")


def _find(repo: str | Path, name: str, hub_options: Mapping[str, Any]) -> Path | None:
    folder = Path(repo)
    if folder.is_dir():
        return folder / name if (folder / name).is_file() else None
    if folder.is_absolute() or str(repo).startswith(".") or str(repo).count("/") != 1:
        raise RepoError(f"{repo} is no folder on this machine, and no name of a Hub repository (owner/name).")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(str(repo), name, **hub_options))
    except LocalEntryNotFoundError as error:
        raise RepoError(
            f"{repo} is no folder here, not in the cache, and the Hub cannot be reached: {error}"
        ) from error
    except EntryNotFoundError:
        return None
    except (HfHubHTTPError, OSError) as error:
        raise RepoError(f"{repo} could not be read from the Hub: {error}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise RepoError(f"{path} cannot be read: {error}") from error
    if not isinstance(entries, dict):
        raise RepoError(f"{path} holds no JSON object.")
    return entries


def _modular(entries: dict[str, Any]) -> PipelineIndex:
    specs, configs = {}, {}
    for name, entry in entries.items():
        if name.startswith("_"):
            continue
        if isinstance(entry, list) and len(entry) == 3 and isinstance(entry[2], dict):
            library, class_name, loading = entry
            specs[name] = _spec_of(name, library, class_name, loading)
        else:
            configs[name] = entry
    return PipelineIndex(entries.get("_class_name"), specs, configs)


def _spec_of(name: str, library: str | None, class_name: str | None, loading: dict[str, Any]) -> ComponentSpec:
    type_hint: Any = None
    if library and class_name:
        type_hint = f"{library}:{class_name}"
    else:
        named = loading.get("type_hint")
        if isinstance(named, list) and len(named) == 2 and all(named):
            type_hint = f"{named[0]}:{named[1]}"
    origin = loading.get("pretrained_model_name_or_path") or loading.get("repo")
    fields: dict[str, Any] = {key: loading.get(key) for key in LOADING_FIELDS[1:]}
    return ComponentSpec(name, type_hint, pretrained_model_name_or_path=origin, **fields)


def _classic(entries: dict[str, Any], repo: str, hub_options: Mapping[str, Any]) -> PipelineIndex:
    specs, configs = {}, {}
    for name, entry in entries.items():
        if name.startswith("_"):
            continue
        if isinstance(entry, list) and len(entry) == 2:
            if all(entry):
                revision = hub_options.get("revision")
                specs[name] = ComponentSpec(
                    name,
                    f"{entry[0]}:{entry[1]}",
                    pretrained_model_name_or_path=repo,
                    subfolder=name,
                    revision=revision,
                )
        else:
            configs[name] = entry
    return PipelineIndex(entries.get("_class_name"), specs, configs)


def index_entries(
    class_name: str, specs: Mapping[str, ComponentSpec], components: Mapping[str, Any], configs: Mapping[str, Any]
) -> dict[str, Any]:
    """What `modular_model_index.json` says of a pipeline: the origin of each component that is loaded from files.

    Library and class stand in an entry while the component is there; null says that it is not loaded yet.
    """
    entries: dict[str, Any] = {"_class_name": class_name}
    for name, spec in specs.items():
        if spec.default_creation_method != "from_pretrained":
            continue
        type_hint = list(spec.type_name)
        loaded = type_hint if components.get(name) is not None else [None, None]
        origin = {field: getattr(spec, field) for field in LOADING_FIELDS}
        entries[name] = [*loaded, {**origin, "type_hint": type_hint}]
    return {**entries, **configs}
