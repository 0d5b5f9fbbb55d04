"""How near images are to others, pixel by pixel: PSNR, and SSIM (Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...state import InputError, Outputs
from ...state.vocabulary import ComparedImages, Images, ImageScores
from ..core.block import Block
from .compared_images import compared_pixels

if TYPE_CHECKING:
    from torch import Tensor

_WINDOW = 11
_SIGMA = 1.5
"""Of the window's Gaussian, in pixels; both as in the paper."""
_LIGHT, _CONTRAST = 0.01**2, 0.03**2
"""What keeps the ratios finite where images are dark or even, for numbers in 0..1."""


def psnr(images: Tensor, reference: Tensor) -> Tensor:
    """Return decibels for each pair `[b c h w]` in 0..1; infinite where they are equal."""
    error = (images - reference).square().flatten(1).mean(1)
    return -10 * error.log10()


def ssim(images: Tensor, reference: Tensor) -> Tensor:
    """Return the structural similarity, 1 for equal ones, of each pair `[b c h w]` in 0..1.

    Beyond their edges images are mirrored, as torchmetrics (1.9) does it; scikit-image leaves out places near the edges.
    """
    import torch

    channels = images.shape[1]
    along = torch.arange(_WINDOW, dtype=images.dtype) - _WINDOW // 2
    weights = (-(along**2) / (2 * _SIGMA**2)).exp()
    window = torch.outer(weights, weights) / weights.sum() ** 2
    kernel, margin = window.expand(channels, 1, -1, -1), [_WINDOW // 2] * 4

    def mean(values: Tensor) -> Tensor:
        return torch.nn.functional.conv2d(torch.nn.functional.pad(values, margin, "reflect"), kernel, groups=channels)

    one, other = mean(images), mean(reference)
    # Rounding makes differences of squares negative where images are even.
    spread_one, spread_other = (mean(images**2) - one**2).clamp(min=0), (mean(reference**2) - other**2).clamp(min=0)
    together = mean(images * reference) - one * other
    light = (2 * one * other + _LIGHT) / (one**2 + other**2 + _LIGHT)
    structure = (2 * together + _CONTRAST) / (spread_one + spread_other + _CONTRAST)
    return (light * structure).flatten(1).mean(1)


class MeasurePSNR(Block):
    """Say how near images are to others, in decibels: 10 log10(1 / mean squared error) of numbers in 0..1; infinite for equal ones.

    Example:
        >>> import torch
        >>> MeasurePSNR().run(images=torch.full((1, 3, 8, 8), 0.25), reference_images=torch.full((1, 3, 8, 8), 0.75)).psnr
        [6.02...]
    """

    class Out(Outputs):
        psnr: ImageScores

    def run(self, images: Images, reference_images: ComparedImages) -> Out:
        return self.Out(psnr=psnr(*compared_pixels(images, reference_images)).tolist())


class MeasureSSIM(Block):
    """Say how alike images are to others in light, contrast and structure: 1 for equal ones (a window of 11 pixels, sigma 1.5)."""

    class Out(Outputs):
        ssim: ImageScores

    def run(self, images: Images, reference_images: ComparedImages) -> Out:
        one, other = compared_pixels(images, reference_images)
        if min(one.shape[-2:]) < _WINDOW:
            raise InputError(
                f"images are {one.shape[-1]}x{one.shape[-2]} pixels; SSIM looks through a window of {_WINDOW}x{_WINDOW}. Measure larger images."
            )
        return self.Out(ssim=ssim(one, other).tolist())
