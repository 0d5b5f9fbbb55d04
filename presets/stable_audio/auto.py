"""Both tasks in one composition: what the caller gives decides what runs."""

from ...blocks.core.insertable_dict import SharedBlocks
from ...blocks.core.sequential import SequentialPipelineBlocks
from ...families.audio.stable_audio import STABLE_AUDIO
from ..auto import AutoTask, auto
from ..tasks import Blocks
from ..tasks_of_sound import audio2audio, text2audio

_TASKS = [
    AutoTask("audio2audio", "Audio", audio2audio(STABLE_AUDIO), "audio"),
    AutoTask("text2audio", "Text", text2audio(STABLE_AUDIO)),
]
_DOCS = {"AutoAudioEncoder": "Add the sound to the noise, where one is given."}

AUTO_BLOCKS: Blocks = SharedBlocks("AUTO_BLOCKS", auto(_TASKS, _DOCS, globals(), prefix=STABLE_AUDIO.prefix))
"""Blocks of both tasks, by name; `StableAudioAutoBlocks` is the composition with the tasks' names."""


class StableAudioAutoBlocks(SequentialPipelineBlocks):
    """Stable Audio: text to sound, and sounds that begin from another one."""

    block_classes = list(AUTO_BLOCKS.values())
    block_names = list(AUTO_BLOCKS)
    workflow_map = {"text2audio": (), "audio2audio": ("audio",)}
