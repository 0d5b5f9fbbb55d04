"""ACE-Step 1.5 (Gong et al. 2025, https://arxiv.org/abs/2506.00045, of version 1): music of a description and lyrics."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.audio.ace_step import ACE_STEP
from ..tasks import Blocks
from ..tasks_of_sound import text2music

TEXT2MUSIC_BLOCKS: Blocks = SharedBlocks("TEXT2MUSIC_BLOCKS", text2music(ACE_STEP))
"""Blocks of text and lyrics to music, by name."""

NAMES: dict[str, str] = {"ace_step.text2music": "TEXT2MUSIC_BLOCKS", "AceStepPipeline": "TEXT2MUSIC_BLOCKS"}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = ["ACE_STEP", "NAMES", "TEXT2MUSIC_BLOCKS"]
