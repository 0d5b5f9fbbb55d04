"""FLUX.1 with images that the transformer is told besides: Fill, Control (depth, edges), Kontext, Redux, and ControlNets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.flux import FLUX, FLUX_FILL, FLUX_KONTEXT, FLUX_REDUX
from ..tasks import Blocks, image2image, inpainting, text2image, with_control
from ..tasks_beside import (
    filling,
    prompt_of_images,
    referring,
    referring_inpainting,
    text_and_images,
    with_control_channels,
)


def with_control_image(blocks: Mapping[str, Any]) -> Blocks:
    """Return the blocks of a task for transformers that read a control image in further channels."""
    return with_control_channels(blocks, FLUX)


REDUX_BLOCKS: Blocks = SharedBlocks("REDUX_BLOCKS", text_and_images(FLUX_REDUX))
"""Blocks of text to image whose prompt is text and images, by name."""

REDUX_PRIOR_BLOCKS: Blocks = SharedBlocks("REDUX_PRIOR_BLOCKS", prompt_of_images(FLUX_REDUX, reads_text=True))
"""Blocks that make `prompt_embeds` and `pooled_prompt_embeds` of text and images, by name."""

REDUX_IMAGE_PRIOR_BLOCKS: Blocks = SharedBlocks(
    "REDUX_IMAGE_PRIOR_BLOCKS", prompt_of_images(FLUX_REDUX, reads_text=False)
)
"""Blocks that make `prompt_embeds` and `pooled_prompt_embeds` of images alone, without text encoders, by name."""

FILL_BLOCKS: Blocks = SharedBlocks("FILL_BLOCKS", filling(FLUX_FILL))
"""Blocks of FLUX.1 Fill, by name."""

KONTEXT_BLOCKS: Blocks = SharedBlocks("KONTEXT_BLOCKS", referring(FLUX_KONTEXT))
"""Blocks of FLUX.1 Kontext, by name."""

KONTEXT_INPAINT_BLOCKS: Blocks = SharedBlocks("KONTEXT_INPAINT_BLOCKS", referring_inpainting(FLUX_KONTEXT))
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
