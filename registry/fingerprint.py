"""What "the same component" means: origin, number format, quantization, adapters with their scales, configuration."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

_LOADED = "_brickwork_loaded_versions"
_FILES = "_brickwork_loaded_files"
_DECLARED = "_brickwork_declared"
_ADAPTERS = "_brickwork_adapters"
TOKENS = "_brickwork_tokens"


def remember_loaded(component: Any, files: str = "") -> None:
    """Note the state of a component's parameters as they were loaded, so that a later change is seen.

    Args:
        files: what tells the files that it came from apart from others of the same name.
    """
    if hasattr(component, "parameters"):
        object.__setattr__(component, _LOADED, _versions(component))
        object.__setattr__(component, _FILES, files)


def files_of(component: Any) -> str:
    """What tells the files that a component was loaded from apart from others of the same name; empty for none."""
    return str(getattr(component, _FILES, ""))


def invalidate(component: Any) -> None:
    """Declare that a component is something new: nothing that was computed with it so far counts for it any more.

    This is for weights that were changed in place, or that came from nowhere: from now on, and until they change again,
    they have an identity, which no other process shares.
    """
    remember_loaded(component)
    object.__setattr__(component, _DECLARED, uuid.uuid4().hex)


def remember_adapter(component: Any, name: str, digest: str) -> None:
    """Note what an adapter (of PEFT) is, so that another one of the same name is told apart, and a later change is seen.

    Args:
        digest: of its tensors.
    """
    known = dict(getattr(component, _ADAPTERS, {}))
    object.__setattr__(component, _ADAPTERS, {**known, name: (digest, _adapter_versions(component, name))})


@contextmanager
def counted_as_another(component: Any) -> Iterator[None]:
    """Until the end of the `with`, nothing that is known of a component counts for it, and nothing of then afterwards."""
    before = declaration_of(component)
    invalidate(component)
    try:
        yield
    finally:
        declare_again(component, before)


def declaration_of(component: Any) -> dict[str, Any]:
    """What is noted of a component, to be given back by `declare_again` when the component is again as it is now."""
    return {name: vars(component)[name] for name in (_LOADED, _FILES, _DECLARED) if name in vars(component)}


def declare_again(component: Any, noted: Mapping[str, Any]) -> None:
    """Note what `declaration_of` gave."""
    for name in (_LOADED, _FILES, _DECLARED):
        vars(component).pop(name, None)
    vars(component).update(noted)


def carry_over(component: Any, copied: Any) -> None:
    """Note of a copy what is noted of the original: it is the same, as long as the original is what was noted."""
    if not hasattr(component, "parameters"):
        return
    known = getattr(component, _LOADED, None)
    if known is not None and known == _versions(component):
        object.__setattr__(copied, _LOADED, _versions(copied))
    adapters = {
        name: (digest, _adapter_versions(copied, name))
        for name, (digest, versions) in getattr(component, _ADAPTERS, {}).items()
        if versions == _adapter_versions(component, name)
    }
    object.__setattr__(copied, _ADAPTERS, adapters)


def remember_tokens(component: Any, tokens: Sequence[str]) -> None:
    """Note the words that a text encoder was taught (textual inversion)."""
    object.__setattr__(component, TOKENS, tuple(tokens))


def fingerprint(component: Any) -> str | None:
    """Identify a component; equal for what would be loaded or created alike, None for what nothing can identify.

    None are: weights and adapters of unknown origin, and those that were changed in place since they were loaded (training,
    fusing an adapter), which `torch` counts in the versions of their tensors.
    """
    parts = identity(component)
    if parts is None:
        return None
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def identity(component: Any) -> dict[str, Any] | None:
    """The parts of a fingerprint, in words; None as in `fingerprint`."""
    cls = type(component)
    parts: dict[str, Any] = {"class": f"{cls.__module__}.{cls.__qualname__}"}
    if hasattr(component, "parameters"):
        origin = getattr(component, "_diffusers_load_id", "null")
        known = getattr(component, _LOADED, None)
        declared = getattr(component, _DECLARED, None)
        if (origin == "null" and declared is None) or known is None or _versions(component) != known:
            return None
        adapters = _identified_adapters(component)
        if adapters is None:
            return None
        quantization = getattr(getattr(component, "config", None), "quantization_config", None)
        return {
            **parts,
            "origin": origin,
            "files": files_of(component),
            "declared": declared,
            "dtype": str(dtype_of(component)),
            "quantization": quantization and str(quantization),
            "adapters": adapters,
        }
    origin = getattr(component, "_diffusers_load_id", "null")
    config = getattr(component, "config", None)
    if origin == "null" and config is None:
        return None
    return {**parts, "origin": origin, "config": dict(config) if isinstance(config, Mapping) else str(config or "")}


def adapters_of(component: Any) -> Iterator[tuple[str, float]]:
    """Names of the adapters in a model with their scales: layers of PEFT, and words that a text encoder was taught."""
    yield from _scales_of(component)
    yield from ((token, 1.0) for token in getattr(component, TOKENS, ()))


def _scales_of(component: Any) -> Iterator[tuple[str, float]]:
    if not getattr(component, "peft_config", None):
        return
    found: dict[str, float] = {}
    for module in component.modules():
        scaling = getattr(module, "scaling", None)
        if isinstance(scaling, dict):
            for name in getattr(module, "active_adapters", scaling):
                found.setdefault(name, float(scaling.get(name, 0.0)))
    yield from found.items()


def _identified_adapters(component: Any) -> dict[str, Any] | None:
    """Digest of each adapter that counts, and its scales by layer; None if one is unknown or was changed."""
    known = getattr(component, _ADAPTERS, {})
    found: dict[str, Any] = {}
    for name in dict(_scales_of(component)):
        digest, versions = known.get(name, (None, None))
        if digest is None or versions != _adapter_versions(component, name):
            return None
        layers = [module.scaling.get(name) for module in component.modules() if hasattr(module, "lora_A")]
        found[name] = [digest, layers[0] if len(set(layers)) == 1 else layers]
    return found


def _adapter_versions(model: Any, name: str) -> tuple[int, int]:
    return _state_of([each for path, each in model.named_parameters() if is_of_adapter(path) and f".{name}." in path])


def dtype_of(component: Any) -> Any:
    """The number format of a model's first floating-point tensor; None for what has none."""
    if not hasattr(component, "parameters"):
        return None
    return next((tensor.dtype for tensor in component.parameters() if tensor.is_floating_point()), None)


def _versions(model: Any) -> tuple[int, int]:
    """How often the parameters were changed in place, all together, and which objects they are.

    Moving a model does not count, and neither do adapters, which have an identity of their own.
    """
    return _state_of([tensor for name, tensor in model.named_parameters() if not is_of_adapter(name)])


def _state_of(tensors: list[Any]) -> tuple[int, int]:
    return sum(tensor._version for tensor in tensors if not tensor.is_inference()), hash(tuple(map(id, tensors)))


def is_of_adapter(parameter_name: str) -> bool:
    """Whether a parameter belongs to an adapter of PEFT, by its name."""
    return ".lora_" in parameter_name
