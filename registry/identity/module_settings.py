"""What lies on a network's modules besides their tensors, and decides what they compute: modes, processors, hooks, methods.

Everything counts that is not known to say nothing. What was put back as it was is the same again, also where diffusers and
transformers leave something behind, such as an attribute that is None, or the class's own method on the instance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MethodType
from typing import TYPE_CHECKING, Any

import xxhash
from attrs import define, field

from ...state.code_home import is_library
from ...state.digest import CodeIdentity, DigestWriter, NoDigestError, code_identity
from ...state.watch import Watch
from ..compilation import METHOD as COMPILED
from ..compilation import compiler_digest
from ..placing_hooks import PLACING
from .tensor_content import has_mixin, used_modules

if TYPE_CHECKING:
    import torch

HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_OF_TORCH = frozenset({
    "_parameters", "_buffers", "_modules", "_non_persistent_buffers_set", "_backward_hooks", "_backward_pre_hooks",
    "_is_full_backward_hook", "_forward_hooks_with_kwargs", "_forward_hooks_always_called",
    "_forward_pre_hooks_with_kwargs", "_state_dict_hooks", "_state_dict_pre_hooks", "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks", *HOOKS,
})  # fmt: skip
_SAYS_NOTHING = frozenset({
    "name_or_path", "_diffusers_load_id", "warnings_issued", "_is_hf_initialized", "_hf_peft_config_loaded",
    "_gradient_checkpointing_func", COMPILED, "_no_split_modules", "hf_device_map", "_tied_weights_keys",
    "_ep_plan", "_fsdp_plan", "_pp_plan", "_tp_plan", "_keep_in_fp32_modules", "_keep_in_fp32_modules_strict",
    "_keys_to_ignore_on_load_missing", "_keys_to_ignore_on_load_unexpected", "_keys_to_ignore_on_save",
    "_skip_keys_device_placement", "all_tied_weights_keys", "original_attn_processors", "_safe_fusing", "lora_scale",
    "peft_config", "_weight_conversions", "_is_torch_compile", "rope_embedder",
})  # fmt: skip
"""Where a model is from, how it is loaded, saved and split, remarks, what an adapter or checkpointing leaves behind, and what makes a table of
places at its first call, of the configuration alone. What an adapter
does stands on its layers; `peft_config` says how these were asked for, which is another thing once they come from a saved folder."""
_PREFIXES = ("_brickwork_", "_output_capturing")
_OF_CONFIG = frozenset({
    "_name_or_path", "name_or_path", "transformers_version", "_commit_hash", "architectures", "_diffusers_version",
    "_use_default_values", "_class_name",
})  # fmt: skip
_ONLY_LOOKING = frozenset({"transformers.utils.output_capturing", "brickwork.registry.devices.layer_traffic"})
"""Whose hooks change nothing: those with which transformers gives out hidden states, and adds at a model's first call; and those that bring layers."""
OVERRIDE = "__brickwork_override__"
"""Of a function that stands in for a module's `forward` during single calls, and asks its context whether it is meant."""
_PLAIN = (bool, int, float, str, type(None))


@define(eq=False)
class Settings:
    """The settings of one network as they were read.

    Attributes:
        digests: by attribute, of the paths that have it with its values. codes: classes of somebody's own in the tree, with
            what their code was. networks: other networks that settings refer to. watch: tells whether all is as it was.
    """

    digests: dict[str, str]
    codes: list[tuple[type, CodeIdentity]]
    networks: list[Any]
    watch: Watch


@define
class _Reading:
    """One walk over a tree of modules."""

    paths: dict[int, str]
    lines: dict[str, list[str]] = field(factory=dict)
    watch: Watch = field(factory=Watch)
    known: dict[int, tuple[Any, str]] = field(factory=dict)

    def note(self, attribute: str, path: str, value: str) -> None:
        self.lines.setdefault(attribute, []).append(f"{path}\0{value}")

    def content(self, value: object, path: str, name: str) -> str:
        """Digest a value; what several modules share, such as a configuration, is read once."""
        # By address, which is safe because the value is kept beside its digest: nothing else can get the address
        # meanwhile.
        known = self.known.get(id(value))
        if known is not None:
            return known[1]
        writer = DigestWriter(self.paths, is_code=True)
        writer.watch = self.watch
        try:
            writer.add(value)
            found = writer.hexdigest()
        except NoDigestError as error:
            raise NoDigestError(f"{name} of the module {path or 'itself'}: {error}") from None
        if writer.unknown:
            raise NoDigestError(f"{name} of the module {path or 'itself'}: {writer.unknown[0]}")
        self.known[id(value)] = value, found
        return found


def read_settings(model: torch.nn.Module) -> Settings:
    """Read everything that lies on the modules of a network.

    Raises:
        NoDigestError: something of it has no content that could be compared; it is named.
    """
    import torch

    plain = (torch.nn.Parameter, torch.Tensor, torch.nn.Buffer)
    named = used_modules(model)
    reading = _Reading({id(module): path or "itself" for path, module in named})
    classes: dict[type, int] = {}
    for path, module in named:
        cls = type(module)
        number = classes.setdefault(cls, len(classes))
        if (call := vars(module).get(COMPILED)) is not None and (digest := _compiler(call, path)):
            reading.note("compiled", path, digest)
        # Two classes may have the same attributes and tensors, and compute otherwise.
        # One of somebody's own may lie in a module here and in an opened repository there: its code, below, stands for the place.
        reading.note("class", path, f"{cls.__module__ if is_library(cls.__module__) else number}.{cls.__qualname__}")
        for name, value in attributes_of_module(module):
            _note_attribute(reading, path, name, value)
        for name in HOOKS:
            hooks = _hooks_of(module, name)
            if hooks:
                reading.note(name, path, reading.content(hooks, path, name))
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            # Quantized tensors are subclasses: their bytes mean nothing without their class and scales.
            if tensor is not None and type(tensor) not in plain:
                # What such a tensor does in a product, its class says, and what lies on it.
                reading.note("tensor", f"{path}.{name}", reading.content([type(tensor), vars(tensor)], path, name))
    codes = [(cls, code_identity(cls)) for cls in classes if not is_library(cls.__module__)]
    for cls, code in codes:
        if code.unknown:
            raise NoDigestError(f"the class {cls.__qualname__}: {code.unknown[0]}")
        reading.note("code", cls.__qualname__, code.digest)
    digests = {name: xxhash.xxh3_128_hexdigest("\n".join(lines).encode()) for name, lines in reading.lines.items()}
    return Settings(digests, codes, [], reading.watch)


def _compiler(call: Any, path: str) -> str:
    try:
        return compiler_digest(call)
    except NoDigestError as error:
        raise NoDigestError(f"the module {path or 'itself'}: {error}") from None


def _note_attribute(reading: _Reading, path: str, name: str, value: object) -> None:
    if value.__class__ in _PLAIN:
        reading.note(name, path, f"{value.__class__.__name__} {value!r}")
    elif name == "_internal_dict" or is_config(value):
        reading.note("config", path, _config_digest(reading, value, path, name))
    else:
        reading.note(name, path, reading.content(value, path, name))


_OF_A_CALL = frozenset({"_conv_num", "_conv_idx", "_feat_map", "_enc_conv_num", "_enc_conv_idx", "_enc_feat_map"})
"""What VAEs of diffusers that have `clear_cache` keep of frames before, and begin anew at each call; before the first they have none of it."""


def derived_attributes(module: torch.nn.Module) -> set[str]:
    """Return the names of what a module makes anew at each call: tensors of its parameters, such as weights by their norm (`weight_norm`),
    which until then are those of before, in another dtype or on another device; and what VAEs keep of frames.
    """
    hooks: Mapping[int, Any] = module._forward_pre_hooks
    of_norms = {hook.name for hook in hooks.values() if type(hook).__module__ == "torch.nn.utils.weight_norm"}
    is_cached = hasattr(module, "clear_cache") and type(module).__module__.startswith("diffusers.")
    return of_norms | (_OF_A_CALL if is_cached else set())


def attributes_of_module(module: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a module that may decide what it computes, without what was taken back."""
    cls = type(module)
    derived = derived_attributes(module)
    # Copied: a run in another thread may let a module do something else meanwhile (`override_forward`).
    for name, value in vars(module).copy().items():
        if name in _OF_TORCH or name in _SAYS_NOTHING or name in derived or name.startswith(_PREFIXES):
            continue
        # What diffusers sets and takes back is None afterwards, and was not there before.
        if value is None and getattr(cls, name, None) is None:
            continue
        if name == "fused_projections" and not _goes_by_flag(module):
            continue
        if name in ("forward", "_diffusers_hook") and _is_unused(module, name, value):
            continue
        # accelerate and others put a forward back by setting it on the instance, where it hides the class's equal
        # one.
        if isinstance(value, MethodType) and value.__self__ is module and vars(cls).get(name) is value.__func__:
            continue
        yield name, value


def _goes_by_flag(module: torch.nn.Module) -> bool:
    """Return whether `fused_projections` decides anything: older layers go by their processor alone."""
    return has_mixin(module) or type(vars(module).get("processor")).__name__.startswith("Fused")


def _is_unused(module: torch.nn.Module, name: str, value: Any) -> bool:
    """Return whether a forward, or diffusers' registry of hooks, is there and does nothing (any more)."""
    registry = vars(module).get("_diffusers_hook")
    if name == "_diffusers_hook":
        return bool(value.hooks.keys() <= PLACING)
    if hasattr(value, OVERRIDE):
        inner = getattr(value, OVERRIDE)
        return inner is None or _is_unused(module, name, inner) or _is_own_forward(module, inner)
    function = getattr(value, "func", None)
    is_of_registry = getattr(function, "__module__", "") == "diffusers.hooks.hooks"
    return is_of_registry and registry is not None and bool(registry.hooks.keys() <= PLACING)


def _is_own_forward(module: torch.nn.Module, value: object) -> bool:
    return (
        isinstance(value, MethodType)
        and value.__self__ is module
        and getattr(type(module), "forward", None) is value.__func__
    )


def _hooks_of(module: torch.nn.Module, name: str) -> list[Any]:
    """Return hooks with how they are called, without those that only listen."""
    hooks = vars(module).get(name) or {}
    kinds = [vars(module).get(f"{name}_with_kwargs", {}), vars(module).get(f"{name}_always_called", {})]
    return [
        [hook, *(number in kind for kind in kinds)]
        for number, hook in hooks.copy().items()
        # They come with the first call, or during a run: a model would be another one after its first run, or within it.
        if getattr(hook, "__module__", None) not in _ONLY_LOOKING
    ]


def is_config(value: object) -> bool:
    """Return whether a value is a configuration of transformers."""
    # By what it can do: importing transformers only to ask takes seconds.
    return hasattr(value, "to_diff_dict") and hasattr(value, "model_type")


def _config_digest(reading: _Reading, config: object, path: str, name: str) -> str:
    known = reading.known.get(id(config))
    if known is not None:
        return known[1]
    place = config if isinstance(config, Mapping) else vars(config)
    reading.watch.places.append(place)
    found = reading.content(config_content(config), path, name)
    reading.known[id(config)] = config, found
    return found


def config_content(config: object) -> dict[str, Any]:
    """Return a configuration without where it is from, and without what of it is default."""
    held = config if isinstance(config, Mapping) else vars(config)
    return {
        str(name): config_content(value) if is_config(value) else _as_dtype(value) if name in _DTYPES else value
        for name, value in held.items()
        if name not in _OF_CONFIG
    }


_DTYPES = ("dtype", "torch_dtype")


def _as_dtype(value: object) -> Any:
    """Return a dtype, also where transformers has made text of it, as it does in the live model's configuration when
    it saves one.
    """
    import torch

    found = getattr(torch, value, None) if isinstance(value, str) else None
    return found if isinstance(found, torch.dtype) else value
