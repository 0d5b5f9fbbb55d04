"""Copies of components for one run: networks with modules of their own over the same weights, and tokenizers that wait for each other.

Classic pipelines put attention processors, hooks and modes on the networks that they are given, and some leave them there. On
a copy nobody else sees that, and nothing has to be taken back.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from functools import cache, wraps
from typing import Any

from ...families.tokenize import TOKENIZING

_HELD = (dict, OrderedDict, set)
"""Of what lies on a module: its parts, hooks and tables by name. Parameters, buffers and everything else are shared."""
_PADDING = ("__call__", "_encode_plus", "_batch_encode_plus", "tokenize", "encode", "pad", "apply_chat_template")
"""Methods that set how a tokenizer pads and cuts, or rely on it."""


def with_own_structure(components: Mapping[str, Any]) -> dict[str, Any]:
    """Return components with each network among them copied; a module that is a part of two networks is still one."""
    import torch
    from transformers import PreTrainedTokenizerBase, ProcessorMixin

    copies: dict[int, Any] = {}
    made = dict(components)
    for name, part in components.items():
        if isinstance(part, torch.nn.Module):
            made[name] = _copied(part, copies)
        elif isinstance(part, (PreTrainedTokenizerBase, ProcessorMixin)):
            made[name] = waiting_tokenizer(part)
    return made


def waiting_tokenizer(tokenizer: Any) -> Any:
    """Return a tokenizer, or a processor with one, whose calls wait for those of other threads; everything in it is shared."""
    kind: type = type(tokenizer)
    cls = _waiting_class(kind)
    made: Any = object.__new__(cls)
    vars(made).update(vars(tokenizer))
    # A processor's own, which some pipelines call past it.
    inner = vars(made).get("tokenizer")
    if inner is not None:
        made.tokenizer = waiting_tokenizer(inner)
    return made


@cache
def _waiting_class(cls: type) -> type:
    # Under the same names: pipelines note library and class of what they are given.
    names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    waiting = {name: _locked(getattr(cls, name)) for name in _PADDING if hasattr(cls, name)}
    return type(cls.__name__, (cls,), {**names, **waiting})


def _locked(method: Any) -> Any:
    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        with TOKENIZING:
            return method(*args, **kwargs)

    return call


def _copied(module: Any, copies: dict[int, Any]) -> Any:
    import torch

    # Compiled networks call their own modules, whatever lies on a copy.
    if isinstance(module, torch.jit.ScriptModule) or hasattr(module, "_orig_mod"):
        return module
    found = copies.get(id(module))
    if found is None:
        # Not `copy.copy`, which some models refuse or answer with weights of their own.
        found = copies[id(module)] = object.__new__(type(module))
        held = vars(found)
        held.update({name: part.copy() if type(part) in _HELD else part for name, part in vars(module).items()})
        for name, part in held["_modules"].items():
            held["_modules"][name] = None if part is None else _copied(part, copies)
    return found


class KeptDtypes:
    """Remembers in which dtype weights are: pipelines cast VAEs for a time, and leave them so where they fail."""

    def __init__(self, components: Mapping[str, Any]) -> None:
        import torch

        networks = [part for part in components.values() if isinstance(part, torch.nn.Module)]
        self._kept = [(each, each.dtype) for network in networks for each in network.parameters()]

    def put_back(self) -> None:
        """Cast back what is in another dtype now."""
        for parameter, dtype in self._kept:
            if parameter.dtype != dtype:
                parameter.data = parameter.data.to(dtype)
