"""Tell the denoiser about sizes and crops (micro-conditioning, Podell et al. 2023, section 2.2)."""

from __future__ import annotations

from ..state import Outputs
from ..state.vocabulary import BatchSize, CropCorner, Height, ImagesPerPrompt, PooledPromptEmbeds, Size, TimeIds, Width
from .block import Block
from .contract import Denoiser
from .slots import component


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
        positive = self._rows(sizes, pooled_prompt_embeds, rows)
        if negative_original_size is None or negative_target_size is None:
            return self.Out(add_time_ids=positive, negative_add_time_ids=positive)
        sizes = (negative_original_size, negative_crops_coords_top_left, negative_target_size)
        return self.Out(add_time_ids=positive, negative_add_time_ids=self._rows(sizes, pooled_prompt_embeds, rows))

    def _rows(self, sizes: tuple[Size, ...], pooled: PooledPromptEmbeds, rows: int) -> TimeIds:
        ids = self.family.size_ids(self.denoiser, sizes, pooled.shape[-1])
        return pooled.new_tensor([ids]).repeat(rows, 1)
