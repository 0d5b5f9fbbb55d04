"""Both tasks of one network in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.video.hunyuan_video_15 import HUNYUAN_VIDEO_15
from ..auto_video import WORKFLOWS, auto_video
from ..tasks import Blocks

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_video(HUNYUAN_VIDEO_15, globals()))
"""Blocks of both tasks, by name; `HunyuanVideo15AutoBlocks` is the composition with the tasks' names."""


class HunyuanVideo15AutoBlocks(SequentialPipelineBlocks):
    """HunyuanVideo 1.5: text to video and video to video."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = WORKFLOWS
