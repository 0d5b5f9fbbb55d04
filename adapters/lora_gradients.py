"""Which weights of a model wanted gradients before LoRAs: PEFT freezes them all, and leaves them so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry.loading.base_modules import adapted_layers, base_tensors

if TYPE_CHECKING:
    import torch

_WANTED = "_brickwork_wanted_gradients"
"""Note on a model: its weights by name, and whether each wanted gradients. It lies there so that a copy of the model has it, too."""


def note_gradients(model: torch.nn.Module) -> None:
    """Note which weights want gradients, of a model that has no LoRAs yet."""
    if _WANTED not in vars(model) and not any(True for _ in adapted_layers(model)):
        object.__setattr__(model, _WANTED, {name: weight.requires_grad for name, weight in _weights(model)})


def give_gradients_back(model: torch.nn.Module) -> None:
    """Let each weight want gradients as it was noted, once no LoRA is in the model any more; the note is gone then."""
    if any(True for _ in adapted_layers(model)):
        return
    wanted = vars(model).pop(_WANTED, {})
    for name, weight in _weights(model):
        weight.requires_grad_(wanted.get(name, weight.requires_grad))


def _weights(model: torch.nn.Module) -> list[tuple[str, Any]]:
    import torch

    return [(name, tensor) for name, tensor in base_tensors(model) if isinstance(tensor, torch.nn.Parameter)]
