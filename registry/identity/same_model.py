"""Whether a model is the same as another one of its class: layers, settings, buffers and weights, and in words what is not.

What depends on the process and not on the model does not count: devices, compilation, hooks that place layers, slicing, and notes
that libraries and this one keep on modules.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ...state.code_home import is_library
from ...state.errors import with_article
from ..loading.base_modules import base_modules
from ..loading.memory_map import mapped_tensors
from ..loading.skeleton import format_of_loaded, precise_parts
from ..loading.weights import stored_tensors
from ..placing_hooks import PLACING
from .module_settings import derived_attributes
from .setting_content import content_of, differing_words

if TYPE_CHECKING:
    import torch

_OF_TORCH = frozenset({"_parameters", "_buffers", "_modules", "_non_persistent_buffers_set"})
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_NOT_OF_MODELS = frozenset(
    {
        "training", "config", "generation_config", "name_or_path", "hf_device_map", "peft_config", "hf_quantizer",
        "gradient_checkpointing", "use_slicing", "warnings_issued", "_internal_dict", "_diffusers_load_id", "_hf_peft_config_loaded",
        "_is_hf_initialized", "_gradient_checkpointing_func", "_prepare_lora_hotswap_kwargs", "_compiled_call_impl", "_hf_hook",
        "_old_forward", "_diffusers_hook", "_weight_conversions", "_is_torch_compile", "lora_scale", "_safe_fusing", "rope_embedder",
        # Where a VAE of videos is in a call; it begins each with none.
        "_conv_num", "_conv_idx", "_feat_map", "_enc_conv_num", "_enc_conv_idx", "_enc_feat_map",
    }
)  # fmt: skip
"""Attributes of modules that change no result, or are compared elsewhere; and what makes a table of places at its first call, of the
configuration alone."""
_NOTES = (
    "_brickwork_",
    "_output_capturing",
    "_is_full_backward",
    "_state_dict_",
    "_load_state_dict_",
    "_forward_hooks_",
    "_forward_pre_hooks_",
)
_LAYOUT = (
    "does not lie in memory as a file gives it, which counts in the last bits: to(memory_format=torch.contiguous_format) before "
    "saving, and torch.channels_last after opening"
)
_OF_FREEU = frozenset({"s1", "s2", "b1", "b2"})
_DROPOUTS = ("dropout", "attention_dropout", "p", "dropout_p", "layerdrop")


def model_differences(
    live: torch.nn.Module, other: torch.nn.Module, dtype: torch.dtype | None = None, weights: bool = True
) -> list[str]:
    """Say, a sentence each, in what a model differs from one that was made of its files; adapters of PEFT do not count.

    Args:
        other: the model of the files, its tensors as they are stored. dtype: the number format that it would be cast to on
            loading; None for none. weights: False compares all but the content of tensors.
    """
    found = _Comparison(dtype, precise_parts(other, dtype))
    ours, theirs = dict(base_modules(live)), dict(base_modules(other))
    found.layers(ours, theirs)
    # With other layers every further comparison would only repeat that.
    if not found.faults:
        found.configurations(live, other)
        found.ties(ours, theirs)
        for path, module in ours.items():
            found.settings(path, module, theirs[path])
            found.tensors(path, module, theirs[path], weights)
    return found.sentences()


@define(eq=False)
class _Comparison:
    """Faults by what they are, so that a hundred layers with one fault make one sentence."""

    dtype: Any
    precise: Any
    faults: dict[tuple[str, str], list[str]] = field(factory=dict)

    def add(self, head: str, tail: str, path: str) -> None:
        paths = self.faults.setdefault((head, tail), [])
        if (path or "the model itself") not in paths:
            paths.append(path or "the model itself")

    def sentences(self) -> list[str]:
        return [
            f"{head} {_paths(paths)} {tail}".replace("  ", " ").replace(" ;", ";").strip()
            for (head, tail), paths in self.faults.items()
        ]

    def layers(self, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
        """Compare layers by path and class."""
        for path in sorted(ours.keys() | theirs.keys()):
            if path not in theirs:
                self.add("the layer", "is one that its configuration does not make", path)
            elif path not in ours:
                self.add("the layer", "is lacking, and its configuration makes it", path)
            elif type(ours[path]) is not type(theirs[path]):
                names = differing_words(type(ours[path]), type(theirs[path]))
                self.add(
                    "the layer", f"is {with_article(names[0])}, and by its configuration {with_article(names[1])}", path
                )

    def configurations(self, live: object, other: object) -> None:
        """Compare configurations, without what is noted in them of places and versions."""
        ours, theirs = _config_of(live), _config_of(other)
        for name in sorted(ours.keys() | theirs.keys()):
            if content_of(ours.get(name)) != content_of(theirs.get(name)):
                words = differing_words(ours.get(name), theirs.get(name))
                self.add("", f"is {words[0]}, and in the files {words[1]}", f"config.{name}")

    def ties(self, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
        """Compare which parameters are one tensor under several names."""
        # A tie decides what training does and how much is saved, although the numbers are the same.
        for names in _shared(ours) ^ _shared(theirs):
            first, *others = sorted(names)
            self.add("", f"is one tensor with {', '.join(others)} in one of the two, and not in the other", first)

    def settings(self, path: str, live: torch.nn.Module, other: torch.nn.Module) -> None:
        """Compare attributes and hooks of one module."""
        ours, theirs = vars(live), vars(other)
        for name in sorted((ours.keys() | theirs.keys()) - derived_attributes(live)):
            if name in _OF_TORCH or name in _NOT_OF_MODELS or name.startswith(_NOTES) or name.endswith("_cached"):
                continue
            if name in _HOOKS:
                if any(not is_library(getattr(hook, "__module__", None)) for hook in ours[name].values()):
                    self.add("there are hooks on", "", path)
            elif name == "forward":
                if not _is_wrapped_by_hooks(live):
                    self.add("the forward of", "was replaced", path)
            elif name == "_use_kernels" and not ours.get(name) and not theirs.get(name):
                continue  # transformers writes False where it loads a model, and nothing where it makes one
            elif content_of(ours.get(name)) != content_of(theirs.get(name)):
                words = differing_words(ours.get(name), theirs.get(name))
                told = name not in _OF_FREEU
                tail = (
                    f"is {words[0]}, and made from the files it is {words[1]}"
                    if told
                    else "; disable_freeu() takes it off"
                )
                self.add(f"{name} of" if told else "FreeU is on", tail, path)
        for hook in _foreign_hooks(live):
            self.add(f"diffusers' hook {hook!r} is on", "", path)
        if live.training and any(_is_positive(ours.get(name)) for name in _DROPOUTS):
            self.add("", "drops values at random, because the model is in training mode: call eval()", path)

    def tensors(self, path: str, live: torch.nn.Module, other: torch.nn.Module, weights: bool) -> None:
        """Compare parameters and buffers of one module."""
        ours = {**live._parameters, **live._buffers}
        theirs = {**other._parameters, **other._buffers}
        for name in sorted(ours.keys() | theirs.keys()):
            mine, read = ours.get(name), theirs.get(name)
            whole = f"{path}.{name}" if path else name
            if mine is None or read is None:
                if mine is not read:
                    self.add(
                        "",
                        f"is {'not there' if mine is None else 'there'}, and in the files it is {'not there' if read is None else 'there'}",
                        whole,
                    )
                continue
            is_stored = name not in live._non_persistent_buffers_set
            self.tensor(whole, mine, read, is_stored, weights)

    def tensor(self, name: str, mine: torch.Tensor, read: torch.Tensor, is_stored: bool, weights: bool) -> None:
        """Compare one tensor: shape, number format, and bytes."""
        expected = format_of_loaded(name, read, self.dtype, self.precise) if is_stored else read.dtype
        if tuple(mine.shape) != tuple(read.shape):
            self.add("", f"has the shape {list(mine.shape)}, and in the files {list(read.shape)}", name)
        # Hooks of accelerate leave tensors without memory on modules that are on disk.
        elif mine.is_meta:
            self.add("", "is not in memory (hooks may have put it elsewhere)", name)
        # A file has no strides: opened again it would be contiguous, and kernels for other layouts give other last
        # bits.
        elif not mine.is_contiguous() and mine.stride() != read.stride():
            self.add("", _LAYOUT, name)
        elif not read.is_meta and mine.dtype != expected:
            self.add("", f"is {_short(mine.dtype)}, and once loaded {_short(expected)}", name)
        elif (weights or not is_stored) and not read.is_meta and not same_bytes(mine, read.to(expected)):
            self.add("", "has other values than in the files" if is_stored else "was changed, and is in no file", name)


def stored_differences(live: torch.nn.Module, folder: Path, variant: str | None) -> list[str]:
    """Say in what a model's tensors differ from its files, where these cannot be made a model of without a copy."""
    stored = stored_tensors(folder, variant)
    held = {name: tensor for name, tensor in live.state_dict().items() if tensor is not None}
    found = _Comparison(None, None)
    for name, tensor in held.items():
        if name not in stored:
            if not _is_stored_twin(tensor, held, stored):
                found.add("", "is in no file", name)
            continue
        path, _ = stored[name]
        found.tensor(name, tensor, mapped_tensors(path, [name])[name], True, True)
    for name in stored.keys() - held.keys():
        found.add("", "is in the files and not in the model", name)
    return found.sentences()


def _is_stored_twin(tensor: torch.Tensor, held: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Return whether it is stored under another name of the same tensor."""
    return any(other.data_ptr() == tensor.data_ptr() and name in stored for name, other in held.items())


def same_tensor(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    """Return whether two tensors have the same shape, number format and bits; None is no tensor."""
    if one is None or other is None or one.dtype != other.dtype or one.shape != other.shape:
        return False
    return same_bytes(one, other)


def same_bytes(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Return whether two tensors of one shape and format hold the same bits, wherever they are."""
    import torch

    # As bytes: -0.0 equals 0.0, and NaN does not equal itself.
    pair = [each.detach().to("cpu").contiguous().reshape(-1).view(torch.uint8) for each in (one, other)]
    return torch.equal(*pair)


def _config_of(model: object) -> dict[str, Any]:
    config: Any = getattr(model, "config", None)
    held = config.to_dict() if hasattr(config, "to_dict") else dict(config or {})
    kept = {name: value for name, value in held.items() if not str(name).startswith("_") and name not in _OF_FILES}
    attention = getattr(config, "_attn_implementation", None)
    return {**kept, **({"attn_implementation": attention} if attention is not None else {})}


_OF_FILES = frozenset({"architectures", "dtype", "torch_dtype", "transformers_version", "name_or_path"})
"""What transformers notes in a configuration when it writes it."""


def _shared(modules: Mapping[str, Any]) -> set[frozenset[str]]:
    """Return the names of one and the same parameter, where it has several."""
    names: dict[int, list[str]] = {}
    for path, module in modules.items():
        for leaf, tensor in module._parameters.items():
            if tensor is not None:
                names.setdefault(id(tensor), []).append(f"{path}.{leaf}" if path else leaf)
    return {frozenset(each) for each in names.values() if len(each) > 1}


def _is_wrapped_by_hooks(module: torch.nn.Module) -> bool:
    """Return whether a library's hooks, or this one's for the time of a run, stand in place of `forward`."""
    held = vars(module)
    return (
        bool({"_hf_hook", "_diffusers_hook"} & held.keys())
        or getattr(held["forward"], "__module__", "") == "brickwork.adapters.forward_override"
    )


def _foreign_hooks(module: torch.nn.Module) -> list[str]:
    """Return the hooks of diffusers that do more than to place layers, such as caches of steps."""
    registry = vars(module).get("_diffusers_hook")
    return [name for name in getattr(registry, "hooks", {}) if name not in PLACING]


def _is_positive(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value) and value > 0


def _paths(paths: list[str]) -> str:
    first = min(paths)
    return first if len(paths) == 1 else f"{first} and {len(paths) - 1} more"


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
