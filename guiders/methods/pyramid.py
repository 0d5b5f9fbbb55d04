"""Laplacian pyramids (Burt and Adelson 1983, https://doi.org/10.1109/TCOM.1983.1095851)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_KERNEL = (1.0, 4.0, 6.0, 4.0, 1.0)
"""Binomial; its sum is 16."""


def laplacian_pyramid(images: Tensor, levels: int) -> list[Tensor]:
    """Split images `[b c h w]`, videos `[b c f h w]` frame by frame, or sounds `[b c t]`, of any size, into bands from high frequencies to low, each half as large as the one before.

    The last band is what is left.
    """
    if images.ndim == 3:
        return [band.squeeze(2) for band in laplacian_pyramid(images.unsqueeze(2), levels)]
    bands = []
    for _ in range(levels - 1):
        # Blurred first: halving alone would fold high frequencies into low ones.
        smaller = _resized(_blurred(images), [max(1, side // 2) for side in images.shape[-2:]])
        # Against what `sum_of_pyramid` will make of the smaller one, so that the bands add up to the image again.
        bands.append(images - _larger(smaller, list(images.shape[-2:])))
        images = smaller
    return [*bands, images]


def sum_of_pyramid(bands: list[Tensor]) -> Tensor:
    """Put images together of their bands."""
    if bands[-1].ndim == 3:
        return sum_of_pyramid([band.unsqueeze(2) for band in bands]).squeeze(2)
    images = bands[-1]
    for band in reversed(bands[:-1]):
        images = _larger(images, list(band.shape[-2:])) + band
    return images


def _larger(images: Tensor, size: list[int]) -> Tensor:
    return _blurred(_resized(images, size))


def _by_frame(change: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Return images changed, or videos with each frame changed as an image."""
    if images.ndim == 4:
        return change(images)
    changed = change(images.transpose(1, 2).flatten(0, 1))
    rows, _, frames = images.shape[:3]
    return changed.reshape(rows, frames, *changed.shape[1:]).transpose(1, 2)


def _resized(images: Tensor, size: list[int]) -> Tensor:
    import torch

    def resized(each: Tensor) -> Tensor:
        return torch.nn.functional.interpolate(each, size=size, mode="bilinear", align_corners=False)

    return _by_frame(resized, images)


def _blurred(images: Tensor) -> Tensor:
    """Convolve with the kernel along both sides; borders are reflected, where that is possible."""
    import torch

    kernel = _kernel(images.dtype, images.device).expand(images.shape[1], 1, 5, 5)
    # torch reflects only where a side is longer than the padding.
    mode = "reflect" if min(images.shape[-2:]) > 2 else "replicate"

    def blurred(each: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(each, (2, 2, 2, 2), mode=mode)
        return torch.nn.functional.conv2d(padded, kernel, groups=each.shape[1])

    return _by_frame(blurred, images)


@cache
def _kernel(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the kernel of both sides, `[5 5]`; kept, as making it of numbers of the host waits for the device each time."""
    import torch

    # Outside of inference mode: it is used by later calls, too, through which a gradient may go.
    with torch.inference_mode(False):
        line = torch.tensor(_KERNEL, dtype=dtype, device=device) / sum(_KERNEL)
        return torch.outer(line, line)
