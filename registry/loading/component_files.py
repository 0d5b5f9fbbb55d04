"""The files of a component before any loader sees them: which are its own, and what its configurations ask for."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from ...state import ComponentError, RepoError, TrustError
from ...state.strict_json import read_json
from ..hub.repo import Repo
from ..hub.repo_paths import check_inside, name_fault, relative_name
from .weight_names import weights_among

PICKLES = (".bin", ".pt", ".pth", ".ckpt")
_LONGEST = 200_000_000
"""Bytes of a JSON file; the longest word lists of tokenizers have a fifth of it."""
_READ = (".json", ".txt", ".model", ".jinja", ".tiktoken")


@frozen
class CodeReference:
    """A class that a configuration names, of code that lies in the repository.

    Attributes:
        key: what it is for ("AutoModel", "AutoTokenizer", a task). file: of the code, in the repository.
    """

    key: str
    file: str
    name: str


def component_files(repo: Repo, subfolder: str, variant: str | None, safe: bool = True) -> list[str]:
    """Return the names of a component's files in a repository: configurations, vocabularies, and the weights of one
    variant.

    Raises:
        ComponentError: there are none.
    """
    head = f"{subfolder}/" if subfolder else ""
    own = {name.removeprefix(head) for name in repo.names() if name.startswith(head) and "/" not in name[len(head) :]}
    weights = weights_among(own, variant, lambda name: _json_in(repo, head + name)).files
    wanted = [
        name
        for name in own
        if name in weights or Path(name).suffix in _READ or (not safe and Path(name).suffix in PICKLES)
    ]
    if not wanted:
        raise ComponentError(
            f"{repo.name}{f' at {repo.commit}' if repo.commit else ''} has no files in {subfolder or 'its root'!r}."
        )
    return [head + name for name in sorted(wanted)]


def _json_in(repo: Repo, name: str) -> Mapping[str, Any]:
    path = repo.file(name)
    if path is None:
        raise ComponentError(f"{name} of {repo.name} is not there, and says which files are weights.")
    return read_json(path)


def check_component_files(root: Path, folder: Path) -> list[CodeReference]:
    """Look at all files of a component's folder, and return the code that its configurations name.

    Raises:
        TrustError: a link or a configuration leads elsewhere, or something is no plain file. RepoError: a configuration cannot be
            read.
    """
    found: list[CodeReference] = []
    for path in _all_files(root, folder):
        if path.name == _ADAPTER:
            raise TrustError(
                f"{path} is an adapter, which loaders take instead of the model beside it, with the model that it names."
            )
        if path.suffix == ".json":
            for field, value in _telling_fields(path):
                if field in _CODE:
                    found += _references(root, path, field, value)
                elif fault := _CHECKS[field](value, path):
                    raise TrustError(f"{path}: {field} names {fault}.")
    return list(dict.fromkeys(found))


def _all_files(root: Path, folder: Path) -> Iterator[Path]:
    """Yield all files of a component, those in folders within it too, after a look at where links lead."""
    if os.path.lexists(root / _ADAPTER):
        yield root / _ADAPTER  # loaders look for it there even if the component lies in a folder of its own
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git"]
        for name in [*folders, *names]:
            path = Path(place, name)
            check_inside(root, path)
            mode = path.stat().st_mode if path.exists() else 0
            # A named pipe would let the reader wait for ever.
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise TrustError(f"{path} is neither a file nor a folder; reading it might wait for ever.")
        # A component in the root of a repository shares it with the folders of the others.
        if folder == root and Path(place) != root:
            continue  # files of other components
        yield from (Path(place, name) for name in names if folder != root or name not in _OF_PIPELINES)


# What configurations ask for


_ADAPTER = "adapter_config.json"
_OF_PIPELINES = ("modular_config.json", "modular_model_index.json", "model_index.json", "brickwork.json")
_CODE = ("auto_map", "custom_pipelines")


def _shards(value: object, path: Path) -> str | None:
    if not path.name.endswith(".index.json"):
        return None
    return next((fault for name in {*map(str, _texts(value))} if (fault := _beside(name, path))), None)


def _beside(value: object, _: Path) -> str | None:
    """Return what is wrong with names of files that lie beside the one that names them."""
    for name in _texts(value):
        fault = name_fault(name) or ("only files beside it may be named" if "/" in name else None)
        if fault:
            return f"{name[:80]!r}: {fault}"
    return None


def _kernel(value: object, _: Path) -> str | None:
    return next((f"{text[:80]!r}, which is code from elsewhere" for text in _texts(value) if "/" in text), None)


def _place(value: object, path: Path) -> str | None:
    """Return whether a tokenizer's setting is a file elsewhere; words and tables are none."""
    if not isinstance(value, str) or path.name != "tokenizer_config.json":
        return None
    is_elsewhere = os.path.isfile(value) and Path(value).resolve().parent != path.parent.resolve()  # noqa: PTH113 - any text
    return f"{value[:80]!r}, which is a file elsewhere" if is_elsewhere else None


_CHECKS = {
    "weight_map": _shards,
    "transformers_weights": _beside,
    "fast_tokenizer_files": _beside,
    "attn_implementation": _kernel,
    "_attn_implementation": _kernel,
    "_attn_implementation_internal": _kernel,
    "experts_implementation": _kernel,
    "_experts_implementation": _kernel,
    **dict.fromkeys(("vocab", "merges", "vocab_file", "merges_file", "spm_file", "source_spm", "target_spm"), _place),
}
"""Fields by which the loaders of diffusers and transformers go elsewhere, and what says whether a value does."""
_WORDS = tuple(name.encode() for name in (*_CODE, *_CHECKS) if name not in ("vocab", "merges"))
_ESCAPED = re.compile(rb"\\u00[4-7]")
"""A letter that is written as its number, which only who hides a word does."""


def _telling_fields(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a JSON file that say where code or files are, at any depth. Word lists without any are not
    parsed: they are long.
    """
    if path.stat().st_size > _LONGEST:
        raise RepoError(f"{path} has {path.stat().st_size:,} bytes; at most {_LONGEST:,} of a JSON file are read.")
    data = path.read_bytes()
    is_settings = path.name == "tokenizer_config.json"
    # Word lists have tens of megabytes; looking for a few words in their bytes takes milliseconds, parsing them
    # seconds.
    if is_settings or any(word in data for word in _WORDS) or _ESCAPED.search(data):
        yield from _fields(read_json(path))


def _fields(value: object) -> Iterator[tuple[str, Any]]:
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            yield from ((key, inner) for key, inner in each.items() if key in _CHECKS or key in _CODE)
        pending += each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()


def _texts(value: object) -> Iterator[str]:
    """Yield all texts in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _references(root: Path, path: Path, field: str, value: object) -> Iterator[CodeReference]:
    """Yield the classes that a field names.

    Raises:
        TrustError: one is named in a way that leads elsewhere.
    """
    if not isinstance(value, (dict, list)):
        if isinstance(value, (int, float, bool)) or value is None:
            return  # a word of a word list
        raise TrustError(f"{path}: {field} is {str(value)[:80]!r}, which names no class.")
    named: Mapping[str, Any] = value if isinstance(value, dict) else {"AutoTokenizer": value}
    folder = relative_name(root, path).rpartition("/")[0]
    # transformers imports whatever module stands here (`dynamic_module_utils.get_class_from_dynamic_module`), also
    # from another repository.
    for key, entry in named.items():
        wanted = entry.get("impl") if field == "custom_pipelines" and isinstance(entry, dict) else entry
        for name in wanted if isinstance(wanted, list) else [wanted]:
            if name is None:
                continue
            parts = name.split(".") if isinstance(name, str) else []
            if len(parts) != 2 or not all(part.isidentifier() for part in parts):
                raise TrustError(
                    f"{path}: {field} names {str(name)[:80]!r}; it must be module.Class, both in this repository."
                )
            yield CodeReference(str(key), "/".join(filter(None, [folder, f"{parts[0]}.py"])), parts[1])
