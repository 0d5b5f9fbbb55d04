"""Compositions without a fault: the blocks of SDXL, edited, and foreign blocks."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from rows import Right
from toys import block, chain

from brickwork import BrickworkError, SequentialPipelineBlocks
from brickwork.blocks import adopt
from brickwork.presets.sdxl import (
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    SAFETY_BLOCKS,
    SECOND_UNET_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    with_adapter,
    with_control,
    with_refiner,
)

PRESETS = "blocks of SDXL"
SHARED = "shared presets"
FOREIGN = "foreign blocks"


def preset(blocks: Any, *edits: Any) -> Any:
    """The blocks of a task after edits."""
    made = SequentialPipelineBlocks.from_blocks_dict(blocks)
    for edit in edits:
        edit(made)
    return made


def kept_after(spoil: Any) -> Any:
    """The blocks of who comes after somebody who has changed the shared dict, or was refused; it is put right again."""
    kept = list(TEXT2IMAGE_BLOCKS.items())
    try:
        with suppress(BrickworkError, AttributeError, TypeError):
            spoil(TEXT2IMAGE_BLOCKS)
        return preset(TEXT2IMAGE_BLOCKS)
    finally:
        if list(TEXT2IMAGE_BLOCKS.items()) != kept:
            dict.clear(TEXT2IMAGE_BLOCKS)
            dict.update(TEXT2IMAGE_BLOCKS, kept)


def foreign(path: str, name: str) -> Any:
    """An adopted block of diffusers."""
    from importlib import import_module

    return adopt(getattr(import_module(f"diffusers.modular_pipelines.stable_diffusion_xl.{path}"), name))


def whole(blocks: Any) -> bool:
    """Whether no block is missing."""
    return {"denoise", "decode"} <= set(blocks.sub_blocks) and len(blocks.sub_blocks) == 7


ROWS = [
    *[
        Right(PRESETS, name, lambda blocks=blocks: preset(blocks()))
        for name, blocks in [
            ("inpainting", lambda: INPAINT_BLOCKS),
            ("image to image, with a check of safety", lambda: {**IMAGE2IMAGE_BLOCKS, **SAFETY_BLOCKS}),
            ("inpainting, steered", lambda: with_control(INPAINT_BLOCKS)),
            ("with an adapter", lambda: with_adapter(TEXT2IMAGE_BLOCKS)),
            ("with a refiner", with_refiner),
            ("with a second UNet", lambda: with_refiner(refiner=SECOND_UNET_BLOCKS)),
        ]
    ],
    Right(PRESETS, "latents are the result", lambda: preset(TEXT2IMAGE_BLOCKS, lambda b: b.pop("decode"))),
    Right(
        PRESETS,
        "a block of the loop replaced by one that does as much",
        lambda: preset(
            TEXT2IMAGE_BLOCKS,
            lambda b: b.replace(
                "denoise.after_denoiser",
                block("noise_pred: Tensor, latents: Tensor -> latents: Tensor = latents - noise_pred", "Step"),
            ),
        ),
    ),
    Right(SHARED, "a block popped", lambda: kept_after(lambda blocks: blocks.pop("decode")), None, {}, whole),
    Right(
        SHARED,
        "a block inserted",
        lambda: kept_after(lambda blocks: blocks.insert("more", block("x: int -> y: int = x"), 0)),
        None,
        {},
        whole,
    ),
    Right(SHARED, "a block deleted", lambda: kept_after(lambda blocks: blocks.__delitem__("decode")), None, {}, whole),
    Right(
        SHARED,
        "a copy changed",
        lambda: preset({name: part for name, part in TEXT2IMAGE_BLOCKS.items() if name != "decode"}),
        None,
        {},
        lambda blocks: "decode" in TEXT2IMAGE_BLOCKS and "decode" not in blocks.sub_blocks,
    ),
    Right(
        SHARED,
        "a composition edited",
        lambda: [preset(TEXT2IMAGE_BLOCKS, lambda b: b.pop("denoise.after_denoiser")), preset(TEXT2IMAGE_BLOCKS)][1],
        None,
        {},
        lambda blocks: "after_denoiser" in blocks.sub_blocks["denoise"].sub_blocks,
    ),
    Right(FOREIGN, "a decoder", lambda: chain(decode=foreign("decoders", "StableDiffusionXLDecodeStep"))),
    Right(
        FOREIGN,
        "behind the blocks of ours",
        lambda: preset(
            TEXT2IMAGE_BLOCKS, lambda b: b.replace("decode", foreign("decoders", "StableDiffusionXLDecodeStep"))
        ),
    ),
    Right(
        FOREIGN,
        "an encoder before our blocks",
        lambda: chain(
            text_encoder=foreign("encoders", "StableDiffusionXLTextEncoderStep"),
            counter="prompt_embeds: Tensor -> found: int = 1",
        ),
    ),
]
