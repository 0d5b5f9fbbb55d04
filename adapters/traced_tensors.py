"""Tensors that know of which others they were computed: for conversions of names that scale, cut and join what they rename."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch


class TracedTensor(torch.Tensor):
    """A tensor, and in whatever is computed of it, the names of the tensors that it came from."""

    sources: frozenset[str] = frozenset()

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute, and note the names of all tensors that were read."""
        found: Any = super().__torch_function__(func, types, args, kwargs or {})  # type: ignore[no-untyped-call]
        sources = frozenset().union(*(each.sources for each in _traced([args, kwargs])))
        for each in _traced(found):
            each.sources = sources
        return found


def traced(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return copies of tensors, each traced by its name; what is no tensor as it is. Some conversions write into what they are given."""
    made: dict[str, Any] = {}
    for name, value in values.items():
        made[name] = value
        if isinstance(value, torch.Tensor):
            made[name] = value.detach().clone().as_subclass(TracedTensor)
            made[name].sources = frozenset([name])
    return made


def sources_of(value: object) -> frozenset[str]:
    """Return the names of the tensors that a value was computed of."""
    return value.sources if isinstance(value, TracedTensor) else frozenset()


def _traced(value: object) -> Iterator[TracedTensor]:
    if isinstance(value, TracedTensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _traced(each)
    elif isinstance(value, dict):
        yield from _traced(list(value.values()))
