"""HunyuanVideo (Kong et al. 2024, https://arxiv.org/abs/2412.03603)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.video.hunyuan_video import HUNYUAN_VIDEO
from ..tasks import Blocks
from ..tasks_of_video import inpaint_video, text2video, video2video
from .auto import AUTO_BLOCKS, HunyuanVideoAutoBlocks

TEXT2VIDEO_BLOCKS: Blocks = SharedBlocks("TEXT2VIDEO_BLOCKS", text2video(HUNYUAN_VIDEO))
"""Blocks of text to video, by name."""

VIDEO2VIDEO_BLOCKS: Blocks = SharedBlocks("VIDEO2VIDEO_BLOCKS", video2video(HUNYUAN_VIDEO))
"""Blocks of video to video, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpaint_video(HUNYUAN_VIDEO))
"""Blocks of videos that are drawn anew where a mask of each frame is white, by name."""

NAMES: dict[str, str] = {
    "hunyuan_video.text2video": "TEXT2VIDEO_BLOCKS",
    "hunyuan_video.video2video": "VIDEO2VIDEO_BLOCKS",
    "hunyuan_video.inpainting": "INPAINT_BLOCKS",
    "hunyuan_video.auto": "HunyuanVideoAutoBlocks",
    "HunyuanVideoPipeline": "TEXT2VIDEO_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "HUNYUAN_VIDEO",
    "INPAINT_BLOCKS",
    "NAMES",
    "TEXT2VIDEO_BLOCKS",
    "VIDEO2VIDEO_BLOCKS",
    "HunyuanVideoAutoBlocks",
]
