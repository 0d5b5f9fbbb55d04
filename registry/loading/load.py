"""Loads one component from a folder, a single file or the Hub, and says what is wrong where that fails."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...state import ComponentError, InputError, RepoError, TrustError
from ...state.errors import did_you_mean, with_article
from ..hub.byte_order_marks import named_after, without_marks
from ..hub.lock import Lock
from ..hub.missing_file import missing_file
from ..hub.repo import HUB_OPTIONS, Repo, is_hub_name, open_repo, same_repo
from ..hub.repo_code import class_of, import_code, read_sources
from ..hub.trust import Grant
from ..provenance import note_provenance
from .building import check_schedule, limited_by_files
from .classes import refuse_pipelines, resolve_class
from .component_files import PICKLES, CodeReference, check_component_files, component_files
from .confined import confined
from .several import holds_several, part_class, part_folders
from .skeleton import config_of, load_model, skeleton
from .vocabulary_files import check_vocabulary
from .weight_names import ADAPTER_CONFIG
from .weights import check_file, stored_tensors, weight_files

if TYPE_CHECKING:
    import torch

    from ..hub.trust import Trust


def load(cls: Any, repo: str, where: Mapping[str, str | None], options: Mapping[str, Any]) -> Any:
    """Load a component of a class; models come in `eval()` mode.

    Args:
        cls: its class; None is found from the files. where: `subfolder`, `variant`, `revision`, those that are given.
        options: for the class's own loader; `dtype` casts, `quantization_config` and others are handed on.

    Raises:
        ComponentError: what is wrong with the files. TrustError: they ask for more than was granted. Any error of the class's own
            loader.
    """
    refuse_pipelines(cls)
    options = _checked_options(options)
    if Path(repo).is_file():
        return _from_single_file(cls, Path(repo), options)
    if part_class(cls) is not None:
        return _several(cls, repo, where, options)
    # Token and cache are for fetching; loaders that got them would ask the Hub themselves.
    hub = {name: options[name] for name in HUB_OPTIONS if name in options}
    options = {name: value for name, value in options.items() if name not in HUB_OPTIONS}
    granted = options.pop("trust_remote_code", False)
    found, root = _fetched(repo, where, options, hub)
    component = _from_folder(cls, found, root, where, options, granted)
    note_provenance(component, repo=repo, commit=found.commit)
    return component


def _checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options, with `use_safetensors` only where it is the grant False.

    Raises:
        TrustError: `weights_only=False` would let weights run code. InputError: `use_safetensors` is no yes or no.
    """
    given = dict(options)
    safe = given.pop("use_safetensors", None)
    if safe is not None and not isinstance(safe, bool):
        raise InputError(
            f"use_safetensors={safe!r}: False grants pickled weights; leave it out, or give True, to refuse them."
        )
    if given.pop("weights_only", True) is not True:
        raise TrustError("weights_only=False would let files of weights run code; that is never granted.")
    return {**given, "use_safetensors": False} if safe is False else given


def _several(cls: Any, repo: str, where: Mapping[str, str | None], options: Mapping[str, Any]) -> Any:
    """Load the models of a component that holds several, each by itself."""
    hub = {name: options[name] for name in HUB_OPTIONS if name in options}
    found = open_repo(repo, where.get("revision"), **hub)
    subfolder = where.get("subfolder") or ""
    if not subfolder:
        raise ComponentError(
            f"the models of {with_article(cls.__name__)} lie in folders beside each other; name the first as subfolder=..."
        )
    folders = part_folders(True, subfolder, found.has_folder)
    # All parts of one commit: a branch may move between two downloads.
    pinned = {**where, **({"revision": found.commit} if found.commit is not None else {})}
    parts = [load(part_class(cls), repo, {**pinned, "subfolder": folder}, options) for folder in folders]
    made = cls(parts).eval()
    note_provenance(made, repo=repo, commit=found.commit)
    return made


def _from_folder(
    cls: Any,
    found: Repo,
    root: Path,
    where: Mapping[str, str | None],
    options: Mapping[str, Any],
    granted: bool | str | Trust,
) -> Any:
    folder = root / (where.get("subfolder") or "")
    own = own_class(found, check_component_files(root, folder), cls, granted)
    cls = own or (_class_in(folder) if cls in (None, _auto_model()) else cls)
    loader = getattr(cls, "from_pretrained", None)
    if loader is None:
        raise ComponentError(f"{cls.__name__} cannot be loaded from files; give it a config.")
    subfolder = where.get("subfolder") or ""
    inside = {**{name: value for name, value in where.items() if name != "revision"}, **_told(cls, loader)}

    def wall() -> AbstractContextManager[None]:
        return _confined(cls, found.name, options) if own is None else contextlib.nullcontext()

    if _is_model(cls):
        with wall(), limited_by_files(folder):
            _check_folder(folder, where.get("variant"), options)
            model = None
            # Any other option is for the class's own loader, which alone knows what it means.
            if options.keys() <= {"dtype"}:
                model = load_model(cls, folder, where.get("variant"), options.get("dtype"))
        if model is not None:
            _note_origin(model, found.name, options.get("dtype"))
            files = weight_files(folder, where.get("variant"))
            note_provenance(model, weights=tuple(str(path.absolute()) for path in files))
            return model
        with without_marks(root, subfolder) as place, wall(), limited_by_files(folder):
            component = _by_own_loader(loader, str(place), inside, options)
    else:
        check_schedule(folder)
        check_vocabulary(cls, folder)
        given = {name: value for name, value in options.items() if name not in ("dtype", "use_safetensors")}
        with without_marks(root, subfolder) as place, wall():
            component = loader(str(place), **inside, **given)
    named_after(component, place, root)
    return component


def load_skeleton(cls: Any, repo: str, subfolder: str, dtype: torch.dtype | None) -> Any:
    """Return a model of a local folder without weights, for its configuration; None if it is not for this model.

    Raises:
        TrustError: its files ask for more than a folder of somebody else may.
    """
    root = Path(repo)
    if check_component_files(root, root / subfolder):
        return None  # `load` asks for the grant
    with _confined(cls, repo, {}), limited_by_files(root / subfolder):
        return skeleton(cls, root / subfolder, dtype)


def _told(cls: Any, loader: Callable[..., Any]) -> dict[str, Any]:
    """Return what every loader that knows of it is told: a repository's code is imported by us, from the bytes that
    were checked, or not at all.

    Loaders that are told nothing ask on the terminal.
    """
    known = inspect.signature(loader).parameters
    takes_all = any(each.kind is each.VAR_KEYWORD for each in known.values())
    is_theirs = any(base.__module__.partition(".")[0] in ("diffusers", "transformers") for base in cls.__mro__)
    return {"trust_remote_code": False} if "trust_remote_code" in known or (takes_all and is_theirs) else {}


def _confined(cls: Any, name: str, options: Mapping[str, Any], connects: bool = False) -> AbstractContextManager[None]:
    pickles = options.get("use_safetensors") is False
    return confined(f"{name}: loading {with_article(cls.__name__)}", connects=connects, pickles=pickles)


def own_class(repo: Repo, references: Sequence[CodeReference], cls: Any, granted: bool | str | Trust) -> Any:
    """Return the class that a repository brings for one that is to be found, if the caller grants its code; None if it
    brings none.

    Raises:
        TrustError: the code was not granted, or changed.
    """
    if not references:
        return None
    sources = read_sources(repo, dict.fromkeys(each.file for each in references))
    package = import_code(repo, sources, Grant(granted, Lock.at(None)))
    wanted = "AutoModel" if cls is None else str(cls.__name__)
    fitting = [each for each in references if each.key == wanted]
    if not fitting and wanted.startswith("AutoModel"):
        fitting = sorted((each for each in references if each.key.startswith("AutoModel")), key=lambda each: each.key)[
            :1
        ]
    # Of two tokenizers the second is the fast one.
    return class_of(package, fitting[-1].file, fitting[-1].name) if fitting else None


def _fetched(
    repo: str, where: Mapping[str, str | None], options: Mapping[str, Any], hub: Mapping[str, Any]
) -> tuple[Repo, Path]:
    """Return a repository, and the folder with the files of one component: those of the Hub are downloaded, of one
    commit.
    """
    if Path(repo).is_dir():
        return open_repo(repo), Path(repo)
    if Path(repo).is_absolute() or not is_hub_name(repo):
        missing = (
            missing_file(repo) or f"there is no folder {repo}, and that is no name of a Hub repository (owner/name)."
        )
        raise ComponentError(missing)
    found = open_repo(repo, where.get("revision"), **hub)
    subfolder = where.get("subfolder") or ""
    names = component_files(found, subfolder, where.get("variant"), options.get("use_safetensors", True))
    return found, found.fetch(names)


def fetched_folders(spec: Any, hub: Mapping[str, Any]) -> list[Path]:
    """Return the folders of a component's files, which are downloaded where they are not on this machine; none for a
    single file.
    """
    if Path(spec.repo).is_file():
        return []
    repo = open_repo(spec.repo, spec.revision, **hub)
    folders = part_folders(holds_several(*spec.type_name), spec.subfolder or "", repo.has_folder)
    return [repo.fetch(component_files(repo, folder, spec.variant)) / folder for folder in folders]


def files_of(specs: Iterable[Any], repo: Repo) -> Iterator[str]:
    """Yield the names of the files that components of one repository are loaded from; nothing more is asked of the Hub for that."""
    for spec in specs:
        if same_repo(spec.repo, repo.name) and spec.revision in (None, repo.commit):
            for folder in part_folders(holds_several(*spec.type_name), spec.subfolder or "", repo.has_folder):
                # Loading it says what is wrong.
                with contextlib.suppress(ComponentError, RepoError, TrustError):
                    yield from component_files(repo, folder, spec.variant)


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
        ComponentError: a folder or file is missing or truncated. TrustError: the weights are pickled, or a file leads elsewhere.
    """
    if Path(repo).is_file() or not (Path(repo).is_dir() or Path(repo).is_absolute()):
        return
    for folder in local_folders(part_class(cls) is not None, repo, subfolder):
        if not folder.is_dir():
            _check_folder(folder, variant, {})
        check_component_files(Path(repo), folder)
        if is_network(cls):
            _check_folder(folder, variant, {})


def local_folders(several: bool, repo: str, subfolder: str) -> list[Path]:
    """Return the folders of this machine that a component's files are in: one, or as many as it holds models."""
    return [Path(repo) / name for name in part_folders(several, subfolder, lambda name: (Path(repo) / name).is_dir())]


def is_network(cls: Any) -> bool:
    """Return whether a class has weights; diffusers' guiders have a `forward` and none."""
    return hasattr(cls, "forward") and hasattr(cls, "named_parameters")


def _is_model(cls: Any) -> bool:
    return is_network(cls) or cls.__name__.startswith("AutoModel")


def _by_own_loader(loader: Callable[..., Any], repo: str, where: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
    """Load by the class's own loader older names of weights, quantized models and downloads: what does not fit is an
    error here as well.
    """
    model, info = loader(repo, **where, **{"use_safetensors": True, **options}, output_loading_info=True)
    faults = _loading_faults(info)
    if faults:
        raise ComponentError(f"the weights do not fit: {'; '.join(faults)}.")
    return model.eval()


def _from_single_file(cls: Any, path: Path, options: Mapping[str, Any]) -> Any:
    loader = getattr(cls, "from_single_file", None)
    if cls is None:
        raise ComponentError(
            f"{path} is a single file, which does not say of which class its weights are: ComponentSpec(name, TheClass, repo=...)."
        )
    if loader is None:
        raise ComponentError(
            f"{path} is a single file, and {cls.__name__} is not loaded from one; give the folder of a model."
        )
    if path.suffix == ".safetensors":
        check_file(path)
    elif path.suffix.lower() == ".safetensors":
        raise ComponentError(
            f"diffusers takes {path.name} for pickled weights, as its name does not end in .safetensors; rename the file."
        )
    elif options.get("use_safetensors", True):
        raise TrustError(
            f"{path.name} holds pickled weights, which can run code while they are loaded. Take a .safetensors file, or "
            "grant it with use_safetensors=False."
        )
    given = dict(options)
    given.pop("use_safetensors", None)
    if "dtype" in given:
        given["torch_dtype"] = given.pop("dtype")
    # It connects to the Hub, for the configuration that goes with the weights.
    with _confined(cls, path.name, options, connects=True):
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
    if not variant and any(name.endswith(PICKLES) for name in there):
        raise TrustError(
            f"{folder} holds no {wanted}, only pickled weights, which can run code while they are loaded. Convert them, or "
            "grant them with use_safetensors=False."
        )
    raise ComponentError(f"{folder} holds no {wanted}; there is: {', '.join(there) or 'nothing'}.")


def _names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _class_in(folder: Path) -> Any:
    """Return the class that a model's files name, of diffusers or transformers.

    Raises:
        ComponentError: they name none. TrustError: it is none that a component can be of.
    """
    config = config_of(folder) or {}
    if "_class_name" in config:
        return resolve_class("diffusers", str(config["_class_name"]))
    named = config.get("architectures")
    if "model_type" not in config:
        raise ComponentError(f"{folder} has no config.json that says which class it is of; give the spec a type_hint.")
    return resolve_class("transformers", str(named[0]) if isinstance(named, list) and named else "AutoModel")


def _auto_model() -> Any:
    from diffusers import AutoModel

    return AutoModel


def _loading_faults(info: Mapping[str, Any]) -> list[str]:
    """Return what a class's own loader says did not fit, a sentence each."""
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
