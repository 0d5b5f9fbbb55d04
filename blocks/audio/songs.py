"""Music: what a denoiser is told of a description, lyrics and a timbre, noise of any length, and waveforms of one loudness (ACE-Step 1.5).

Source: diffusers 0.42.1, pipelines/ace_step/pipeline_ace_step.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from ...engine.network_calls import call_network
from ...families.contract import Autoencoder, Denoiser, TextEncoder, Tokenizer
from ...families.text_encoding import said_of
from ...families.tokenize import tokenized, tokens_for, warn_of_cuts
from ...guiders import AdaptiveProjectedGuidance
from ...registry.model_dtype import compute_dtype
from ...state import Conditioning, Fault, Group, InputError, Outputs
from ...state.vocabulary import (
    AudioDuration,
    Audios,
    BatchSize,
    BeatsPerMinute,
    DType,
    Generators,
    GuidanceScale,
    ImagesPerPrompt,
    InputAudio,
    InputSamplingRate,
    KeyScale,
    Latents,
    Lyrics,
    LyricsEmbeds,
    LyricsMask,
    Prompt,
    SamplingRate,
    SongTextEmbeds,
    SongTextMask,
    SoundOutputType,
    TimeSignature,
    VocalLanguage,
)
from ..core.block import Block
from ..core.slots import component
from ..steps.decode import decoded_by
from ..steps.encode_image import encoded
from ..steps.encode_prompt import active_guider
from ..steps.expand_batch import expanded
from ..steps.prepare_latents import draw_noise
from .sounds import SOUND_ADVICE, rate_fault, sound_faults, waveforms_of, with_channels

if TYPE_CHECKING:
    from diffusers.pipelines.ace_step import AceStepConditionEncoder
    from torch import Tensor

_DESCRIPTION = """# Instruction
Fill the audio semantic mask based on the given conditions:

# Caption
{}

# Metas
- bpm: {}
- timesignature: {}
- keyscale: {}
- duration: {} seconds
<|endoftext|>
"""
"""As the text encoder was trained with it, to the last line break."""
_LYRICS = "# Languages\n{}\n\n# Lyric\n{}<|endoftext|>"
_LYRICS_TOKENS = 2048
_SECONDS = 60.0
"""Of music of which nobody says how long it is."""
_TIMBRE_SECONDS = 30
"""Of a sound from which a timbre is taken: three parts of ten seconds."""
_PEAK = 10.0 ** (-1.0 / 20.0)
"""Of waveforms: one decibel below full scale."""


class EncodeSong(Block):
    """Encode the description of music with its metadata, and the tokens of its lyrics."""

    tokenizers: tuple[Tokenizer, ...] = component(many=True, doc="Cut text into tokens.")
    text_encoders: tuple[TextEncoder, ...] = component(
        many=True, doc="Turn tokens into hidden states, and embed lyrics."
    )

    class Out(Outputs):
        song_text_embeds: SongTextEmbeds
        song_text_mask: SongTextMask
        lyrics_embeds: LyricsEmbeds
        lyrics_mask: LyricsMask

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say that there is another number of lyrics or languages than of prompts."""
        yield from super().input_faults(given)
        prompt = given.get("prompt")
        count = len(prompt) if isinstance(prompt, list) else 1
        for name in ("lyrics", "vocal_language"):
            value = given.get(name)
            if isinstance(value, list) and len(value) != count:
                yield Fault(f"{name} holds {len(value)} for {count} prompts; give one for each, or one for all.", name)

    def run(
        self,
        prompt: Prompt,
        lyrics: Lyrics = "",
        vocal_language: VocalLanguage = "en",
        audio_duration: AudioDuration = _SECONDS,
        bpm: BeatsPerMinute | None = None,
        keyscale: KeyScale | None = None,
        timesignature: TimeSignature | None = None,
    ) -> Out:
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        said = [value if isinstance(value, list) else [value] * len(prompts) for value in (vocal_language, lyrics)]
        about = (bpm or "N/A", _or_none(timesignature), _or_none(keyscale), int(audio_duration))
        encoder: Any
        (tokenizer,), (encoder,) = self.tokenizers, self.text_encoders
        (encoding,) = self.family.text_encodings
        texts = tokens_for(encoding, tokenizer, [_DESCRIPTION.format(each, *about) for each in prompts])
        sung = [_LYRICS.format(*each) for each in zip(*said, strict=True)]
        words = tokenized(tokenizer, sung, _LYRICS_TOKENS, "longest")
        for what, read in (("description", texts), ("lyrics", words)):
            for text in warn_of_cuts({self.family.roles["text_encoders"][0].name: read}, what):
                self._tell(text)
        hidden: Any = said_of(encoder, texts.ids, texts.mask, encoding).hidden
        embedded = call_network(encoder.get_input_embeddings(), words.ids.to(encoder.device))
        return self.Out(
            song_text_embeds=hidden,
            song_text_mask=texts.mask.to(encoder.device).bool(),
            lyrics_embeds=embedded,
            lyrics_mask=words.mask.to(encoder.device).bool(),
        )


def _or_none(text: str | None) -> str:
    return text if text and text.strip() else "N/A"


class TellSong(Block):
    """Join description, lyrics and a timbre into what the denoiser reads, with silence beside the latents: all of it is drawn anew.

    A sound that is given as the timbre, such as a voice, is read at its beginning, middle and end, as its most likely latents; without one it is silence.
    """

    memory_advice = SOUND_ADVICE

    denoiser: Denoiser = component(config_only=True, doc="Says in which dtype it is told what it is.")
    vae: Autoencoder = component(doc="Says how many samples a latent has, and reads the sound of a timbre.")
    condition_encoder: AceStepConditionEncoder = component(doc="Joins text, lyrics and timbre.")
    guider: AdaptiveProjectedGuidance = component(doc="Says whether a second prediction is asked for.")

    class Out(Outputs):
        batch_size: BatchSize
        dtype: DType
        sound: Annotated[Conditioning, Group("sound")]

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no sound."""
        yield from super().input_faults(given)
        yield from sound_faults("reference_audio", given.get("reference_audio"))

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say that a turbo model, which has guidance in its weights, shall be guided, and that a timbre is in another rate."""
        yield from super().misfits(given)
        yield from rate_fault(self.vae, "reference_audio_sampling_rate", given.get("reference_audio_sampling_rate"))
        guider = active_guider(self.guider, given.get("guidance_scale"))
        if self._is_turbo and guider.uses_negative:
            name = self.family.roles["denoiser"][0].name
            yield Fault(
                f"{name} is a turbo model, which has guidance in its weights, and {type(guider).__name__} would guide it a second time: "
                "pass guidance_scale=0, which is no guidance here.",
                "guidance_scale",
            )

    @property
    def _is_turbo(self) -> bool:
        told = self.denoiser.config
        return bool(told.get("is_turbo")) or told.get("model_version") == "turbo"

    def run(
        self,
        song_text_embeds: SongTextEmbeds,
        song_text_mask: SongTextMask,
        lyrics_embeds: LyricsEmbeds,
        lyrics_mask: LyricsMask,
        audio_duration: AudioDuration = _SECONDS,
        reference_audio: InputAudio | None = None,
        reference_audio_sampling_rate: InputSamplingRate | None = None,  # noqa: ARG002 - checked before the run
        guidance_scale: GuidanceScale | None = None,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        import torch

        encoder: Any = self.condition_encoder
        rows, dtype = len(song_text_embeds), compute_dtype(encoder)
        silence = encoder.silence_latent.to(self.device, dtype)
        timbre = self._timbre(silence, reference_audio, rows).to(dtype)
        told, _ = call_network(
            encoder,
            text_hidden_states=song_text_embeds.to(dtype),
            text_attention_mask=song_text_mask.bool(),
            lyric_hidden_states=lyrics_embeds.to(dtype),
            lyric_attention_mask=lyrics_mask.bool(),
            refer_audio_acoustic_hidden_states_packed=timbre,
            refer_audio_order_mask=torch.arange(rows, device=self.device),
        )
        frames = frames_of(self.family, self.vae, audio_duration)
        beside = silence.repeat(1, math.ceil(frames / silence.shape[1]), 1)[:, :frames].expand(rows, -1, -1)
        found = {"song_embeds": told, "song_context": torch.cat([beside, torch.ones_like(beside)], dim=-1)}
        if active_guider(self.guider, guidance_scale).uses_negative:
            # Learned, in place of what is said of an empty text.
            found["negative_song_embeds"] = (
                encoder.null_condition_emb.detach().to(told.device, told.dtype).expand_as(told)
            )
        dtype = compute_dtype(self.denoiser)
        sound = Conditioning(expanded(found, dtype, num_images_per_prompt))
        return self.Out(batch_size=rows, dtype=self.family.latents_dtype(dtype), sound=sound)

    def _timbre(self, silence: Tensor, sound: Any, rows: int) -> Tensor:
        """Return latents `[b, latents, channels]` of the sound of a timbre, or of silence."""
        import torch

        vae, family = self.vae, self.family
        if sound is None:
            frames = math.ceil(_TIMBRE_SECONDS * latents_per_second(family, vae))
            return silence[:, :frames].expand(rows, -1, -1).contiguous()
        waves = with_channels(waveforms_of(sound), vae.config.audio_channels)
        rate = int(vae.config.sampling_rate)
        waves = waves.repeat(1, 1, max(1, math.ceil(_TIMBRE_SECONDS * rate / waves.shape[-1])))
        whole, part = waves.shape[-1], 10 * rate
        starts = (0, whole // 3, max(whole - part, 0))
        joined = torch.cat([waves[..., start : start + part] for start in starts], dim=-1)
        found = encoded(family, vae, joined, None, self.device, draws=False).transpose(1, 2)
        if len(found) not in (1, rows):
            raise InputError(
                f"reference_audio holds {len(found)} sounds for {rows} prompts; give one for each, or one."
            )
        return found.expand(rows, -1, -1)


def latents_per_second(family: Any, vae: Autoencoder) -> float:
    """Return how many latents a second of sound has."""
    return float(vae.config.sampling_rate) / float(family.vae_scale_factor(vae))


def frames_of(family: Any, vae: Autoencoder, seconds: float) -> int:
    """Return how many latents music of so many seconds has."""
    return math.ceil(seconds * latents_per_second(family, vae))


class PrepareSongLatents(Block):
    """Draw noise for music of a length, or take latents that the caller gives."""

    denoiser: Denoiser = component(config_only=True)
    vae: Autoencoder = component(config_only=True)

    class Out(Outputs):
        latents: Latents

    def run(
        self,
        batch_size: BatchSize,
        dtype: DType,
        audio_duration: AudioDuration = _SECONDS,
        num_images_per_prompt: ImagesPerPrompt = 1,
        latents: Latents | None = None,
        generator: Generators | None = None,
    ) -> Out:
        count = batch_size * num_images_per_prompt
        channels, frames = (
            self.family.latent_channels(self.denoiser, self.vae),
            frames_of(self.family, self.vae, audio_duration),
        )
        if latents is None:
            # In the order of the network's sequences, channels last.
            latents = draw_noise((count, frames, channels), generator, self.device, dtype).transpose(1, 2)
        elif tuple(latents.shape) != (count, channels, frames):
            raise InputError(
                f"latents have the shape {list(latents.shape)}; {count} sounds of {audio_duration:g} seconds need {[count, channels, frames]}."
            )
        return self.Out(latents=latents.to(self.device, dtype))


class DecodeSong(Block):
    """Turn latents into waveforms of one loudness, whose highest sample is one decibel below 1; `output_type="latent"` passes them on."""

    memory_advice = SOUND_ADVICE

    vae: Autoencoder = component(doc="Between waveforms and latents.")

    class Out(Outputs):
        audios: Audios
        sampling_rate: SamplingRate

    def run(self, latents: Latents, output_type: SoundOutputType = "pt") -> Out:
        vae, rate = self.vae, int(self.vae.config.sampling_rate)
        if output_type == "latent":
            return self.Out(audios=latents, sampling_rate=rate)
        whole = decoded_by(self.family, vae, latents.to(compute_dtype(vae))).float()
        # In two steps, as in the classic pipeline: what is too loud comes to 1 first.
        sound = whole / _peak(whole).clamp(min=1.0)
        sound = sound * (_PEAK / _peak(sound).clamp(min=1e-6))
        return self.Out(audios=sound.cpu().numpy() if output_type == "np" else sound, sampling_rate=rate)


def _peak(sound: Tensor) -> Tensor:
    return sound.abs().amax(dim=(1, 2), keepdim=True)
