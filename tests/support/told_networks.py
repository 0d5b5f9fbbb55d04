"""What two pipelines told their networks, and in what that differs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from attrs import define, field

_ATTENTION = ("cross_attention_kwargs", "joint_attention_kwargs")


@define(eq=False)
class Told:
    """What the networks of a pipeline were given: `denoiser`, call by call and flat by name, and the latents that were decoded."""

    denoiser: list[dict[str, Any]] = field(factory=list)
    decoded: list[Any] = field(factory=list)

    @contextmanager
    def of(self, denoiser: Any, vae: Any = None) -> Iterator[Told]:
        """Look on for a time."""
        hooks = [denoiser.register_forward_pre_hook(self._see, with_kwargs=True)]
        if vae is not None:
            hooks.append(vae.decoder.register_forward_pre_hook(lambda _, args: self.decoded.append(args[0])))
        try:
            yield self
        finally:
            for hook in hooks:
                hook.remove()

    def _see(self, network: Any, args: Any, kwargs: dict[str, Any]) -> None:
        given = {
            **dict(zip(inspect.signature(type(network).forward).parameters, (network, *args), strict=False)),
            **kwargs,
        }
        # A LoRA's scale goes by another way here, and is seen in what the network makes.
        told = {name: value for name, value in given.items() if name not in ("self", *_ATTENTION)}
        self.denoiser.append(dict(_flat(told)))


def _flat(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(values, (Mapping, list, tuple)):
        parts = values.items() if isinstance(values, Mapping) else enumerate(values)
        for part, value in parts:
            yield from _flat(value, f"{name}.{part}" if name else str(part))
    elif isinstance(values, torch.Tensor):
        yield name, values


def differences(mine: Told, theirs: Told) -> list[str]:
    """Say in what two pipelines told their networks something else. Residuals that are not given are zeros."""
    found = []
    if len(mine.denoiser) != len(theirs.denoiser):
        found.append(f"{len(mine.denoiser)} calls, and {len(theirs.denoiser)} in the classic")
    for i, (one, other) in enumerate(zip(mine.denoiser, theirs.denoiser, strict=False)):
        for name in {**one, **other}:
            found += [f"step {i}: {name} {said}" for said in different(name, one.get(name), other.get(name))]
    pairs = zip(mine.decoded, theirs.decoded, strict=True)
    found += [f"decoded latents {said}" for one, other in pairs for said in different("", one, other)]
    return found


def different(name: str, one: Any, other: Any) -> Iterator[str]:
    """Say in what two tensors differ; of residuals, one may be absent that is zeros."""
    if one is None or other is None:
        given = other if one is None else one
        if not any(word in name for word in ("residual", "controlnet")) or given.any():
            yield f"is only in the {'classic' if one is None else 'preset'}"
    elif one.dtype != other.dtype or one.shape != other.shape:
        yield f"is {one.dtype}{list(one.shape)}, and {other.dtype}{list(other.shape)} in the classic"
    elif not torch.equal(one, other):
        yield f"differs by {float((one.float() - other.float()).abs().max()):.3g}"
