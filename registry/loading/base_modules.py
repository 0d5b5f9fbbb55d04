"""The layers of a model without the adapters that PEFT has put around them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def base_modules(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield all modules by the paths that they have without adapters, each once."""
    met: set[int] = set()
    pending = [("", model)]
    while pending:
        path, module = pending.pop()
        # Adapters can be put around adapters.
        while is_adapted(module):
            module = module.base_layer
        if id(module) in met:
            continue
        met.add(id(module))
        yield path, module
        children = [(f"{path}.{name}" if path else name, child) for name, child in module._modules.items()]
        # Reversed, because the last is taken first: modules come in the order of `named_modules`.
        pending += [(name, child) for name, child in reversed(children) if child is not None]


def base_tensors(model: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield parameters and buffers that belong into its files, by the names that they have there."""
    for path, module in base_modules(model):
        for leaf, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is not None and leaf not in module._non_persistent_buffers_set:
                yield f"{path}.{leaf}" if path else leaf, tensor


def adapted_layers(model: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield the layers of PEFT around the model's own, by the paths of these."""
    for path, module in model.named_modules():
        if is_adapted(module):
            yield path.replace(".base_layer", ""), module


def is_adapted(module: torch.nn.Module) -> bool:
    """Return whether a module is a layer of PEFT around the model's own."""
    return "base_layer" in module._modules and type(module).__module__.startswith("peft.")
