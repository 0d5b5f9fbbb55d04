"""All tasks in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.spatial.z_image import Z_IMAGE
from ..auto_image import auto_image
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_image(Z_IMAGE, globals()))
"""Blocks of every task, by name; `ZImageAutoBlocks` is the composition with the tasks' names."""


class ZImageAutoBlocks(SequentialPipelineBlocks):
    """Z-Image: text to image, image to image and inpainting."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {"text2image": (), "image2image": ("image",), "inpainting": ("mask_image", "image")}
