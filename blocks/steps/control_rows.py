"""Rows of control images and of what ControlNets say of them, in a batch of several branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .predict_noise import repeated


def repeated_images(images: Any, count: int) -> Any:
    """Control images of one net, once per branch."""
    return [repeated(each, count) for each in images] if isinstance(images, list) else repeated(images, count)


def residuals_of(value: Any, told: Sequence[bool], count: int) -> Any:
    """Residuals of some branches, with zeros for the others between them."""
    import torch

    if isinstance(value, list):
        return [residuals_of(each, told, count) for each in value]
    rows = iter(value.split(count))
    return torch.cat([next(rows) if is_told else torch.zeros_like(value[:count]) for is_told in told])


def residuals_for_all(value: Any, count: int) -> Any:
    """Residuals once per branch; what is no tensor is for all."""
    if isinstance(value, list):
        return [residuals_for_all(each, count) for each in value]
    return repeated(value, count) if hasattr(value, "shape") else value
