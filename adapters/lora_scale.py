"""How much LoRAs count in one call. Other threads, and other calls, do not see it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..engine.network_calls import call_effect
from ..state import Fault, InputError
from .as_written import as_written
from .lora_weights import finite_number

if TYPE_CHECKING:
    import torch

_factor: ContextVar[float] = ContextVar("brickwork_lora_weight", default=1.0)
_users: dict[int, int] = {}
_lock = threading.Lock()


class _Scaling(dict[str, Any]):
    """The scales of one layer's LoRAs, times what the context says that reads them."""

    def __getitem__(self, name: str) -> Any:
        # PEFT's layers read `self.scaling[name]` in every forward; a dict that multiplies reaches all of them without
        # touching a weight.
        return super().__getitem__(name) * _factor.get()


def weight_of(arguments: Mapping[str, Any] | None) -> float:
    """Return the weight that a call's `cross_attention_kwargs` name; 1 where they name none.

    Raises:
        InputError: it is no number.
    """
    return finite_number((arguments or {}).get("scale", 1.0), "scale, by which the call weighs LoRAs,")


def scale_faults(models: Iterable[Any], arguments: Mapping[str, Any] | None) -> Iterator[Fault]:
    """Yield that a call weighs LoRAs by no number, or weighs fused ones."""
    try:
        weight = weight_of(arguments)
        for model in models:
            if model is not None:
                _layers(model, weight)
    except InputError as error:
        yield Fault(str(error), "cross_attention_kwargs")


def _layers(model: Any, weight: float) -> list[Any]:
    """Return the layers whose LoRAs a call weighs."""
    layers = [] if weight == 1.0 else [m for m in model.modules() if hasattr(m, "lora_A") and hasattr(m, "scaling")]
    if any(layer.merged for layer in layers):
        raise InputError(
            f"The call weighs LoRAs by {weight:g} (scale), and they are fused into the weights of {type(model).__name__}: unfuse_lora() first, or "
            f"fuse_lora(lora_scale={weight:g})."
        )
    return layers


@contextmanager
def lora_scale(model: torch.nn.Module, weight: float) -> Iterator[None]:
    """Multiply the scales of all LoRAs of a model, in this thread, until the end of the `with`; compiled parts with LoRAs run as
    they were written.

    Raises:
        InputError: they are fused, so that nothing weighs them.
    """
    layers = _layers(model, weight)
    with as_written(model, layers), ExitStack() as stack:
        if layers:
            stack.enter_context(call_effect(("lora_scale", weight)))
        for layer in layers:
            # Registered before entering, so that a failure in between is undone as well.
            stack.callback(_leave, layer)
            _enter(layer)
        token = _factor.set(weight)
        stack.callback(_factor.reset, token)
        yield


def _enter(layer: Any) -> None:
    # Two runs may share a model: the dict is replaced for the first and put back after the last.
    with _lock:
        users = _users[id(layer)] = _users.get(id(layer), 0) + 1
        if users == 1:
            layer.scaling = _Scaling(layer.scaling)


def _leave(layer: Any) -> None:
    with _lock:
        users = _users.pop(id(layer), 0) - 1
        if users > 0:
            _users[id(layer)] = users
        elif users == 0:
            layer.scaling = dict(layer.scaling.items())
