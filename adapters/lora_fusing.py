"""LoRAs that are added to the weights of models, and what these were before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..registry.loading.base_modules import adapted_layers
from ..state import InputError
from .lora_weights import finite_number

if TYPE_CHECKING:
    import torch

Models = Mapping[str, Any]
_UNFUSED = "_brickwork_unfused"
"""Note on a model: its weights before LoRAs were fused into it. It lies there so that a copy of the model has it, too."""


def is_fused(model: object) -> bool:
    """Return whether LoRAs were added to a model's weights, and can be taken out again."""
    return _UNFUSED in getattr(model, "__dict__", {})


def fused_bytes(model: object) -> int:
    """Return the bytes of weights that are kept to take LoRAs out of a model again."""
    kept = getattr(model, "__dict__", {}).get(_UNFUSED, {})
    return sum(tensor.numel() * tensor.element_size() for tensor in kept.values())


def base_weights(model: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield the weights of layers that have LoRAs, by name."""
    for name, parameter in model.named_parameters():
        if ".base_layer." in name:
            yield name, parameter


def keep_unfused(models: Models) -> None:
    """Keep the weights of layers that have LoRAs, to be given back."""
    for model in models.values():
        if getattr(model, "peft_config", None):
            # On the host: on the device they would take the place that fusing is to save.
            kept = {name: tensor.detach().to("cpu", copy=True) for name, tensor in base_weights(model)}
            # Adding and subtracting again rounds twice, so what comes out would not be the weights that went in.
            object.__setattr__(model, _UNFUSED, kept)


def give_back(models: Iterable[Any]) -> None:
    """Give fused models the weights that were kept."""
    import torch

    for model in models:
        before = vars(model).pop(_UNFUSED)
        with torch.no_grad():
            for name, tensor in base_weights(model):
                tensor.copy_(before[name])


@contextmanager
def weighed(models: Models, names: Sequence[str] | None, scale: object) -> Iterator[None]:
    """Multiply the scales of LoRAs while they are fused; None are those that count.

    diffusers multiplies those that count, whichever are fused, and leaves it so when they are taken out again.

    Raises:
        InputError: the scale is no finite number.
    """
    factor = finite_number(scale, "lora_scale")
    layers = [layer for model in models.values() for _, layer in adapted_layers(model)]
    before = [dict(layer.scaling) for layer in layers]
    try:
        for layer in layers:
            for name in layer.active_adapters if names is None else names:
                if name in layer.scaling:
                    layer.scaling[name] *= factor
        yield
    finally:
        for layer, scales in zip(layers, before, strict=True):
            layer.scaling.update(scales)


def refuse_fused(models: Models) -> None:
    """Refuse what fused LoRAs would not follow.

    Raises:
        InputError: some are fused.
    """
    if any(is_fused(model) for model in models.values()):
        raise InputError("LoRAs are fused into the weights: unfuse_lora() first.")


def refuse_left_out(models: Models, names: Sequence[str] | None) -> None:
    """Refuse to fuse LoRAs beside which others count, or none: a layer with fused weights reads no LoRA.

    Args:
        names: of those that are fused; None for those that count.

    Raises:
        InputError: so it is.
    """
    layers = [layer for model in models.values() for _, layer in adapted_layers(model)]
    if any(layer.disable_adapters for layer in layers):
        raise InputError("LoRAs are switched off, and fused ones would count: enable_lora() first.")
    counting = dict.fromkeys(name for layer in layers for name in layer.active_adapters if layer.scaling.get(name))
    lost = [] if names is None else [name for name in counting if name not in names]
    if lost:
        raise InputError(
            f"{', '.join(map(repr, lost))} would count no more in layers into which {', '.join(map(repr, names or ()))} would be fused. "
            f"Fuse all that count, {list(counting)}, or choose before it: set_adapters({list(names or ())!r})."
        )
