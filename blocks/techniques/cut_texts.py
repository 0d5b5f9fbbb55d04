"""Embeddings of texts without what is padding in all of them."""

from __future__ import annotations

from typing import Annotated

from ...state import Conditioning, Group, Outputs
from ..core.block import Block


class CutTexts(Block):
    """Cut embeddings of texts, and of negative ones, behind the longest of the texts: one token of padding is left."""

    class Out(Outputs):
        embeds: Annotated[Conditioning, Group("prompt_embeds")]

    def run(self, embeds: Annotated[Conditioning, Group("prompt_embeds")]) -> Out:
        fields = self.family.fields("prompt_embeds")
        (mask,) = (part for part in fields if part.source == "mask")
        kept = int(embeds[mask.positive].sum(dim=-1).max()) + 1
        return self.Out(embeds=Conditioning({name: value[:, :kept] for name, value in embeds.items()}))
