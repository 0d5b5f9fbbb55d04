"""Images with a seed that measures are tried on, as PIL images and as numbers."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image


def noise_images(count: int, seed: int, size: int = 64) -> list[Image.Image]:
    """Noise, another for each seed."""
    random = np.random.default_rng(seed)
    return [Image.fromarray(random.integers(0, 255, (size, size, 3), dtype=np.uint8)) for _ in range(count)]


def as_tensor(images: list[Image.Image]) -> torch.Tensor:
    """Return `[b 3 h w]` in 0..1, in float64."""
    return torch.as_tensor(np.stack([np.asarray(each, np.float64) for each in images])).movedim(-1, 1) / 255
