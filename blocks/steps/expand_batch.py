"""From one row per prompt to one row per image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from ...families.contract import Denoiser
from ...registry.model_dtype import compute_dtype
from ...state import Conditioning, Fault, Group, Outputs
from ...state.vocabulary import BatchSize, DType, ImagesPerPrompt
from ..core.block import Block
from ..core.slots import component
from .encode_prompt import check_batch

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class ExpandBatch(Block):
    """Repeat embeddings for the images per prompt, in the denoiser's dtype, and say how many prompts there are."""

    denoiser: Denoiser = component(config_only=True, doc="Says in which dtype it is told embeddings.")

    class Out(Outputs):
        batch_size: BatchSize
        dtype: DType
        embeds: Annotated[Conditioning, Group("prompt_embeds")]

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say which embeddings of the caller's own are of other widths than the denoiser reads."""
        widths = self.family.embedding_widths(self.denoiser)
        denoiser = self.family.roles["denoiser"][0].name
        for part in self.family.fields("prompt_embeds"):
            expected = widths.get(part.source)
            for name in (part.positive, part.negative):
                value = given.get(name)
                if expected is not None and value is not None and value.shape[-1] != expected:
                    yield Fault(
                        f"{name} has the shape {list(value.shape)}, and {denoiser} reads embeddings that are {expected} wide; "
                        "make them with the text encoders that belong to it.",
                        name,
                    )

    def run(
        self,
        embeds: Annotated[Conditioning, Group("prompt_embeds")],
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        return self.Out(**self.rows(embeds, num_images_per_prompt))

    def rows(self, embeds: Conditioning, times: int) -> dict[str, Any]:
        """Return what the block writes, each row repeated so many times."""
        check_batch(embeds)
        # What callers have kept in half precision, and encoders in another dtype say, meets the weights of the denoiser; the
        # classic pipeline casts to the second encoder's dtype, and then needs that to be the denoiser's.
        dtype = compute_dtype(self.denoiser)
        hidden = embeds[self.family.fields("prompt_embeds")[0].positive]
        told = Conditioning(expanded(embeds, dtype, times))
        return {"batch_size": len(hidden), "dtype": self.family.latents_dtype(dtype), "embeds": told}


def expanded(embeds: Mapping[str, Tensor], dtype: torch.dtype, times: int) -> dict[str, Tensor]:
    """Return embeddings in a number format, and masks in their own, each row repeated so many times."""
    cast = {name: value.to(dtype) if value.is_floating_point() else value for name, value in embeds.items()}
    if times > 1:
        cast = {name: value.repeat_interleave(times, dim=0) for name, value in cast.items()}
    return cast
