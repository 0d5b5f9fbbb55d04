"""Both tasks in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.video.ltx import LTX
from ..auto_video import IMAGE_WORKFLOWS, auto_image_video
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_image_video(LTX, globals()))
"""Blocks of both tasks, by name; `LTXAutoBlocks` is the composition with the tasks' names."""


class LTXAutoBlocks(SequentialPipelineBlocks):
    """LTX-Video: text and image to video."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = IMAGE_WORKFLOWS
