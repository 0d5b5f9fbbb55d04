"""LTX-Video (HaCohen et al. 2024, https://arxiv.org/abs/2501.00103)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.video.ltx import LTX
from ..tasks import Blocks
from ..tasks_of_video import image_first2video, text2video, with_schedule_of_latents
from .auto import AUTO_BLOCKS, LTXAutoBlocks

TEXT2VIDEO_BLOCKS: Blocks = SharedBlocks("TEXT2VIDEO_BLOCKS", with_schedule_of_latents(text2video(LTX), LTX))
"""Blocks of text to video, by name."""

IMAGE2VIDEO_BLOCKS: Blocks = SharedBlocks("IMAGE2VIDEO_BLOCKS", with_schedule_of_latents(image_first2video(LTX), LTX))
"""Blocks of videos that begin with an image, by name."""

NAMES: dict[str, str] = {
    "ltx.text2video": "TEXT2VIDEO_BLOCKS",
    "ltx.image2video": "IMAGE2VIDEO_BLOCKS",
    "ltx.auto": "LTXAutoBlocks",
    "LTXAutoBlocks": "LTXAutoBlocks",
    "LTXModularPipeline": "LTXAutoBlocks",
    "LTXPipeline": "TEXT2VIDEO_BLOCKS",
    "LTXImageToVideoPipeline": "IMAGE2VIDEO_BLOCKS",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = ["AUTO_BLOCKS", "IMAGE2VIDEO_BLOCKS", "LTX", "NAMES", "TEXT2VIDEO_BLOCKS", "LTXAutoBlocks"]
