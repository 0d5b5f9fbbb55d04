"""Casts models, and says where they are. It casts without a remark that says nothing: diffusers 0.42.1 warns at every cast, also of models that keep no part in float32."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_LOGGER = "diffusers.models.modeling_utils"
_EMPTY = "should be kept in float32: []"
"""How the warning of `ModelMixin.to` reads where there are no such parts; it asks whether the list is None, which it never is."""


def cast(model: Any, **to: object) -> Any:
    """Return `model.to(...)`; what diffusers says of parts that should stay in float32 is said where there are some."""
    with without_empty_remark():
        return model.to(**to)


@contextmanager
def without_empty_remark() -> Iterator[None]:
    """Keep the remark away that no part of a model stays in float32."""
    logger = logging.getLogger(_LOGGER)
    unsaid = _Unsaid()
    logger.addFilter(unsaid)
    try:
        yield
    finally:
        logger.removeFilter(unsaid)


def is_on(model: torch.nn.Module, device: torch.device) -> bool:
    """Return whether all parameters and buffers of a model are on a device."""
    # Past `parameters()` and `buffers()`, which go through all modules twice and build every path: ten times as long.
    left, seen = [model], {id(model)}
    while left:
        module = left.pop()
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None and tensor.device != device:
                return False
        for child in module._modules.values():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                left.append(child)
    return True


class _Unsaid(logging.Filter):
    """A filter of its own for each call, so that threads do not take away one another's."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is to be shown."""
        return _EMPTY not in record.getMessage()
