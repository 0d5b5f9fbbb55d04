"""Measures of many images: features that are gathered batch by batch, and a loop over files of images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...state import InputError, Outputs
from ...state.vocabulary import ImageFiles, Images, MeasuredAtOnce, MeasuredFeatures
from ..core.block import Block
from ..core.loop import LoopSequentialPipelineBlocks
from ..core.slots import component
from ..steps.image_reading import as_turned, read_image
from .compared_images import pixels_of_images

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

PixelForm = Literal["uint8", "0..1", "-1..1"]
"""What an extractor reads: bytes, as those of torch-fidelity and torchmetrics do, or numbers in a range."""


class OverImages(LoopSequentialPipelineBlocks):
    """Go through files of images, some at a time, so that never all of them are in memory."""

    class Vars(Outputs):
        images: Images

    def iterate(self, image_files: ImageFiles, measured_at_once: MeasuredAtOnce = 16) -> Iterator[Vars]:
        """One iteration for each batch; images stand in the order of their files."""
        if not image_files:
            raise InputError("image_files is empty; give the paths of images.")
        for start in range(0, len(image_files), measured_at_once):
            part = image_files[start : start + measured_at_once]
            yield self.Vars(images=[as_turned(read_image(Path(each)), each) for each in part])

    def count(self, image_files: ImageFiles, measured_at_once: MeasuredAtOnce = 16) -> int:
        """As many as there are batches."""
        return -(-len(image_files) // measured_at_once)


class GatherFeatures(Block):
    """Gather what an extractor says of images, batch by batch, behind what was gathered before: for FID and KID features, for the inception score logits.

    The extractor is any module that makes rows of images, and is the caller's; nothing is downloaded. Of batches within a loop the
    features are carried from one to the next, so that snapshots hold them.

    Attributes:
        reads: what the extractor is given, of the images' own size: "uint8" `[b 3 h w]`, or numbers in "0..1" or "-1..1".
    """

    extractor: Module = component(doc="Makes a row of numbers of each image.")
    reads: PixelForm = "uint8"

    class Out(Outputs):
        features: MeasuredFeatures

    def run(self, images: Images, features: MeasuredFeatures | None = None) -> Out:
        pixels = pixels_of_images(images, "images")
        found = _rows_of(self.extractor(_as_read(pixels, self.reads).to(self.device)), len(pixels))
        return self.Out(features=[*(features or ()), found])


def _as_read(pixels: Tensor, form: PixelForm) -> Tensor:
    if form == "uint8":
        return (pixels * 255).round().byte()
    return (pixels if form == "0..1" else pixels * 2 - 1).float()


def _rows_of(said: Any, count: int) -> Tensor:
    """Return what an extractor said as rows in float32 on the CPU; those of torch-fidelity say it in a tuple.

    Raises:
        InputError: they are no rows, one for each image.
    """
    rows = said[0] if isinstance(said, tuple) and len(said) == 1 else said
    shape = list(getattr(rows, "shape", ()))
    if len(shape) != 2 or shape[0] != count:
        got = f"a tensor {shape}" if shape else type(rows).__name__
        raise InputError(
            f"The extractor gave {got} for {count} images; it is to give [{count}, features], a row for each."
        )
    found: Tensor = rows.detach().float().cpu()
    return found
