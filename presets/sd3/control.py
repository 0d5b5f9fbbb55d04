"""Steering by ControlNets, which fit into every task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.sd3 import SD3
from .. import tasks
from ..tasks import Blocks, image2image, inpainting, text2image


def with_control(blocks: Mapping[str, Any]) -> Blocks:
    """Return the blocks of a task, steered by ControlNets; some of these read a mask beside their image (`control_mask`)."""
    return tasks.with_control(blocks, SD3)


CONTROLNET_TEXT2IMAGE: Blocks = SharedBlocks("CONTROLNET_TEXT2IMAGE", with_control(text2image(SD3)))
"""Blocks of text to image that ControlNets steer, by name: those that draw a masked area anew, too."""

CONTROLNET_IMAGE2IMAGE: Blocks = SharedBlocks("CONTROLNET_IMAGE2IMAGE", with_control(image2image(SD3)))
"""Blocks of image to image that ControlNets steer, by name."""

CONTROLNET_INPAINT: Blocks = SharedBlocks("CONTROLNET_INPAINT", with_control(inpainting(SD3)))
"""Blocks of inpainting that ControlNets steer, by name."""
