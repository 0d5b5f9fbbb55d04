"""A seed for runs that were given none, so that every image can be made again."""

from __future__ import annotations

from typing import Any

GENERATOR = "generator"
"""The name under which blocks read a source of noise."""


def seeded_generator() -> Any:
    """Make a generator on the CPU with a new seed, drawn from torch's own: `torch.manual_seed` decides it."""
    import torch

    return torch.Generator().manual_seed(int(torch.randint(2**53, (1,))))
