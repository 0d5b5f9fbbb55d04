"""From one row per prompt to one row per image."""

from __future__ import annotations

from typing import Annotated

from ...state import Conditioning, Group, Outputs
from ...state.vocabulary import BatchSize, DType, ImagesPerPrompt
from ..core.block import Block
from .encode_prompt import check_batch


class ExpandBatch(Block):
    """Repeat embeddings for the images per prompt, and say how many prompts there are."""

    class Out(Outputs):
        batch_size: BatchSize
        dtype: DType
        embeds: Annotated[Conditioning, Group("prompt_embeds")]

    def run(
        self,
        embeds: Annotated[Conditioning, Group("prompt_embeds")],
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        check_batch(embeds)
        repeated = embeds
        if num_images_per_prompt > 1:
            rows = {name: value.repeat_interleave(num_images_per_prompt, dim=0) for name, value in embeds.items()}
            repeated = Conditioning(rows)
        hidden = embeds[self.family.fields("prompt_embeds")[0].positive]
        return self.Out(batch_size=len(hidden), dtype=hidden.dtype, embeds=repeated)
