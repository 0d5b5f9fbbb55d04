"""Where the tensors of a LoRA, or of taught words, are: a file, a folder, a repository on the Hub, or a dict of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..registry.hub.missing_file import WEIGHTS as ENDINGS
from ..registry.hub.missing_file import weights_in
from ..registry.hub.repo import Repo, open_repo
from ..registry.loading.tensor_file import read_metadata, read_tensors
from ..state import ComponentError, InputError, RepoError
from ..state.errors import capital_article, named_thing
from ..state.given import given_path
from .lora_metadata import KEY, metadata_of
from .peft_files import config_beside, is_of_peft

WEIGHTS = "pytorch_lora_weights.safetensors"
_MOST_NAMED = 8


def lora_tensors(
    source: str | Path | Mapping[str, Any], weight_name: str | None, revision: str | None, hub: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the tensors of a LoRA, and what their file says of ranks and strengths.

    Raises:
        InputError: what was given names no LoRA. RepoError: there is no such file, or it is not said which. TrustError: it is pickled.
            ComponentError: it is damaged, or holds no tensors.
    """
    if isinstance(source, Mapping):
        odd = [f"{name!r} is {named_thing(each)}" for name, each in source.items() if not hasattr(each, "shape")]
        if odd or not source:
            raise ComponentError(f"A LoRA is a dict of tensors by name, and {odd[0] if odd else 'this one is empty'}.")
        # Copies: diffusers' conversions write into some of what they are given.
        return {name: value.clone() if hasattr(value, "clone") else value for name, value in source.items()}, None
    if not isinstance(source, (str, os.PathLike)):
        raise InputError(
            f"{capital_article(type(source).__name__)} is no LoRA; give the path of its file, a folder, a name on the Hub, or a dict of its tensors."
        )
    folder, name = split_file(source, weight_name)
    if "subfolder" in hub:
        place = "/".join(filter(None, [str(hub["subfolder"]), name or "lora.safetensors"]))
        raise InputError(f"A LoRA in a subfolder is named with it: weight_name={place!r}.")
    repo = open_repo(folder, revision, **hub)
    name = name or _only_weights(repo)
    tensors = read_tensors(repo, name)
    said = metadata_of(read_metadata(repo, name).get(KEY))
    return tensors, config_beside(repo) if said is None and is_of_peft(tensors) else said


def split_file(source: str | Path, weight_name: str | None) -> tuple[Any, str | None]:
    """Return the folder or repository that is meant, and the file in it, if one is named.

    Raises:
        InputError: the path is empty, the file's name is no text, or two files are named.
    """
    path = given_path(source, "The file of weights")
    if weight_name is not None:
        given_path(weight_name, "weight_name")
    if path.suffix and os.path.isfile(path):  # noqa: PTH113 - any text, also longer than names may be
        if weight_name not in (None, path.name):
            raise InputError(
                f"Two files are named: {path}, and weight_name={weight_name!r}. Leave weight_name out, or give the folder."
            )
        return str(path.parent), path.name
    return source, weight_name


def _only_weights(repo: Repo) -> str:
    """Return the name of the one file of weights, or of the one that is named as diffusers names them."""
    names = list(repo.names()) if repo.folder is None else weights_in(repo.folder)
    there = sorted(name for name in names if name.endswith(".safetensors") and "/" not in name)
    if WEIGHTS in there or len(there) == 1:
        return WEIGHTS if WEIGHTS in there else there[0]
    if there:
        raise RepoError(
            f"{repo.name} has {_some(there)}; say which one with weight_name=, as in weight_name={there[0]!r}."
        )
    raise RepoError(f"{repo.name} has no .safetensors files{_instead(repo, names)}")


def _instead(repo: Repo, names: list[str]) -> str:
    """Say, as the end of a sentence, what there is in place of weights that can be read."""
    pickled = [name for name in names if name.lower().endswith(ENDINGS) and "/" not in name]
    if pickled:
        return f", and of {_some(pickled)} nothing is read: pickled weights can run code while they are loaded. Convert them."
    deeper = sorted(name for name in repo.names() if name.endswith(".safetensors"))
    if deeper:
        return f" itself; in its folders there is {_some(deeper)}. Say which one with weight_name={deeper[0]!r}."
    held = sorted(repo.names())
    return f". There is: {_some(held)}." if held else "; it is empty."


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"
