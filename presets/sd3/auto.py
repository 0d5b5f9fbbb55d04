"""All tasks in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.sd3 import SD3
from ..auto_image import WORKFLOWS, auto_image
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_image(SD3, globals()))
"""Blocks of every task, by name; `SD3AutoBlocks` is the composition with the tasks' names."""


class SD3AutoBlocks(SequentialPipelineBlocks):
    """Stable Diffusion 3: text to image, image to image and inpainting, steered where a control image is given, and told an image where
    one is given as a prompt.
    """

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = dict(WORKFLOWS)
