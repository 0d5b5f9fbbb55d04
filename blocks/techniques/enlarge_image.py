"""The image of a first pass, made larger for a second one over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from ...state import Outputs
from ...state.vocabulary import CleanPixels, Height, Value, Width
from ..core.block import Block

if TYPE_CHECKING:
    from torch import Tensor

EnlargeBy = Annotated[float, Value(doc="How many times as high and wide the image of the second pass is.", low=1)]


class EnlargeImage(Block):
    """Make the image of a first pass larger, to the next size that the family has."""

    class Out(Outputs):
        enlarged_pixels: Annotated[
            Tensor, Value("b 3 rows columns", "The image of the first pass, enlarged, in 0..1.", dtype="float")
        ]
        enlarged_height: Height
        enlarged_width: Width

    def run(self, clean_pixels: CleanPixels, enlarge_by: EnlargeBy = 2.0) -> Out:
        from torch.nn.functional import interpolate

        multiple = self.family.size_multiple
        height, width = (max(1, round(side * enlarge_by / multiple)) * multiple for side in clean_pixels.shape[-2:])
        # In single precision, as half precision has no such filter on the CPU; it may go beyond the range at edges.
        larger = interpolate(clean_pixels.float(), size=(height, width), mode="bicubic", antialias=True)
        pixels = larger.clamp(0, 1).to(clean_pixels.dtype)
        return self.Out(enlarged_pixels=pixels, enlarged_height=height, enlarged_width=width)
