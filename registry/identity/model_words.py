"""Settings of networks in the words that people use for them, for recipes and for what `diff` says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..compilation import compiler_words
from .module_settings import HOOKS, _hooks_of, attributes_of_module
from .tensor_content import used_modules

if TYPE_CHECKING:
    import torch

_FREEU = ("s1", "s2", "b1", "b2")
_SWITCHES = {
    "training": "training mode",
    "use_slicing": "decoding in slices",
    "use_tiling": "decoding in tiles",
    "fused_projections": "fused projections",
    "gradient_checkpointing": "gradient checkpointing",
}


def words_of(model: torch.nn.Module) -> dict[str, str]:
    """Return what a person has switched on, by name; empty for a network as it was loaded, but for its attention
    processors.
    """
    found: dict[str, str] = {}
    processors: Counter[str] = Counter()
    for path, module in used_modules(model):
        held = dict(attributes_of_module(module))
        for name, words in _SWITCHES.items():
            if held.get(name) is True:
                found[words] = "on"
        if all(held.get(name) is not None for name in _FREEU):
            found["FreeU"] = f"({', '.join(str(held[name]) for name in _FREEU)})"
        if held.get("processor") is not None:
            processors[type(held["processor"]).__name__] += 1
            backend = getattr(held["processor"], "_attention_backend", None)
            if backend is not None:
                found["attention backend"] = str(getattr(backend, "value", backend))
        if "forward" in held:
            found["replaced forward"] = path or "the network's own"
        for name in HOOKS:
            if _hooks_of(module, name):
                found[f"hooks ({name.strip('_').replace('_', ' ')})"] = path or "on the network itself"
    if processors:
        found["attention processors"] = ", ".join(f"{name} x {count}" for name, count in sorted(processors.items()))
    if compiled := compiler_words(model):
        found["compiled"] = compiled
    return found


def attributes_in_words(name: str) -> tuple[str, ...]:
    """Return the attributes that stand in one of the words of `words_of`."""
    return _IN_WORDS.get(name) or tuple(each for each, words in _SWITCHES.items() if words == name)


_IN_WORDS = {
    "FreeU": _FREEU,
    "attention backend": ("processor",),
    "fused projections": ("fused_projections", "processor", "class", "in_features", "out_features"),
    "replaced forward": ("forward", "_diffusers_hook"),
    **{f"hooks ({name.strip('_').replace('_', ' ')})": (name,) for name in HOOKS},
}


def adapters_of(component: Any) -> Iterator[tuple[str, float]]:
    """Yield the names of the adapters in a model with their scales: layers of PEFT, and words that a text encoder was
    taught.
    """
    if getattr(component, "peft_config", None):
        scales: dict[str, float] = {}
        for module in component.modules():
            scaling = getattr(module, "scaling", None)
            if isinstance(scaling, dict):
                # An adapter that is loaded and not active adds nothing.
                for name in getattr(module, "active_adapters", scaling):
                    scales.setdefault(name, float(scaling.get(name, 0.0)))
        yield from scales.items()
    yield from ((token, 1.0) for token in getattr(component, TOKENS, ()))


TOKENS = "_brickwork_tokens"
