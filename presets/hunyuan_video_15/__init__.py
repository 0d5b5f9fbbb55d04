"""HunyuanVideo 1.5 (Wu et al. 2025, https://arxiv.org/abs/2511.18870)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.video.hunyuan_video_15 import HUNYUAN_VIDEO_15, HUNYUAN_VIDEO_15_IMAGE
from ..tasks import Blocks
from ..tasks_of_video import image_beside2video, inpaint_video, text2video, video2video
from .auto import AUTO_BLOCKS, HunyuanVideo15AutoBlocks

TEXT2VIDEO_BLOCKS: Blocks = SharedBlocks("TEXT2VIDEO_BLOCKS", text2video(HUNYUAN_VIDEO_15))
"""Blocks of text to video, by name."""

IMAGE2VIDEO_BLOCKS: Blocks = SharedBlocks("IMAGE2VIDEO_BLOCKS", image_beside2video(HUNYUAN_VIDEO_15_IMAGE))
"""Blocks of videos that begin with an image, by name."""

VIDEO2VIDEO_BLOCKS: Blocks = SharedBlocks("VIDEO2VIDEO_BLOCKS", video2video(HUNYUAN_VIDEO_15))
"""Blocks of video to video, by name."""

INPAINT_BLOCKS: Blocks = SharedBlocks("INPAINT_BLOCKS", inpaint_video(HUNYUAN_VIDEO_15))
"""Blocks of videos that are drawn anew where a mask of each frame is white, by name."""

NAMES: dict[str, str] = {
    "hunyuan_video_15.text2video": "TEXT2VIDEO_BLOCKS",
    "hunyuan_video_15.image2video": "IMAGE2VIDEO_BLOCKS",
    "hunyuan_video_15.video2video": "VIDEO2VIDEO_BLOCKS",
    "hunyuan_video_15.inpainting": "INPAINT_BLOCKS",
    "hunyuan_video_15.auto": "HunyuanVideo15AutoBlocks",
    "HunyuanVideo15AutoBlocks": "HunyuanVideo15AutoBlocks",
    "HunyuanVideo15ModularPipeline": "HunyuanVideo15AutoBlocks",
    "HunyuanVideo15Pipeline": "TEXT2VIDEO_BLOCKS",
    "HunyuanVideo15ImageToVideoPipeline": "IMAGE2VIDEO_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "HUNYUAN_VIDEO_15",
    "HUNYUAN_VIDEO_15_IMAGE",
    "IMAGE2VIDEO_BLOCKS",
    "INPAINT_BLOCKS",
    "NAMES",
    "TEXT2VIDEO_BLOCKS",
    "VIDEO2VIDEO_BLOCKS",
    "HunyuanVideo15AutoBlocks",
]
