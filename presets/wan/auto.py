"""The tasks of one network in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.video.wan import WAN, WAN_IMAGE
from ..auto_video import WORKFLOWS, auto_video
from ..tasks import Blocks
from ..tasks_of_video import image2video

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto_video(WAN, globals()))
"""Blocks of both tasks, by name; `WanAutoBlocks` is the composition with the tasks' names."""


class WanAutoBlocks(SequentialPipelineBlocks):
    """Wan 2.1: text to video and video to video."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = WORKFLOWS


_BEGUN_BLOCKS: Blocks = image2video(WAN_IMAGE)


class WanImage2VideoAutoBlocks(SequentialPipelineBlocks):
    """Wan 2.1: videos that begin with an image, and may end with another one."""

    block_classes = list(_BEGUN_BLOCKS.values())
    block_names = list(_BEGUN_BLOCKS)
    workflow_map = {"image2video": ("image",), "flf2v": ("image", "last_image")}
