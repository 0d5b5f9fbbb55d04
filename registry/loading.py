"""Loads one component from a folder, a single file or the Hub, and says what is wrong where that fails."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..state import ComponentError, TrustError
from ..state.errors import did_you_mean
from .classes import resolve_class
from .lock import Lock
from .repo import HUB_OPTIONS, Repo, is_hub_name, open_repo
from .repo_code import class_of, import_code, read_sources
from .repo_paths import check_inside
from .several import holds_several, part_class, part_folders
from .skeleton import config_of, load_model
from .strict_json import read_json
from .trust import Grant
from .weight_names import ADAPTER_CONFIG, shard_fault, weights_among
from .weights import check_file, stored_tensors, weight_files


def load(cls: Any, repo: str, where: Mapping[str, str | None], options: Mapping[str, Any]) -> Any:
    """Load a component of a class; models come in `eval()` mode.

    Args:
        cls: its class; None is found from the files. where: `subfolder`, `variant`, `revision`, those that are given.
        options: for the class's own loader; `dtype` casts, `quantization_config` and others are handed on.

    Raises:
        ComponentError: what is wrong with the files. Any error of the class's own loader.
    """
    if Path(repo).is_file():
        return _from_single_file(cls, Path(repo), options)
    if part_class(cls) is not None:
        return _several(cls, repo, where, options)
    hub = {name: options[name] for name in HUB_OPTIONS if name in options}
    options = {name: value for name, value in options.items() if name not in HUB_OPTIONS}
    granted = options.pop("trust_remote_code", False)
    found, root = _fetched(repo, where, options, hub)
    component = _from_folder(cls, found, root, where, options, granted)
    with contextlib.suppress(AttributeError):  # objects with slots carry none
        object.__setattr__(component, "_brickwork_commit", (repo, found.commit))
    return component


def _several(cls: Any, repo: str, where: Mapping[str, str | None], options: Mapping[str, Any]) -> Any:
    """Load the models of a component that holds several, each by itself."""
    hub = {name: options[name] for name in HUB_OPTIONS if name in options}
    found = open_repo(repo, where.get("revision"), **hub)
    subfolder = where.get("subfolder") or ""
    if not subfolder:
        raise ComponentError(
            f"the models of a {cls.__name__} lie in folders beside each other; name the first as subfolder=..."
        )
    folders = part_folders(True, subfolder, found.has_folder)
    pinned = {**where, **({"revision": found.commit} if found.commit is not None else {})}
    parts = [load(part_class(cls), repo, {**pinned, "subfolder": folder}, options) for folder in folders]
    made = cls(parts).eval()
    object.__setattr__(made, "_brickwork_commit", (repo, found.commit))
    return made


def commit_of(component: Any, repo: str | None) -> str | None:
    """The commit of a Hub repository that a component was loaded from; None if it came from elsewhere."""
    origin, commit = getattr(component, "_brickwork_commit", (None, None))
    return commit if origin == repo else None


def _from_folder(
    cls: Any, found: Repo, root: Path, where: Mapping[str, str | None], options: Mapping[str, Any], granted: Any
) -> Any:
    subfolder = where.get("subfolder") or ""
    folder = root / subfolder
    check_component_files(root, folder)
    inside = {name: value for name, value in where.items() if name != "revision"}
    if cls is None or cls.__name__.startswith("AutoModel"):
        cls = own_class(found, subfolder, config_of(folder), granted) or cls
    cls = cls or _class_in(folder)
    loader = getattr(cls, "from_pretrained", None)
    if loader is None:
        raise ComponentError(f"{cls.__name__} cannot be loaded from files; give it a config.")
    if not _is_model(cls):
        given = {name: value for name, value in options.items() if name != "dtype"}
        return loader(str(root), **inside, **{**_of_auto_classes(cls), **given})
    _check_folder(folder, where.get("variant"), options)
    if options.keys() <= {"dtype"}:
        model = load_model(cls, folder, where.get("variant"), options.get("dtype"))
        if model is not None:
            _note_origin(model, found.name, options.get("dtype"))
            return model
    return _by_own_loader(loader, str(root), inside, options)


def _of_auto_classes(cls: Any) -> dict[str, Any]:
    """Loaders that look for a class by themselves must not ask on the terminal whether to run code, nor take pickles."""
    if not cls.__name__.startswith("Auto"):
        return {}
    safe = {"use_safetensors": True} if cls.__name__.startswith("AutoModel") else {}
    return {"trust_remote_code": False, **safe}


def own_class(repo: Repo, subfolder: str, config: Mapping[str, Any] | None, granted: Any) -> Any:
    """The class of a model that its repository brings, if it says so and the caller grants it; None if it brings none.

    Raises:
        TrustError: it was not granted, changed, or is named in a way that leads elsewhere.
    """
    auto_map = (config or {}).get("auto_map")
    if not isinstance(auto_map, dict):
        return None
    name = next((value for key, value in sorted(auto_map.items()) if key.startswith("AutoModel")), None)
    parts = name.split(".") if isinstance(name, str) else []
    if len(parts) != 2 or not all(part.isidentifier() for part in parts):
        raise TrustError(f"auto_map of {repo.name} names {name!r}; it must be module.Class, both in this repository.")
    file = "/".join(filter(None, [subfolder, f"{parts[0]}.py"]))
    sources = read_sources(repo, [file])
    return class_of(import_code(repo, sources, Grant(granted, Lock.at(None))), file, parts[1])


def _fetched(
    repo: str, where: Mapping[str, str | None], options: Mapping[str, Any], hub: Mapping[str, Any]
) -> tuple[Repo, Path]:
    """A repository, and the folder with the files of one component: those of the Hub are downloaded, of one commit."""
    if Path(repo).is_dir():
        return open_repo(repo), Path(repo)
    if Path(repo).is_absolute() or not is_hub_name(repo):
        raise ComponentError(f"there is no folder {repo}, and that is no name of a Hub repository (owner/name).")
    found = open_repo(repo, where.get("revision"), **hub)
    subfolder = where.get("subfolder") or ""
    names = component_files(found, subfolder, where.get("variant"), options.get("use_safetensors", True))
    return found, found.fetch(names)


def fetched_folders(spec: Any, hub: Mapping[str, Any]) -> list[Path]:
    """The folders of a component's files, which are downloaded where they are not on this machine; none for a single file."""
    if Path(spec.repo).is_file():
        return []
    repo = open_repo(spec.repo, spec.revision, **hub)
    folders = part_folders(holds_several(*spec.type_name), spec.subfolder or "", repo.has_folder)
    return [repo.fetch(component_files(repo, folder, spec.variant)) / folder for folder in folders]


def component_files(repo: Repo, subfolder: str, variant: str | None, safe: bool = True) -> list[str]:
    """Names of a component's files in a repository: configurations, vocabularies, and the weights of one variant.

    Raises:
        ComponentError: there are none.
    """
    head = f"{subfolder}/" if subfolder else ""
    own = {name.removeprefix(head) for name in repo.names() if name.startswith(head) and "/" not in name[len(head) :]}
    weights = weights_among(own, variant, lambda name: _json_in(repo, head + name)).files
    wanted = [
        name
        for name in own
        if name in weights or Path(name).suffix in _READ or (not safe and Path(name).suffix in _PICKLED)
    ]
    if not wanted:
        raise ComponentError(
            f"{repo.name}{f' at {repo.commit}' if repo.commit else ''} has no files in {subfolder or 'its root'!r}."
        )
    return [head + name for name in sorted(wanted)]


_READ = (".json", ".txt", ".model", ".jinja", ".tiktoken")
_PICKLED = (".bin", ".pt", ".ckpt")
"""Fetched only where they were granted."""


def _json_in(repo: Repo, name: str) -> Mapping[str, Any]:
    path = repo.file(name)
    if path is None:
        raise ComponentError(f"{name} of {repo.name} is not there, and says which files are weights.")
    return read_json(path)


def check_component_files(root: Path, folder: Path) -> None:
    """Look at all files of a component's folder: links stay in the repository, and lists of shards name files in it.

    Raises:
        TrustError: something leads elsewhere. RepoError: a list of shards cannot be read.
    """
    for path in folder.iterdir() if folder.is_dir() else ():
        check_inside(root, path)
        if path.name.endswith(".index.json"):
            shards = read_json(path).get("weight_map")
            for name in {*shards.values()} if isinstance(shards, dict) else ():
                fault = shard_fault(str(name))
                if fault:
                    raise TrustError(f"{path} names the shard {str(name)[:80]!r}: {fault}.")


def _note_origin(model: Any, repo: str, dtype: Any) -> None:
    """Say where a model is from and how it was cast, as its own loader would."""
    if hasattr(model, "register_to_config"):
        model.register_to_config(_name_or_path=repo)
    else:
        model.name_or_path = model.config._name_or_path = repo
        model.config.dtype = dtype or model.config.dtype


def check_files(cls: Any, repo: str, subfolder: str, variant: str | None) -> None:
    """Look at the files of a component that lie on this machine, as far as their lists of tensors tell.

    Raises:
        ComponentError: a folder or file is missing or truncated. TrustError: the weights are pickled.
    """
    if Path(repo).is_file() or not (Path(repo).is_dir() or Path(repo).is_absolute()):
        return
    for folder in local_folders(part_class(cls) is not None, repo, subfolder):
        if is_network(cls) or not folder.is_dir():
            _check_folder(folder, variant, {})


def local_folders(several: bool, repo: str, subfolder: str) -> list[Path]:
    """The folders of this machine that a component's files are in: one, or as many as it holds models."""
    return [Path(repo) / name for name in part_folders(several, subfolder, lambda name: (Path(repo) / name).is_dir())]


def is_network(cls: Any) -> bool:
    """Whether a class has weights; diffusers' guiders have a `forward` and none."""
    return hasattr(cls, "forward") and hasattr(cls, "named_parameters")


def _is_model(cls: Any) -> bool:
    return is_network(cls) or cls is _auto_model()


def _by_own_loader(loader: Any, repo: str, where: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """Older names of weights, quantized models and downloads: what does not fit is an error here as well."""
    if loader.__self__ is _auto_model():
        return loader(repo, **where, **options).eval()
    model, info = loader(repo, **where, **{"use_safetensors": True, **options}, output_loading_info=True)
    faults = _loading_faults(info)
    if faults:
        raise ComponentError(f"the weights do not fit: {'; '.join(faults)}.")
    return model.eval()


def _from_single_file(cls: Any, path: Path, options: Mapping[str, Any]) -> Any:
    loader = getattr(cls, "from_single_file", None)
    if loader is None:
        known = getattr(cls, "__name__", "a component of unknown class")
        raise ComponentError(
            f"{path} is a single file, and {known} is not loaded from one; give the folder of a model."
        )
    if path.suffix == ".safetensors":
        check_file(path)
    elif options.get("use_safetensors", True):
        raise TrustError(
            f"{path.name} holds pickled weights, which can run code while they are loaded. Take a .safetensors file, or "
            "grant it with use_safetensors=False."
        )
    given = dict(options)
    given.pop("use_safetensors", None)
    if "dtype" in given:
        given["torch_dtype"] = given.pop("dtype")
    return loader(str(path), **given).eval()


def _check_folder(folder: Path, variant: str | None, options: Mapping[str, Any]) -> None:
    if not folder.is_dir():
        raise ComponentError(f"there is no folder {folder}. {did_you_mean(folder.name, _names_in(folder.parent))}")
    if (folder / ADAPTER_CONFIG).is_file() and "_class_name" not in (config_of(folder) or {}):
        raise ComponentError(
            f"{folder} holds {ADAPTER_CONFIG}, by which transformers would put an adapter into the model, or load another base. Take "
            "it out; load the adapter with load_lora_weights()."
        )
    files = weight_files(folder, variant)
    for path in files:
        check_file(path)
    stored_tensors(folder, variant)
    if files or not options.get("use_safetensors", True):
        return
    there = _names_in(folder)
    wanted = f"safetensors file of the variant {variant!r}" if variant else "safetensors file"
    if not variant and any(name.endswith((".bin", ".ckpt", ".pt")) for name in there):
        raise TrustError(
            f"{folder} holds no {wanted}, only pickled weights, which can run code while they are loaded. Convert them, or "
            "grant them with use_safetensors=False."
        )
    raise ComponentError(f"{folder} holds no {wanted}; there is: {', '.join(there) or 'nothing'}.")


def _names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _class_in(folder: Path | None) -> Any:
    """The class that a model's files name, of diffusers; else the loader that finds it out."""
    config = config_of(folder) if folder is not None else None
    name = str((config or {}).get("_class_name") or "")
    return resolve_class("diffusers", name) if name else _auto_model()


def _auto_model() -> Any:
    from diffusers import AutoModel

    return AutoModel


def _loading_faults(info: Mapping[str, Any]) -> list[str]:
    """What a class's own loader says did not fit, a sentence each."""
    faults = []
    for key, words in (("missing_keys", "not in the files"), ("unexpected_keys", "in the files and not in the model")):
        names = sorted(info.get(key) or ())
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            faults.append(f"{', '.join(names[:3])}{more} {'is' if len(names) == 1 else 'are'} {words}")
    for mismatch in sorted(info.get("mismatched_keys") or (), key=str):
        name, found, expected = mismatch
        faults.append(f"{name} has the shape {list(found)} in the files and {list(expected)} in the model")
    faults += [str(message) for message in info.get("error_msgs") or ()]
    return faults
