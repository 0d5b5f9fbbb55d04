"""What a component's results depend on, as a digest: for caches, which must never take one component for another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..state.code_digest import is_library
from ..state.digest import DigestWriter, NoDigestError, digest_of
from .fingerprint import fingerprint, is_of_adapter

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_OF_TORCH = frozenset({"_parameters", "_buffers", "_modules", "_non_persistent_buffers_set", *_HOOKS})
_CAPTURING = "transformers.utils.output_capturing"
"""Hooks with which transformers gives out hidden states; it adds them at a model's first call."""

_PLAIN = (bool, int, float, str, type(None))


def component_key(component: Any) -> str:
    """Digest a component: its origin, weights as far as they changed, adapters, settings, patches.

    Raises:
        NoDigestError: nothing tells what it computes; the message says why.
    """
    if hasattr(component, "named_parameters"):
        return _model_key(component)
    if hasattr(component, "get_added_vocab"):
        return _tokenizer_key(component)
    try:
        return digest_of(component)
    except NoDigestError:
        return digest_of(type(component), component_state(component))


def config_key(component: Any) -> str:
    """Digest a component for who reads its configuration only."""
    return digest_of(type(component), str(getattr(component, "dtype", "")), _config_of(component))


def component_state(component: Any) -> dict[str, Any]:
    """The attributes of a component without weights, such as a scheduler: configuration, and what a run keeps in it."""
    return {name: value for name, value in vars(component).items() if not name.startswith("_brickwork_")}


def _config_of(component: Any) -> Any:
    config = component.config
    return config.to_dict() if hasattr(config, "to_dict") else config


def _model_key(model: Any) -> str:
    own = fingerprint(model)
    if own is None:
        raise NoDigestError(
            f"{type(model).__name__} has weights of unknown origin, or they were changed in place since they were loaded; "
            "pipe.invalidate(name) declares them as they are now"
        )
    writer = DigestWriter()
    classes: set[type] = set()
    lines = [own]
    for path, module in model.named_modules():
        classes.add(type(module))
        lines.append(f"{path} {type(module).__qualname__}")
        lines += _attributes(path, module)
    writer.put("attributes", "\n".join(lines).encode())
    writer.add(classes)
    for path, tensor in model.named_parameters():
        if is_of_adapter(path):
            writer.add_all("adapter", [path, tensor.detach()])
    return writer.hexdigest()


def _attributes(path: str, module: Any) -> Iterator[str]:
    """Settings that lie on a module: modes, tiling, processors, scales of adapters."""
    for name, value in vars(module).items():
        if name in _OF_TORCH:
            named = _hooks(path, value) if value and name in _HOOKS else None
            if named:
                yield f"{name}={named}"
        elif name == "forward":
            raise NoDigestError(f"the forward of the module {path or 'itself'} was replaced")
        elif value.__class__ in _PLAIN and not name.startswith("_output_capturing"):
            yield f"{name}={value!r}"
        elif not name.startswith(("_brickwork_", "_output_capturing")):
            yield f"{name}:{_setting(value)}"


def _hooks(path: str, hooks: Any) -> list[str]:
    """Names of hooks that belong to a library."""
    if not all(is_library(getattr(hook, "__module__", None)) for hook in hooks.values()):
        raise NoDigestError(f"the module {path or 'itself'} has hooks, and what they do cannot be told")
    return [
        f"{hook.__module__}.{getattr(hook, '__qualname__', type(hook).__qualname__)}"
        for hook in hooks.values()
        if hook.__module__ != _CAPTURING
    ]


def _setting(value: Any) -> str:
    """A container, a function, an attention processor: by content where it has some, by class and numbers else."""
    try:
        return digest_of(value)
    except NoDigestError:
        held = getattr(value, "__dict__", {})
        return digest_of(type(value), {name: part for name, part in held.items() if part.__class__ in _PLAIN})


def _tokenizer_key(tokenizer: Any) -> str:
    settings = [getattr(tokenizer, name, None) for name in ("padding_side", "truncation_side", "model_max_length")]
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        content: Any = [tokenizer.get_vocab(), str(tokenizer.init_kwargs)]
    else:
        # Before it stand truncation and padding, which every call sets anew.
        _, _, content = backend.to_str().partition('"added_tokens"')
    return digest_of(type(tokenizer), settings, content, str(tokenizer.special_tokens_map))
