"""Both tasks of one network in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.video.animatediff import ANIMATEDIFF
from ..auto_video import WORKFLOWS, auto_video
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_video(ANIMATEDIFF, globals()))
"""Blocks of both tasks, by name; `AnimateDiffAutoBlocks` is the composition with the tasks' names."""


class AnimateDiffAutoBlocks(SequentialPipelineBlocks):
    """AnimateDiff: text to video and video to video."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = WORKFLOWS
