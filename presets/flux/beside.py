"""FLUX.1 with images that the transformer is told besides: Fill, Control (depth, edges), Kontext, Redux, and ControlNets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...blocks.core.insertable_dict import InsertableDict, SharedBlocks
from ...blocks.steps.denoise import Denoise
from ...blocks.steps.encode_beside import (
    EncodeControlImage,
    EncodeInpaintReferenceTokens,
    EncodeMaskedChannels,
    EncodeReferenceTokens,
)
from ...blocks.steps.encode_inpaint import DrawForMasked, EncodeLikelyInpaintImage
from ...blocks.steps.prepare_image_latents import PrepareImageLatents
from ...blocks.steps.resolve_size import ResolveArea, ResolveImageSize
from ...blocks.techniques.image_as_text import AddImagesToPrompt, PromptForImages, ZeroPrompt
from ...families.flux import FLUX, FLUX_FILL, FLUX_KONTEXT, FLUX_REDUX
from ..tasks import Blocks, image2image, inpainting, named_blocks, text2image, with_control


def with_control_image(blocks: Mapping[str, Any]) -> Blocks:
    """Return the blocks of a task for transformers that read a control image in further channels.

    Its latents are drawn before those of other images, as in the classic pipeline.
    """
    made: Blocks = InsertableDict(named_blocks(blocks, "with_control_image(blocks)"))
    encoder = made.pop("image_encoder", None)
    if encoder is not None:
        made.insert_after("input", "image_encoder", encoder)
    made.insert_after("input", "control_image_encoder", EncodeControlImage.bind(FLUX))
    if "prepare_mask" in made:
        made.insert_after("input", "draw_for_masked", DrawForMasked.bind(FLUX))
    return made


def _fill() -> Blocks:
    made = inpainting(FLUX_FILL)
    made.insert_after("set_timesteps", "image_encoder", made.pop("image_encoder"))
    # What lies outside of the mask is read, and not blended in.
    made["prepare_latents"] = PrepareImageLatents.bind(FLUX_FILL)
    made["prepare_masked_image"] = EncodeMaskedChannels.bind(FLUX_FILL)
    made["denoise"] = Denoise.bind(FLUX_FILL)
    return made


def _redux() -> Blocks:
    return text2image(FLUX_REDUX).insert_after("text_encoder", "image_prompt", AddImagesToPrompt.bind(FLUX_REDUX))


def _kontext() -> Blocks:
    made = text2image(FLUX_KONTEXT)
    made["resolve_size"] = ResolveArea.bind(FLUX_KONTEXT)
    return made.insert_after("input", "image_encoder", EncodeReferenceTokens.bind(FLUX_KONTEXT))


def _kontext_inpainting() -> Blocks:
    made = inpainting(FLUX_KONTEXT)
    made["resolve_size"] = ResolveImageSize.bind(FLUX_KONTEXT)
    made["image_encoder"] = EncodeLikelyInpaintImage.bind(FLUX_KONTEXT)
    return made.insert_after("input", "reference_encoder", EncodeInpaintReferenceTokens.bind(FLUX_KONTEXT))


REDUX_BLOCKS: Blocks = SharedBlocks("REDUX_BLOCKS", _redux())
"""Blocks of text to image whose prompt is text and images, by name."""

REDUX_PRIOR_BLOCKS: Blocks = SharedBlocks(
    "REDUX_PRIOR_BLOCKS",
    {"text_encoder": PromptForImages.bind(FLUX_REDUX), "image_prompt": AddImagesToPrompt.bind(FLUX_REDUX)},
)
"""Blocks that make `prompt_embeds` and `pooled_prompt_embeds` of text and images, by name."""

REDUX_IMAGE_PRIOR_BLOCKS: Blocks = SharedBlocks(
    "REDUX_IMAGE_PRIOR_BLOCKS",
    InsertableDict(text_encoder=ZeroPrompt.bind(FLUX_REDUX), image_prompt=REDUX_BLOCKS["image_prompt"]),
)
"""Blocks that make `prompt_embeds` and `pooled_prompt_embeds` of images alone, without text encoders, by name."""

FILL_BLOCKS: Blocks = SharedBlocks("FILL_BLOCKS", _fill())
"""Blocks of FLUX.1 Fill, by name."""

KONTEXT_BLOCKS: Blocks = SharedBlocks("KONTEXT_BLOCKS", _kontext())
"""Blocks of FLUX.1 Kontext, by name."""

KONTEXT_INPAINT_BLOCKS: Blocks = SharedBlocks("KONTEXT_INPAINT_BLOCKS", _kontext_inpainting())
"""Blocks of inpainting with FLUX.1 Kontext, which reads the image itself or another one, by name."""

CONTROLNET_TEXT2IMAGE: Blocks = SharedBlocks("CONTROLNET_TEXT2IMAGE", with_control(text2image(FLUX), FLUX))
CONTROLNET_IMAGE2IMAGE: Blocks = SharedBlocks("CONTROLNET_IMAGE2IMAGE", with_control(image2image(FLUX), FLUX))
CONTROLNET_INPAINT: Blocks = SharedBlocks("CONTROLNET_INPAINT", with_control(inpainting(FLUX), FLUX))

CONTROL_BLOCKS: Blocks = SharedBlocks("CONTROL_BLOCKS", with_control_image(text2image(FLUX)))
"""Blocks of text to image with a control image in further channels, by name."""

CONTROL_IMAGE2IMAGE_BLOCKS: Blocks = SharedBlocks("CONTROL_IMAGE2IMAGE_BLOCKS", with_control_image(image2image(FLUX)))
"""Blocks of image to image with a control image in further channels, by name."""

CONTROL_INPAINT_BLOCKS: Blocks = SharedBlocks("CONTROL_INPAINT_BLOCKS", with_control_image(inpainting(FLUX)))
"""Blocks of inpainting with a control image in further channels, by name."""
