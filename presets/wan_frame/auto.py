"""All tasks in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.video.wan_frame import WAN_FRAME
from ..auto_image import auto_image
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_image(WAN_FRAME, globals()))
"""Blocks of every task, by name; `WanFrameAutoBlocks` is the composition with the tasks' names."""


class WanFrameAutoBlocks(SequentialPipelineBlocks):
    """Wan 2.1 of one frame: text to image, image to image and inpainting."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {"text2image": (), "image2image": ("image",), "inpainting": ("mask_image", "image")}
