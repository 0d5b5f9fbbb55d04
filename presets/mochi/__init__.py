"""Mochi 1 (Genmo 2024, https://github.com/genmoai/mochi)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.video.mochi import MOCHI
from ..tasks import Blocks
from ..tasks_of_video import text2video

TEXT2VIDEO_BLOCKS: Blocks = SharedBlocks("TEXT2VIDEO_BLOCKS", text2video(MOCHI))
"""Blocks of text to video, by name."""

NAMES: dict[str, str] = {"mochi.text2video": "TEXT2VIDEO_BLOCKS", "MochiPipeline": "TEXT2VIDEO_BLOCKS"}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = ["MOCHI", "NAMES", "TEXT2VIDEO_BLOCKS"]
