"""LTX-Video (HaCohen et al. 2024, https://arxiv.org/abs/2501.00103)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.video.ltx import LTX
from ..tasks import Blocks
from ..tasks_of_video import text2video, with_schedule_of_latents

TEXT2VIDEO_BLOCKS: Blocks = SharedBlocks("TEXT2VIDEO_BLOCKS", with_schedule_of_latents(text2video(LTX), LTX))
"""Blocks of text to video, by name."""

NAMES: dict[str, str] = {"ltx.text2video": "TEXT2VIDEO_BLOCKS", "LTXPipeline": "TEXT2VIDEO_BLOCKS"}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = ["LTX", "NAMES", "TEXT2VIDEO_BLOCKS"]
