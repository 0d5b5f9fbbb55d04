"""Blurs tokens as the image that they stand for (Hong 2024, https://arxiv.org/abs/2408.00760, section 4.2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def blurred_tokens(tokens: Tensor, sigma: float, aspect: float) -> Tensor:
    """Blur tokens `[b n c]` by a Gaussian over their grid; an infinite one takes the mean.

    Args:
        sigma: in tokens. aspect: height of the grid by its width; tokens beyond the grid (of a text) stay as they are.
    """
    count = tokens.shape[1]
    height, width = grid_of(count, aspect)
    image = tokens[:, : height * width].transpose(1, 2).reshape(tokens.shape[0], -1, height, width)
    if math.isinf(sigma):
        smooth = image.mean(dim=(-2, -1), keepdim=True).expand_as(image)
    else:
        smooth = _gaussian(_gaussian(image, sigma, -1), sigma, -2)
    import torch

    return torch.cat([smooth.flatten(2).transpose(1, 2), tokens[:, height * width :]], dim=1)


def grid_of(count: int, aspect: float) -> tuple[int, int]:
    """Return the largest grid of about this aspect that so many tokens fill."""
    width = max(1, round(math.sqrt(count / aspect)))
    height = max(1, round(width * aspect))
    while height * width > count:
        width -= 1
        height = max(1, round(width * aspect))
    return height, width


def _gaussian(image: Tensor, sigma: float, dim: int) -> Tensor:
    """Return one side of a separable Gaussian; borders are repeated."""
    import torch

    # Beyond three deviations a Gaussian has 0.3 % of its weight.
    reach = max(1, math.ceil(3 * sigma))
    places = torch.arange(-reach, reach + 1, dtype=image.dtype, device=image.device)
    weights = torch.exp(-0.5 * (places / sigma).square())
    weights = weights / weights.sum()
    size = image.shape[dim]
    at = torch.arange(size, device=image.device)
    blurred = torch.zeros_like(image)
    for offset, weight in zip(range(-reach, reach + 1), weights, strict=True):
        # By shifted sums, whose clamped indices repeat the border however wide the blur is.
        blurred = blurred + weight * image.index_select(dim, (at + offset).clamp(0, size - 1))
    return blurred
