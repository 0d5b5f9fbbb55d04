"""Tell the denoiser about sizes and crops (micro-conditioning, Podell et al. 2023, section 2.2)."""

from __future__ import annotations

from ..state import Outputs
from ..state.vocabulary import (
    AestheticScore,
    BatchSize,
    CropCorner,
    Height,
    ImagesPerPrompt,
    PooledPromptEmbeds,
    Size,
    TimeIds,
    Width,
)
from .block import Block
from .contract import Denoiser
from .slots import component, config


class PrepareSizeConditioning(Block):
    """Make the rows of original size, crop corner and target size (https://arxiv.org/abs/2307.01952, section 2.2)."""

    denoiser: Denoiser = component(config_only=True)

    class Out(Outputs):
        add_time_ids: TimeIds
        negative_add_time_ids: TimeIds

    def run(
        self,
        height: Height,
        width: Width,
        batch_size: BatchSize,
        pooled_prompt_embeds: PooledPromptEmbeds,
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
        positive = self.rows(sizes, pooled_prompt_embeds, rows)
        if negative_original_size is None or negative_target_size is None:
            return self.Out(add_time_ids=positive, negative_add_time_ids=positive)
        sizes = (negative_original_size, negative_crops_coords_top_left, negative_target_size)
        return self.Out(add_time_ids=positive, negative_add_time_ids=self.rows(sizes, pooled_prompt_embeds, rows))

    def rows(self, sizes: tuple[tuple[float, ...], ...], pooled: PooledPromptEmbeds, rows: int) -> TimeIds:
        """The same numbers for every picture, checked against what the denoiser takes."""
        ids = self.family.size_ids(self.denoiser, sizes, pooled.shape[-1])
        return pooled.new_tensor([ids]).repeat(rows, 1)


class PrepareImageSizeConditioning(PrepareSizeConditioning):
    """Make the rows where a picture is given; refiners are told a rating in place of the target size."""

    requires_aesthetics_score: bool = config(False, doc="The denoiser is told a rating: it is a refiner.")

    def run(
        self,
        height: Height,
        width: Width,
        batch_size: BatchSize,
        pooled_prompt_embeds: PooledPromptEmbeds,
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
        positive: tuple[tuple[float, ...], ...] = (original, crops_coords_top_left, target)
        negative_crop = negative_crops_coords_top_left or crops_coords_top_left
        negative: tuple[tuple[float, ...], ...] = (negative_original, negative_crop, negative_target)
        if self.requires_aesthetics_score:
            positive = (original, crops_coords_top_left, (aesthetic_score,))
            negative = (negative_original, negative_crops_coords_top_left or (0, 0), (negative_aesthetic_score,))
        rows = batch_size * num_images_per_prompt
        return self.Out(
            add_time_ids=self.rows(positive, pooled_prompt_embeds, rows),
            negative_add_time_ids=self.rows(negative, pooled_prompt_embeds, rows),
        )
