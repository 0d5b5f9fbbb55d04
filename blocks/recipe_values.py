"""Writes down what a run is given. What cannot change is held and written when the recipe is read; of the rest, its digest."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from ..engine.snapshot import are_generators
from ..state.digest import NoDigestError, digest_of, tensor_digest
from ..state.pipeline_state import describe_value
from ..state.value_data import data_of

_UNCHANGING = (str, int, float, bool, type(None))
Written = Callable[[], Any]


def noted_inputs(values: Mapping[str, Any]) -> tuple[Written, Written]:
    """Note what a run is given: inputs, and the states of random generators."""
    unchanging: dict[str, Any] = {}
    tensors: dict[str, tuple[Any, ...]] = {}
    others: dict[str, Any] = {}
    generators: dict[str, Any] = {}
    for name, value in values.items():
        cls = value.__class__
        if cls in _UNCHANGING:
            unchanging[name] = value
        elif hasattr(cls, "untyped_storage") and not value.requires_grad:
            tensors[name] = cls.__name__, value.shape, value.dtype, value.device, tensor_digest(value)
        elif are_generators(value):
            generators[name] = _states_of(value)
        else:
            others[name] = written_input(value)

    def inputs() -> dict[str, Any]:
        found = {name: {"value": data_of(value)} for name, value in unchanging.items()}
        found |= {name: _written_tensor(*noted) for name, noted in tensors.items()} | others
        return {name: found[name] for name in order}

    order = [name for name in values if name not in generators]
    return inputs, lambda: {name: [_generator(*each) for each in states] for name, states in generators.items()}


def _written_tensor(kind: str, shape: Any, dtype: Any, device: Any, digest: str) -> dict[str, Any]:
    return {"kind": f"{kind}[{', '.join(map(str, shape))}] {dtype}, {device}", "digest": digest}


def written_input(value: Any) -> dict[str, Any]:
    """A value as data, or what tells it from others."""
    try:
        return {"value": data_of(value)}
    except ValueError:
        kind = describe_value(value)
    try:
        return {"kind": kind, "digest": digest_of(value)}
    except NoDigestError:
        return {"kind": kind, "digest": None}


def _states_of(value: Any) -> list[tuple[str, int, Any]]:
    parts = value if isinstance(value, (list, tuple)) else [value]
    return [(str(part.device), part.initial_seed(), part.get_state()) for part in parts]


def _generator(device: str, seed: int, state: Any) -> dict[str, Any]:
    import torch

    fresh = torch.Generator(device).manual_seed(seed).get_state()
    if torch.equal(fresh, state):
        return {"device": device, "seed": seed}
    packed = base64.b64encode(zlib.compress(state.numpy().tobytes(), 9)).decode()
    return {"device": device, "seed": seed, "state": packed}
