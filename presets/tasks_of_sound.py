"""Tasks of sound as functions of a model family; see `tasks.py`."""

from __future__ import annotations

from ..blocks.audio.songs import DecodeSong, EncodeSong, PrepareSongLatents, TellSong
from ..blocks.audio.sounds import AddSound, DecodeSound, PrepareSoundLatents, TellSound
from ..blocks.core.insertable_dict import InsertableDict
from ..blocks.steps.denoise import Denoise
from ..blocks.steps.encode_prompt import EncodePrompt
from ..blocks.steps.set_timesteps import SetTimesteps
from ..families.contract import FamilyContract
from .tasks import Blocks


def text2audio(family: FamilyContract) -> Blocks:
    """Return the blocks of text to sound.

    Example:
        >>> from brickwork.families.audio.stable_audio import STABLE_AUDIO
        >>> list(text2audio(STABLE_AUDIO))
        ['text_encoder', 'input', 'set_timesteps', 'prepare_latents', 'denoise', 'decode']
    """
    return InsertableDict(
        text_encoder=EncodePrompt.bind(family),
        input=TellSound.bind(family),
        set_timesteps=SetTimesteps.bind(family),
        prepare_latents=PrepareSoundLatents.bind(family),
        denoise=Denoise.bind(family),
        decode=DecodeSound.bind(family),
    )


def audio2audio(family: FamilyContract) -> Blocks:
    """Return the blocks of sounds that begin from another one."""
    return text2audio(family).insert_before("denoise", "audio_encoder", AddSound.bind(family))


def text2music(family: FamilyContract) -> Blocks:
    """Return the blocks of a description and lyrics to music."""
    return InsertableDict(
        text_encoder=EncodeSong.bind(family),
        input=TellSong.bind(family),
        set_timesteps=SetTimesteps.bind(family),
        prepare_latents=PrepareSongLatents.bind(family),
        denoise=Denoise.bind(family),
        decode=DecodeSong.bind(family),
    )
