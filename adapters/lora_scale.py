"""How much LoRAs count in one call. Other threads, and other calls, do not see it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..engine.network_calls import call_effect
from .as_written import as_written

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
    """Return the weight that a call's `cross_attention_kwargs` name; 1 where they name none."""
    return float((arguments or {}).get("scale", 1.0))


@contextmanager
def lora_scale(model: torch.nn.Module, weight: float) -> Iterator[None]:
    """Multiply the scales of all LoRAs of a model, in this thread, until the end of the `with`; compiled parts with LoRAs run as
    they were written.
    """
    layers = [] if weight == 1.0 else [m for m in model.modules() if hasattr(m, "lora_A") and hasattr(m, "scaling")]
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
