"""All tasks in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.unets.consistency import CONSISTENCY
from ..auto_image import auto_image
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_image(CONSISTENCY, globals()))
"""Blocks of every task, by name; `ConsistencyAutoBlocks` is the composition with the tasks' names."""


class ConsistencyAutoBlocks(SequentialPipelineBlocks):
    """Consistency models: images of a class or of noise alone, image to image and inpainting."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {"class2image": (), "image2image": ("image",), "inpainting": ("mask_image", "image")}
