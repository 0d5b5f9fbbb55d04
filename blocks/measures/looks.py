"""How different images look, by LPIPS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...state import InputError, Outputs
from ...state.vocabulary import ComparedImages, Images, ImageScores
from ..core.block import Block
from ..core.slots import component
from .compared_images import compared_pixels

if TYPE_CHECKING:
    from .lpips_network import LpipsNetwork

_SMALLEST = 32
"""Of a side in pixels: below, the last layers have no place left."""


class MeasureLPIPS(Block):
    """Say how different images look from others: 0 for equal ones, less is nearer. Its weights are the caller's (`LpipsNetwork`)."""

    lpips: LpipsNetwork = component(doc="Compares images in several layers.")

    class Out(Outputs):
        lpips_distance: ImageScores

    def run(self, images: Images, reference_images: ComparedImages) -> Out:
        one, other = compared_pixels(images, reference_images)
        if min(one.shape[-2:]) < _SMALLEST:
            raise InputError(
                f"images are {one.shape[-1]}x{one.shape[-2]} pixels; LPIPS sees {_SMALLEST}x{_SMALLEST} and larger ones."
            )
        seen, beside = (each.mul(2).sub(1).to(self.device, self.lpips.dtype) for each in (one, other))
        return self.Out(lpips_distance=self.lpips(seen, beside).tolist())
