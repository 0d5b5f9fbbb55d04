"""A refiner: as the second network of a composition, where it shares the second text encoder and the VAE, and by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...blocks.core.block import Block
from ...blocks.core.insertable_dict import InsertableDict, SharedBlocks
from ...blocks.steps.denoise import Denoise
from ...blocks.steps.encode_prompt import EncodePrompt
from ...blocks.steps.expand_batch import ExpandBatch
from ...blocks.steps.hand_over import SetFirstPartialTimesteps, SetFirstTimesteps, SetLastTimesteps
from ...blocks.steps.prepare_size_conditioning import (
    PrepareImageSizeConditioning,
    PrepareRatedSizeConditioning,
    PrepareUnratedSizeConditioning,
)
from ...blocks.steps.set_timesteps import SetInpaintTimesteps, SetPartialTimesteps, SetTimesteps
from ...blocks.techniques.weighted_prompt import EncodeWeightedPrompt
from ...families.sdxl import SDXL, SDXL_REFINER, SDXL_REFINER_ALONE, SDXL_SECOND
from ...state import CompositionError
from ..tasks import Blocks, image2image, inpainting, named_blocks, with_prompt_weights
from .tasks import TEXT2IMAGE_BLOCKS

REFINER_BLOCKS: Blocks = SharedBlocks(
    "REFINER_BLOCKS",
    InsertableDict(
        refiner_text_encoder=EncodePrompt.bind(SDXL_REFINER),
        refiner_input=ExpandBatch.bind(SDXL_REFINER),
        refiner_set_timesteps=SetLastTimesteps.bind(SDXL_REFINER),
        refiner_prepare_add_cond=PrepareRatedSizeConditioning.bind(SDXL_REFINER),
        refiner_denoise=Denoise.bind(SDXL_REFINER),
    ),
)
"""What a refiner adds before the decoding, by name."""


SECOND_UNET_BLOCKS: Blocks = SharedBlocks(
    "SECOND_UNET_BLOCKS",
    InsertableDict(
        refiner_set_timesteps=SetLastTimesteps.bind(SDXL_SECOND),
        refiner_denoise=Denoise.bind(SDXL_SECOND),
    ),
)
"""What another UNet of the base's kind adds before the decoding, by name."""


def with_refiner(blocks: Mapping[str, Any] = TEXT2IMAGE_BLOCKS, refiner: Mapping[str, Any] = REFINER_BLOCKS) -> Blocks:
    """Return the blocks of text to image, or image to image, with a second network, the component `refiner`, that does the last steps.

    `hand_over=0.8` is what two pipelines of diffusers call `denoising_end` and `denoising_start`.

    Args:
        refiner: `REFINER_BLOCKS`, or `SECOND_UNET_BLOCKS` for a UNet of the base's kind, such as a fine-tuned one.

    Raises:
        CompositionError: the blocks are those of another task, or choose their timesteps in another way.
    """
    second = named_blocks(refiner, "with_refiner(refiner=...)", "REFINER_BLOCKS")
    made: Blocks = InsertableDict(named_blocks(blocks, "with_refiner(blocks)"))
    known = made.get("set_timesteps")
    first = next((block for plain, block in _FIRST.items() if known is plain.bind(SDXL)), None)
    if first is None:
        raise CompositionError(_no_task(known))
    made["set_timesteps"] = first.bind(SDXL)
    # Both would have one config that says whether the denoiser is told a rating; of the two only the refiner is.
    if made.get("prepare_add_cond") is PrepareImageSizeConditioning.bind(SDXL) and "refiner_prepare_add_cond" in second:
        made["prepare_add_cond"] = PrepareUnratedSizeConditioning.bind(SDXL)
    for name, block in second.items():
        made.insert_before("decode", name, block)
    # Both read one prompt, which has one syntax.
    return with_prompt_weights(made, SDXL) if EncodeWeightedPrompt.bind(SDXL) in made.values() else made


_FIRST: dict[type[Block], type[Block]] = {
    SetTimesteps: SetFirstTimesteps,
    SetPartialTimesteps: SetFirstPartialTimesteps,
}
"""What chooses the timesteps of a task, and what does so for the first of two networks."""


def _no_task(block: object) -> str:
    """Say why no second network can go on with a task, and what to do."""
    head = "with_refiner(blocks) hands the last steps of text to image or image to image to a second network, and"
    if block is None:
        return f"{head} there is no 'set_timesteps' among these blocks. Give those of a task: TEXT2IMAGE_BLOCKS or IMAGE2IMAGE_BLOCKS."
    if block is SetInpaintTimesteps.bind(SDXL):
        return (
            f"{head} these blocks are those of inpainting, which keeps what lies outside of the mask after every step; the refiner would "
            "draw over it. Let a refiner of its own go over the result: REFINER_INPAINT_BLOCKS, with the same mask and a small strength."
        )
    name = block.__name__ if isinstance(block, type) else type(block).__name__
    return (
        f"{head} 'set_timesteps' of these blocks is {name}, of which it does not know how it hands over. Give TEXT2IMAGE_BLOCKS or "
        "IMAGE2IMAGE_BLOCKS, and put blocks of your own into what with_refiner returns."
    )


def _rated(blocks: Blocks) -> Blocks:
    """Tell the denoiser a rating in place of the target size, unless the repository's index says otherwise."""
    blocks["prepare_add_cond"] = PrepareRatedSizeConditioning.bind(SDXL_REFINER_ALONE)
    return blocks


REFINER_IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("REFINER_IMAGE2IMAGE_BLOCKS", _rated(image2image(SDXL_REFINER_ALONE)))
"""Blocks of a refiner that is given an image, by name."""

REFINER_INPAINT_BLOCKS: Blocks = SharedBlocks("REFINER_INPAINT_BLOCKS", _rated(inpainting(SDXL_REFINER_ALONE)))
"""Blocks of a refiner that is given an image and a mask, by name."""
