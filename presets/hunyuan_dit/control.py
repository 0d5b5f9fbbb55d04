"""Steering by ControlNets, which fit into every task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.spatial.hunyuan_dit import HUNYUAN_DIT
from .. import tasks
from ..tasks import Blocks, image2image, inpainting, text2image


def with_control(blocks: Mapping[str, Any]) -> Blocks:
    """Return the blocks of a task, steered by ControlNets."""
    return tasks.with_control(blocks, HUNYUAN_DIT)


CONTROLNET_TEXT2IMAGE: Blocks = SharedBlocks("CONTROLNET_TEXT2IMAGE", with_control(text2image(HUNYUAN_DIT)))
"""Blocks of text to image that ControlNets steer, by name."""

CONTROLNET_IMAGE2IMAGE: Blocks = SharedBlocks("CONTROLNET_IMAGE2IMAGE", with_control(image2image(HUNYUAN_DIT)))
"""Blocks of image to image that ControlNets steer, by name."""

CONTROLNET_INPAINT: Blocks = SharedBlocks("CONTROLNET_INPAINT", with_control(inpainting(HUNYUAN_DIT)))
"""Blocks of inpainting that ControlNets steer, by name."""
