"""How much memory runs may take beside the models, and how much one is expected to take."""

from __future__ import annotations

import os

from .served_workflow import Work

BYTES_PER_PIXEL = 4096
"""Bytes that a run takes for each pixel of its images, at most in the models that were looked at (decoding in float32)."""
_BASE = 64 << 20
"""Bytes of a run of the smallest image."""
_FRACTION = 0.9


def bytes_of(work: Work) -> int:
    """Return how many bytes a run is expected to take beside the models."""
    return _BASE + work.pixels * BYTES_PER_PIXEL


def pixels_in(size: float) -> int:
    """Return how many pixels a run may have that takes so many bytes."""
    return max(0, int((size - _BASE) // BYTES_PER_PIXEL))


def free_bytes() -> int:
    """Return how many bytes are free now, on the accelerator if there is one, else in the host's memory."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0] * _FRACTION)
    return max(_BASE, int(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * _FRACTION))
