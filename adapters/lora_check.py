"""What a LoRA's file holds, compared with the models that it is for: every weight has a place, and every layer is complete."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..registry.compilation import uncompiled
from ..registry.loading.base_modules import base_modules

if TYPE_CHECKING:
    import torch

_PART = re.compile(r"(.+)\.(lora_[AB]\.weight|lora_B\.bias|lora_magnitude_vector|lora_embedding_[AB])(?:\.weight)?")
_MATRICES = frozenset({"lora_A.weight", "lora_B.weight"})
_OF_EMBEDDINGS = frozenset({"lora_embedding_A", "lora_embedding_B"})
_MOST = 3


def lora_faults(state: Mapping[str, Any], loader: Any, models: Mapping[str, Any]) -> list[str]:
    """Say which weights of a LoRA would be dropped, and which layers would keep a start at random for what they lack.

    Args:
        state: tensors by the keys of the file, as diffusers, PEFT or Kohya's scripts name them. loader: diffusers' mixin of the family.
        models: those that are loaded, by name.
    """
    from .traced_tensors import sources_of, traced

    options = {"unet_config": models["unet"].config} if "unet" in models else {}
    # Conversions rename weights, and those of FLUX also scale, cut and join them: what no model got a part of was dropped.
    found = type(loader).lora_state_dict(traced(state), **options)
    converted: dict[str, Any] = found[0] if isinstance(found, tuple) else found
    known = list(type(loader)._lora_loadable_modules)
    faults: list[str] = []
    used: set[str] = set()
    for name in known:
        own = {key.removeprefix(f"{name}."): value for key, value in converted.items() if key.startswith(f"{name}.")}
        used.update(*map(sources_of, own.values()))
        if own and name not in models:
            faults.append(
                f"{_some(own)} of it are for {name}, which is not loaded: load_components({name!r}) first, or take them out of the file."
            )
        elif own:
            faults += _model_faults(name, uncompiled(models[name]), own)
    # Of Kohya's files the alphas are taken as numbers; others have none, or they stand among the weights.
    is_converted = converted.keys() != state.keys()
    lost = [key for key in state if key not in used and not (is_converted and key.endswith(".alpha"))]
    if lost:
        faults.append(f"{_some(lost)} would be left out; read are weights for {', '.join(known)}.")
    return faults


def _model_faults(name: str, model: torch.nn.Module, own: Mapping[str, Any]) -> Iterator[str]:
    """Yield what does not fit one model."""
    held: dict[str, set[str]] = {}
    odd = []
    names = _peft_names(name, model, own)
    for key in names:
        found = _PART.fullmatch(key)
        if found is None:
            odd.append(key)
        else:
            held.setdefault(found[1], set()).add(found[2])
    if len(names) < len(own):
        yield f"{len(own) - len(names)} weights for {name} have the names of others."
    if odd:
        yield f"{_some(odd)} for {name} is nothing that is read of LoRAs."
    # Without adapters: a layer that has one already is still the layer of its name.
    there = {path for path, _ in base_modules(model)}
    unknown = [layer for layer in held if layer not in there]
    if unknown:
        yield f"{name} has no layer {_some(unknown)}."
    # PEFT gives all layers a bias or a magnitude if one has it.
    extras = {part for parts in held.values() for part in parts} - _MATRICES - _OF_EMBEDDINGS
    for layer, parts in held.items():
        whole = _OF_EMBEDDINGS if parts & _OF_EMBEDDINGS else _MATRICES | extras
        if whole - parts:
            yield f"{name}.{layer} has no {' and no '.join(sorted(whole - parts))}, which would start at random."


def _peft_names(name: str, model: torch.nn.Module, own: Mapping[str, Any]) -> list[str]:
    """Return the keys of one model's weights as PEFT has them, found as diffusers' loaders do."""
    from diffusers.utils.state_dict_utils import (
        convert_state_dict_to_diffusers,
        convert_state_dict_to_peft,
        convert_unet_state_dict_to_peft,
    )

    if not name.startswith("text_encoder"):
        is_of_peft = "lora_A" in next(iter(own))
        return list(own if is_of_peft else convert_unet_state_dict_to_peft(own))
    keys = list(convert_state_dict_to_peft(convert_state_dict_to_diffusers(own)))
    return keys if hasattr(model, "text_model") else [key.removeprefix("text_model.") for key in keys]


def _some(names: Iterable[str]) -> str:
    found = sorted(names)
    rest = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return ", ".join(map(repr, found[:_MOST])) + rest
