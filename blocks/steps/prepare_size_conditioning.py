"""Tell the denoiser about sizes and crops (micro-conditioning, Podell et al. 2023, section 2.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from ...families.contract import Denoiser
from ...state import Conditioning, Group, InputError, Outputs
from ...state.vocabulary import (
    AestheticScore,
    BatchSize,
    CropCorner,
    Height,
    ImagesPerPrompt,
    Size,
    Width,
)
from ..core.block import Block
from ..core.slots import component, config

Sizes = tuple[tuple[float, ...], ...]
"""Original size, crop corner, and target size or rating."""


class PrepareSizeConditioning(Block):
    """Make the rows of original size, crop corner and target size (https://arxiv.org/abs/2307.01952, section 2.2)."""

    denoiser: Denoiser = component(config_only=True)

    class Out(Outputs):
        sizes: Annotated[Conditioning, Group("sizes")]

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say which pooled embeddings of the caller's own the denoiser does not take beside sizes."""
        pooled = [part for part in self.family.fields("prompt_embeds") if part.source == "pooled"]
        for name in (name for part in pooled for name in (part.positive, part.negative)):
            value = given.get(name)
            if value is not None:
                try:
                    self.family.size_ids(self.denoiser, self._alike(), value.shape[-1])
                except InputError as error:
                    yield f"{name} has the shape {list(value.shape)}. {error}"

    def _alike(self) -> Sizes:
        """Return as many numbers as the denoiser is told."""
        return ((0, 0), (0, 0), (0, 0))

    def run(
        self,
        height: Height,
        width: Width,
        batch_size: BatchSize,
        embeds: Annotated[Conditioning, Group("prompt_embeds", "positive")],
        num_images_per_prompt: ImagesPerPrompt = 1,
        original_size: Size | None = None,
        crops_coords_top_left: CropCorner = (0, 0),
        target_size: Size | None = None,
        negative_original_size: Size | None = None,
        negative_crops_coords_top_left: CropCorner = (0, 0),
        negative_target_size: Size | None = None,
    ) -> Out:
        whole = (height, width)
        rows = batch_size * num_images_per_prompt
        sizes = (original_size or whole, crops_coords_top_left, target_size or whole)
        # Both or none, as in the classic text-to-image pipeline; that of images takes each by itself.
        if negative_original_size is None or negative_target_size is None:
            return self.told(sizes, sizes, embeds, rows)
        negative = (negative_original_size, negative_crops_coords_top_left, negative_target_size)
        return self.told(sizes, negative, embeds, rows)

    def told(self, positive: Sizes, negative: Sizes, embeds: Conditioning, rows: int) -> Out:
        """Return the same numbers for every image, checked against what the denoiser takes."""
        (part,) = self.family.fields("sizes")
        pooled = next(embeds[each.positive] for each in self.family.fields("prompt_embeds") if each.source == "pooled")
        told = self._rows(positive, pooled, rows)
        told_negative = told if negative is positive else self._rows(negative, pooled, rows)
        return self.Out(sizes=Conditioning({part.positive: told, part.negative: told_negative}))

    def _rows(self, sizes: Sizes, pooled: Any, rows: int) -> Any:
        ids = self.family.size_ids(self.denoiser, sizes, pooled.shape[-1])
        return pooled.new_tensor([ids]).repeat(rows, 1)


class PrepareImageSizeConditioning(PrepareSizeConditioning):
    """Make the rows where an image is given; refiners are told a rating in place of the target size."""

    requires_aesthetics_score: bool = config(False, doc="The denoiser is told a rating: it is a refiner.")

    def _alike(self) -> Sizes:
        return ((0, 0), (0, 0), (0,)) if self.requires_aesthetics_score else super()._alike()

    def run(
        self,
        height: Height,
        width: Width,
        batch_size: BatchSize,
        embeds: Annotated[Conditioning, Group("prompt_embeds", "positive")],
        num_images_per_prompt: ImagesPerPrompt = 1,
        original_size: Size | None = None,
        crops_coords_top_left: CropCorner = (0, 0),
        target_size: Size | None = None,
        negative_original_size: Size | None = None,
        negative_crops_coords_top_left: CropCorner | None = None,
        negative_target_size: Size | None = None,
        aesthetic_score: AestheticScore = 6.0,
        negative_aesthetic_score: AestheticScore = 2.5,
    ) -> PrepareSizeConditioning.Out:
        whole = (height, width)
        original, target = original_size or whole, target_size or whole
        negative_original, negative_target = negative_original_size or original, negative_target_size or target
        positive: Sizes = (original, crops_coords_top_left, target)
        negative_crop = negative_crops_coords_top_left or crops_coords_top_left
        negative: Sizes = (negative_original, negative_crop, negative_target)
        if self.requires_aesthetics_score:
            positive = (original, crops_coords_top_left, (aesthetic_score,))
            negative = (negative_original, negative_crops_coords_top_left or (0, 0), (negative_aesthetic_score,))
        rows = batch_size * num_images_per_prompt
        return self.told(positive, negative, embeds, rows)


class PrepareRatedSizeConditioning(PrepareImageSizeConditioning):
    """Make the rows of a refiner that follows another denoiser."""

    requires_aesthetics_score: bool = config(True, doc="The refiner is told a rating in place of the target size.")
