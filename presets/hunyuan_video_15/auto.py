"""All tasks of one network in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.video.hunyuan_video_15 import HUNYUAN_VIDEO_15, HUNYUAN_VIDEO_15_IMAGE
from ..auto_video import IMAGE_WORKFLOWS, WORKFLOWS, auto_video
from ..tasks import Blocks
from ..tasks_of_video import image_beside2video

AUTO_BLOCKS: Blocks = SharedBlocks(
    "AUTO_BLOCKS", auto_video(HUNYUAN_VIDEO_15, globals(), image_beside2video(HUNYUAN_VIDEO_15_IMAGE))
)
"""Blocks of every task, by name; `HunyuanVideo15AutoBlocks` is the composition with the tasks' names."""


class HunyuanVideo15AutoBlocks(SequentialPipelineBlocks):
    """HunyuanVideo 1.5: text to video, videos that begin with an image, and video to video."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {**IMAGE_WORKFLOWS, **WORKFLOWS}
