"""What a run that trains changes beside values: parameters of its components, and the process's own random generators."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from ...registry.compilation import network_in
from ...state.digest import digest_of
from ..copies import own_copy

_PARAMETER, _GRADIENT, _BUFFER = "parameter ", "gradient ", "buffer "


def trained_state(component: Any) -> dict[str, Any]:
    """Return copies of what training changes in a network: parameters that learn, gradients that wait for a step, and buffers."""
    network = network_in(component)
    found: dict[str, Any] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            found[_PARAMETER + name] = own_copy(parameter.detach())
            # Between two steps of an accumulation they are half of what the next step is made of.
            if parameter.grad is not None:
                found[_GRADIENT + name] = own_copy(parameter.grad.detach())
    return {**found, **{_BUFFER + name: own_copy(buffer) for name, buffer in network.named_buffers()}}


def put_trained(component: Any, state: Mapping[str, Any]) -> None:
    """Bring a network's parameters, gradients and buffers to such a state, in the tensors that an optimizer knows."""
    import torch

    network = network_in(component)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if _PARAMETER + name in state:
                parameter.copy_(state[_PARAMETER + name])
                gradient = state.get(_GRADIENT + name)
                parameter.grad = None if gradient is None else own_copy(gradient.to(parameter.device))
        for name, buffer in network.named_buffers():
            buffer.copy_(state[_BUFFER + name])


def trained_faults(name: str, component: Any, state: Mapping[str, Any]) -> Iterator[str]:
    """Say where a component is not built as the one whose parameters a snapshot holds."""
    now = {key: tuple(value.shape) for key, value in _named(component)}
    then = {key: tuple(value.shape) for key, value in state.items() if not key.startswith(_GRADIENT)}
    for key in [each for each in then if each not in now][:5]:
        yield f"{name}: the snapshot holds the {key!r} that learned, and now there is none that learns."
    for key in [each for each in now if each not in then][:5]:
        yield f"{name}: the {key!r} learns now, and the snapshot holds none."
    for key in [each for each in then if each in now and now[each] != then[each]][:5]:
        yield f"{name}: the {key!r} is {list(then[key])} in the snapshot, and {list(now[key])} now."


def frozen_digest(component: Any) -> str:
    """Digest the parameters of a network that do not learn: a run that goes on needs the same, and a snapshot holds none of them."""
    network = network_in(component)
    return digest_of([(name, each.detach()) for name, each in network.named_parameters() if not each.requires_grad])


def _named(component: Any) -> Iterator[tuple[str, Any]]:
    network = network_in(component)
    yield from ((_PARAMETER + name, each) for name, each in network.named_parameters() if each.requires_grad)
    yield from ((_BUFFER + name, each) for name, each in network.named_buffers())


def process_random_state() -> dict[str, Any]:
    """Return the state of torch's, Python's and NumPy's own random generators, as tensors and plain data."""
    import torch

    version, numbers, gauss = random.getstate()
    found: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "python": [version, torch.tensor(numbers, dtype=torch.int64), gauss],
    }
    # To ask for a state would initialise CUDA in a process that does not use it.
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # torch
        found["cuda"] = list(torch.cuda.get_rng_state_all())
    # What was never imported has drawn nothing.
    if "numpy" in sys.modules:
        state = sys.modules["numpy"].random.get_state()
        found["numpy"] = [state[0], state[1].copy(), *state[2:]]
    return found


def put_process_random_state(state: Mapping[str, Any]) -> None:
    """Bring the process's random generators to such a state."""
    import torch

    version, numbers, gauss = state["python"]
    torch.set_rng_state(state["torch"])
    random.setstate((version, tuple(numbers.tolist()), gauss))
    if "cuda" in state:
        torch.cuda.set_rng_state_all(state["cuda"])
    if "numpy" in state:
        import numpy as np

        np.random.set_state(tuple(state["numpy"]))  # noqa: NPY002 - the process's own generator is what is meant
