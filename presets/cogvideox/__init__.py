"""CogVideoX and CogVideoX 1.5 (Yang et al. 2024, https://arxiv.org/abs/2408.06072)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.video.cogvideox import COGVIDEOX, COGVIDEOX_IMAGE
from ..tasks import Blocks
from ..tasks_of_video import image_beside2video, text2video, video2video
from .auto import AUTO_BLOCKS, CogVideoXAutoBlocks

TEXT2VIDEO_BLOCKS: Blocks = SharedBlocks("TEXT2VIDEO_BLOCKS", text2video(COGVIDEOX))
"""Blocks of text to video, by name."""

VIDEO2VIDEO_BLOCKS: Blocks = SharedBlocks("VIDEO2VIDEO_BLOCKS", video2video(COGVIDEOX))
"""Blocks of video to video, by name."""

IMAGE2VIDEO_BLOCKS: Blocks = SharedBlocks("IMAGE2VIDEO_BLOCKS", image_beside2video(COGVIDEOX_IMAGE))
"""Blocks of videos that begin with an image, by name."""

NAMES: dict[str, str] = {
    "cogvideox.text2video": "TEXT2VIDEO_BLOCKS",
    "cogvideox.video2video": "VIDEO2VIDEO_BLOCKS",
    "cogvideox.image2video": "IMAGE2VIDEO_BLOCKS",
    "cogvideox.auto": "CogVideoXAutoBlocks",
    "CogVideoXPipeline": "TEXT2VIDEO_BLOCKS",
    "CogVideoXVideoToVideoPipeline": "VIDEO2VIDEO_BLOCKS",
    "CogVideoXImageToVideoPipeline": "IMAGE2VIDEO_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUTO_BLOCKS",
    "COGVIDEOX",
    "COGVIDEOX_IMAGE",
    "IMAGE2VIDEO_BLOCKS",
    "NAMES",
    "TEXT2VIDEO_BLOCKS",
    "VIDEO2VIDEO_BLOCKS",
    "CogVideoXAutoBlocks",
]
