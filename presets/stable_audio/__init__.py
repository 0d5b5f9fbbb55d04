"""Stable Audio Open (Evans et al. 2024, https://arxiv.org/abs/2407.14358)."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...families.audio.stable_audio import STABLE_AUDIO
from ..tasks import Blocks
from ..tasks_of_sound import audio2audio, text2audio
from .auto import AUTO_BLOCKS, StableAudioAutoBlocks

TEXT2AUDIO_BLOCKS: Blocks = SharedBlocks("TEXT2AUDIO_BLOCKS", text2audio(STABLE_AUDIO))
"""Blocks of text to sound, by name."""

AUDIO2AUDIO_BLOCKS: Blocks = SharedBlocks("AUDIO2AUDIO_BLOCKS", audio2audio(STABLE_AUDIO))
"""Blocks of sounds that begin from another one, by name."""

NAMES: dict[str, str] = {
    "stable_audio.text2audio": "TEXT2AUDIO_BLOCKS",
    "stable_audio.audio2audio": "AUDIO2AUDIO_BLOCKS",
    "stable_audio.auto": "StableAudioAutoBlocks",
    "StableAudioPipeline": "StableAudioAutoBlocks",
}
"""Names in the catalog, which reads them without importing this folder: names of presets, and classes that repositories write."""

__all__ = [
    "AUDIO2AUDIO_BLOCKS",
    "AUTO_BLOCKS",
    "NAMES",
    "STABLE_AUDIO",
    "TEXT2AUDIO_BLOCKS",
    "StableAudioAutoBlocks",
]
