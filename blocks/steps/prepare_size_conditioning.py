"""Tell the denoiser about sizes and crops (micro-conditioning, Podell et al. 2023, section 2.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from ...families.contract import Denoiser
from ...state import Conditioning, Fault, Group, InputError, Outputs
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
                    yield Fault(f"{name} has the shape {list(value.shape)}. {error}", name)

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
        fields = self.family.fields("prompt_embeds")
        # Families without a pooled vector are told sizes by themselves, in the dtype of what they are told of text.
        pooled = embeds[next((each for each in fields if each.source == "pooled"), fields[0]).positive]
        told = self._rows(positive, pooled, rows)
        told_negative = told if negative is positive else self._rows(negative, pooled, rows)
        return self.Out(sizes=Conditioning({part.positive: told, part.negative: told_negative}))

    def _each_by_itself(
        self, positive: Sizes, negative: Sequence[tuple[float, ...] | None], embeds: Conditioning, rows: int
    ) -> Out:
        """Return them where each of the negative ones that is not given is the positive one, as in the classic pipelines of images."""
        own = tuple(given or other for given, other in zip(negative, positive, strict=True))
        return self.told(positive, own, embeds, rows)

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
        original, target = original_size or (height, width), target_size or (height, width)
        rows = batch_size * num_images_per_prompt
        if self.requires_aesthetics_score:
            positive: Sizes = (original, crops_coords_top_left, (aesthetic_score,))
            corner = negative_crops_coords_top_left or (0, 0)
            return self.told(
                positive, (negative_original_size or original, corner, (negative_aesthetic_score,)), embeds, rows
            )
        negative = (negative_original_size, negative_crops_coords_top_left, negative_target_size)
        return self._each_by_itself((original, crops_coords_top_left, target), negative, embeds, rows)


class PrepareUnratedSizeConditioning(PrepareSizeConditioning):
    """Make the rows where an image is given, for a denoiser that is followed by a refiner: the rating is for that alone."""

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
    ) -> PrepareSizeConditioning.Out:
        positive = (original_size or (height, width), crops_coords_top_left, target_size or (height, width))
        negative = (negative_original_size, negative_crops_coords_top_left, negative_target_size)
        return self._each_by_itself(positive, negative, embeds, batch_size * num_images_per_prompt)


class PrepareRatedSizeConditioning(PrepareImageSizeConditioning):
    """Make the rows of a refiner that follows another denoiser."""

    requires_aesthetics_score: bool = config(True, doc="The refiner is told a rating in place of the target size.")
