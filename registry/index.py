"""Reads where a pipeline's components come from: `modular_model_index.json`, or a classic `model_index.json`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from ..state import RepoError, TrustError
from ..state.structure import got
from .component_spec import LOADING_FIELDS, ComponentSpec
from .hub.repo import Repo, is_hub_name, is_share, open_repo, same_repo
from .hub.repo_files import CLASSIC_INDEX, MODULAR_INDEX, RepoFiles
from .hub.repo_paths import checked_name, name_fault

OWN = "own"
"""Under which `brickwork.json` says what the index calls the repository itself: where it was saved, or published."""
ABSENT = "absent"
"""Under which `brickwork.json` says which components are none on purpose: in the index, these are as those that nobody has loaded."""
DIFFUSERS_RELEASE = "0.42.1"
"""The release of diffusers whose files are written, and with whose behaviour comments and pages compare."""


@frozen
class PipelineIndex:
    """What an index file says.

    Attributes:
        class_name: the pipeline's class. specs: components by name. configs: settings of the pipeline.
        blocks_class: the class of its blocks, as diffusers notes it; None where nobody has.
        absent: components that are none on purpose.
    """

    class_name: str | None = None
    specs: Mapping[str, ComponentSpec] = field(factory=dict)
    configs: Mapping[str, Any] = field(factory=dict)
    blocks_class: str | None = None
    absent: frozenset[str] = frozenset()


def read_index(repo: Repo | str | Path, **hub_options: Any) -> PipelineIndex:
    """Read a repository's index.

    Args:
        repo: a repository, a folder, or a name on the Hub. hub_options: `revision`, `token`, ... as `open_repo` takes them.

    Raises:
        RepoError: there is no index, or it cannot be read. TrustError: an origin leads out of what repositories may name.
    """
    repo = repo if isinstance(repo, Repo) else open_repo(repo, **hub_options)
    found = index_of(RepoFiles.read(repo, blocks=False))
    if found is None:
        raise RepoError(
            f"{repo.name} has neither {MODULAR_INDEX} nor {CLASSIC_INDEX}, so it is no pipeline repository."
        )
    return found


def index_of(files: RepoFiles) -> PipelineIndex | None:
    """Do as `read_index` does, with files that were read; None where there is no index."""
    if files.index is None:
        return None
    if files.index.name == MODULAR_INDEX:
        found = _modular(files.index.content, files.repo, _own_name(files))
        # An index that was changed since says where they come from.
        absent = (name for name in _absent_names(files) if name not in found.specs or found.specs[name].repo is None)
        return evolve(found, absent=frozenset(absent))
    return _classic(files.index.content, files.repo)


def _modular(entries: Mapping[str, Any], repo: Repo, own: str | None) -> PipelineIndex:
    specs, configs, faults = {}, {}, []
    for name, entry in entries.items():
        if name.startswith("_"):
            continue
        if _is_component(entry, 3):
            if not isinstance(entry[2], dict):
                raise RepoError(
                    f"{MODULAR_INDEX} of {repo.name}: {name[:60]!r} does not say where it is from, got {got(entry[2])}."
                )
            library, class_name, loading = entry
            specs[name] = _spec_of(name, library, class_name, loading, repo, own)
            if own is None and library is None and _lacks(specs[name], repo):
                specs[name].repo = None
            faults += [f"{name}: {fault}" for fault in origin_faults(specs[name], repo)]
        else:
            configs[name] = entry
    if faults:
        raise TrustError.of(f"{repo.name} names components where none may come from", faults)
    return PipelineIndex(_text(entries, "_class_name"), specs, configs, _text(entries, "_blocks_class_name"))


def _own_name(files: RepoFiles) -> str | None:
    """What the index calls the repository itself, as the one who saved it has noted; None where nobody has."""
    own = files.ours.content.get(OWN) if files.ours is not None else None
    return own if isinstance(own, str) else None


def _absent_names(files: RepoFiles) -> list[str]:
    """Which components are none on purpose, as the one who saved the repository has noted."""
    absent = files.ours.content.get(ABSENT) if files.ours is not None else None
    return [name for name in absent if isinstance(name, str)] if isinstance(absent, list) else []


def _is_component(entry: object, parts: int) -> bool:
    """Whether an entry begins with a library and a class, or null for both; others are settings."""
    return (
        isinstance(entry, list)
        and len(entry) == parts
        and all(isinstance(part, (str, type(None))) for part in entry[:2])
    )


def _text(entries: Mapping[str, Any], name: str) -> str | None:
    found = entries.get(name)
    return found if isinstance(found, str) else None


def _spec_of(
    name: str, library: object, class_name: object, loading: dict[str, Any], repo: Repo, own: str | None
) -> ComponentSpec:
    named: Any = [library, class_name]
    if not all(named):
        named = loading.get("type_hint")
    is_named = isinstance(named, list) and len(named) == 2 and all(isinstance(part, str) and part for part in named)
    origin = loading.get("pretrained_model_name_or_path") or loading.get("repo")
    fields: dict[str, Any] = {key: loading.get(key) for key in LOADING_FIELDS[1:]}
    spec = ComponentSpec(name, ":".join(named) if is_named else None, pretrained_model_name_or_path=origin, **fields)
    if _is_inside(spec, repo, own):
        spec.repo, spec.revision = repo.own_name, repo.commit
    return spec


def _is_inside(spec: ComponentSpec, repo: Repo, own: str | None) -> bool:
    """Whether a component lies in the repository itself, wherever that is by now: it may have been moved, copied or published again."""
    if spec.revision in (None, "main") and (
        same_repo(spec.repo, own or repo.name) or same_repo(spec.repo, repo.own_name)
    ):
        return True
    if own is not None or is_share(spec.repo):
        return False
    # Of a folder that somebody else has saved, nothing says what it called itself; if its place is gone, it was moved, and
    # if the files of a repository of the Hub lie in it, it is a copy of that.
    gone = repo.folder is not None and isinstance(spec.repo, str) and not os.path.exists(spec.repo)  # noqa: PTH110 - any text
    if not gone or not spec.subfolder or name_fault(str(spec.subfolder)):
        return False
    return _holds_files(repo, str(spec.subfolder)) if is_hub_name(str(spec.repo)) else _has(repo, str(spec.subfolder))


def _has(repo: Repo, subfolder: str) -> bool:
    return repo.folder is not None and (repo.folder / subfolder).is_dir()


def _holds_files(repo: Repo, subfolder: str) -> bool:
    """Whether a folder holds what a component is loaded from; a model's config.json alone may be there without weights."""
    folder = repo.folder / subfolder if repo.folder is not None else None
    if folder is None or not folder.is_dir():
        return False
    return any(path.suffix in _LOADED and path.name not in _ABOUT and path.is_file() for path in folder.iterdir())


_LOADED = frozenset({".safetensors", ".bin", ".json", ".model", ".txt"})
_ABOUT = frozenset({"config.json", "generation_config.json"})


def _lacks(spec: ComponentSpec, repo: Repo) -> bool:
    """Whether an entry of what was not loaded leads to a folder that is not there: diffusers writes one for all that blocks name."""
    if spec.repo is None or not spec.subfolder or name_fault(str(spec.subfolder)) or is_share(spec.repo):
        return False
    if same_repo(spec.repo, repo.own_name):
        return (repo.folder is not None or repo.listing is not None) and not repo.has_folder(spec.subfolder)
    if repo.folder is None or len(str(spec.repo)) > _LONGEST_PATH:
        return False
    return os.path.isdir(spec.repo) and not os.path.isdir(os.path.join(spec.repo, spec.subfolder))  # noqa: PTH112, PTH118 - any text


_LONGEST, _LONGEST_PATH = 255, 1000
"""Bytes of a part of a path, on the systems that there are; characters of a whole one."""
_PARTS = re.compile(f"[{re.escape(os.sep + (os.altsep or ''))}]")
_PLAIN = re.compile(r"[\w][\w.+-]{0,100}", re.ASCII)
_REVISION = re.compile(r"[\w][\w./+-]{0,200}", re.ASCII)


def origin_faults(spec: ComponentSpec, repo: Repo) -> Iterator[str]:
    """What a repository's file may not say of where a component comes from.

    One on the Hub may name repositories of the Hub; a folder of this machine may name other folders, too.
    """
    wrong = [name for name in LOADING_FIELDS if not isinstance(getattr(spec, name), (str, type(None)))]
    if wrong:
        yield f"{', '.join(wrong)} must be text."
        return
    if is_share(spec.repo):
        yield f"{spec.repo!r} is on another machine; files name folders of this one, and repositories on the Hub."
        return
    name = spec.repo or ""
    if len(name) > _LONGEST_PATH or any(len(part.encode("utf-8", "replace")) > _LONGEST for part in _PARTS.split(name)):
        yield f"{str(spec.repo)[:80]!r}... is longer than any name."
        return
    if spec.repo is not None and repo.folder is None and not is_hub_name(spec.repo):
        yield f"{spec.repo!r} is no repository on the Hub (owner/name), and folders of this machine are not a repository's business."
    if spec.subfolder and (fault := name_fault(spec.subfolder)):
        yield f"the subfolder {spec.subfolder!r} is refused: {fault}."
    if spec.variant and not _PLAIN.fullmatch(spec.variant):
        yield f"the variant {spec.variant!r} is no plain name."
    if spec.revision and (not _REVISION.fullmatch(spec.revision) or ".." in spec.revision):
        yield f"the revision {spec.revision!r} is no name of a branch, tag or commit."


def _classic(entries: Mapping[str, Any], repo: Repo) -> PipelineIndex:
    specs, configs, absent = {}, {}, set()
    for name, entry in entries.items():
        if name.startswith("_"):
            continue
        if _is_component(entry, 2):
            if not any(entry):
                absent.add(name)
            if all(entry):
                checked_name(name)
                hint = ":".join(entry)
                specs[name] = ComponentSpec(name, hint, None, None, repo.own_name, name, None, repo.commit)
        else:
            configs[name] = entry
    return PipelineIndex(_text(entries, "_class_name"), specs, configs, absent=frozenset(absent))


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
