"""Attention processors that a network has, as far as techniques ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def has_processors_with_weights(network: torch.nn.Module) -> bool:
    """Return whether some have weights, as those of an IP-Adapter: whoever puts others in their place loses them."""
    return any(hasattr(vars(module)["_modules"].get("processor"), "named_parameters") for module in network.modules())
