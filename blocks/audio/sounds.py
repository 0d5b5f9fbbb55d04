"""Noise for sounds, what a denoiser is told of their seconds, and waveforms from latents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from ...engine.network_calls import call_network
from ...families.asked_members import FIRST_NOISE, asks
from ...families.contract import Autoencoder, Denoiser, FamilyContract, Scheduler
from ...families.noise_schedule import first_scale
from ...registry.model_dtype import compute_dtype
from ...state import Conditioning, Fault, Group, InputError, Outputs
from ...state.vocabulary import (
    Audios,
    BatchSize,
    DType,
    Generators,
    ImagesPerPrompt,
    InputAudio,
    InputSamplingRate,
    Latents,
    SamplingRate,
    SoundEnd,
    SoundOutputType,
    SoundStart,
)
from ..core.block import Block
from ..core.slots import component
from ..steps.decode import decoded_by
from ..steps.encode_image import encoded
from ..steps.encode_prompt import check_batch
from ..steps.expand_batch import ExpandBatch, expanded
from ..steps.prepare_image_latents import refuse_other_rows, repeat_to_batch
from ..steps.prepare_latents import draw_noise

if TYPE_CHECKING:
    from diffusers.pipelines.stable_audio import StableAudioProjectionModel
    from torch import Tensor

SOUND_ADVICE = ("decode in parts: pipe.vae.enable_tiling()", "half precision: load_components(dtype=torch.float16)")
"""What makes a VAE of waveforms need less memory."""


class TellSound(ExpandBatch):
    """Tell the denoiser each text, with the seconds at which the sound begins and ends behind it, one row per sound; who is told no text is
    told no seconds there.
    """

    denoiser: Denoiser = component(
        config_only=True, doc="Says in which dtype it is told what it is, and how long sounds are."
    )
    vae: Autoencoder = component(config_only=True, doc="Says how many samples a second has.")
    projection_model: StableAudioProjectionModel = component(
        doc="Turns texts and seconds into what the denoiser reads."
    )

    class Out(Outputs):
        batch_size: BatchSize
        dtype: DType
        audio_end_in_s: SoundEnd
        sound: Annotated[Conditioning, Group("sound")]

    def effective_defaults(self) -> Mapping[str, Any]:
        """As long as the denoiser can."""
        return {"audio_end_in_s": longest(self.family, self.denoiser, self.vae)}

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say which seconds are none, or more than the denoiser was trained with."""
        yield from super().misfits(given)
        begin, end = given.get("audio_start_in_s") or 0.0, given.get("audio_end_in_s")
        most = longest(self.family, self.denoiser, self.vae)
        if end is not None and end <= begin:
            text = f"audio_end_in_s is {end} and audio_start_in_s {begin}; a sound ends after it begins."
            yield Fault(text, "audio_end_in_s", "audio_start_in_s")
        elif (most if end is None else end) - begin > most:
            text = f"The sound from audio_start_in_s={begin} to audio_end_in_s={end} is longer than the {most:g} seconds that the denoiser makes."
            yield Fault(text, "audio_end_in_s", "audio_start_in_s")
        elif end is None and begin >= most:
            text = f"audio_start_in_s is {begin}, and the denoiser makes {most:g} seconds: give audio_end_in_s=, too."
            yield Fault(text, "audio_start_in_s")
        told = self.projection_model.config
        for name, second in (("audio_start_in_s", begin), ("audio_end_in_s", end)):
            if second is not None and not told.min_value <= second <= told.max_value:
                text = f"{name} is {second}; the denoiser was trained with seconds from {told.min_value} to {told.max_value}."
                yield Fault(text, name)

    def run(  # type: ignore[override]  # a block's signature is its declaration
        self,
        embeds: Annotated[Conditioning, Group("prompt_embeds")],
        audio_start_in_s: SoundStart = 0.0,
        audio_end_in_s: SoundEnd | None = None,
        num_images_per_prompt: ImagesPerPrompt = 1,
    ) -> Out:
        import torch

        check_batch(embeds)
        hidden, mask = self.family.fields("prompt_embeds")
        text, seconds = self.family.fields("sound")
        end = longest(self.family, self.denoiser, self.vae) if audio_end_in_s is None else audio_end_in_s
        rows = len(embeds[hidden.positive])
        times = (
            embeds[hidden.positive].new_full((rows,), each, dtype=torch.float32) for each in (audio_start_in_s, end)
        )
        given = dict(zip(("start_seconds", "end_seconds"), times, strict=True))
        said = call_network(self.projection_model, **given)
        ends = [said.seconds_start_hidden_states, said.seconds_end_hidden_states]
        # In one call, as in the classic pipeline.
        signs = [
            (named, hidden_name, mask_name)
            for named, hidden_name, mask_name in (
                (text.negative, hidden.negative, mask.negative),
                (text.positive, hidden.positive, mask.positive),
            )
            if hidden_name in embeds
        ]
        states = torch.cat([embeds[name] for _, name, _ in signs])
        counts = torch.cat([embeds[name] for _, _, name in signs])
        read = call_network(self.projection_model, text_hidden_states=states).text_hidden_states
        told = torch.cat(
            [read * counts.unsqueeze(-1).to(read.dtype), *(each.repeat(len(signs), 1, 1) for each in ends)], 1
        )
        heard = (counts != 0).any(dim=1)[:, None, None]
        parts = torch.where(heard, told, torch.zeros_like(told)).chunk(len(signs))
        sound = {name: part for (name, _, _), part in zip(signs, parts, strict=True)}
        sound[seconds.positive] = torch.cat(ends, dim=2)
        dtype = compute_dtype(self.denoiser)
        return self.Out(
            batch_size=rows,
            dtype=self.family.latents_dtype(dtype),
            audio_end_in_s=end,
            sound=Conditioning(expanded(sound, dtype, num_images_per_prompt)),
        )


def longest(family: FamilyContract, denoiser: Denoiser, vae: Autoencoder) -> float:
    """Return how many seconds the longest sound has that a denoiser makes."""
    length: float = family.sound_length(denoiser) * family.vae_scale_factor(vae) / vae.config.sampling_rate
    return length


class PrepareSoundLatents(Block):
    """Draw noise for every sound, or take latents that the caller gives, at the scheduler's first noise level."""

    denoiser: Denoiser = component(config_only=True)
    vae: Autoencoder = component(config_only=True)
    scheduler: Scheduler = component(doc="Says how strong the first noise is.")

    class Out(Outputs):
        latents: Latents

    def run(
        self,
        batch_size: BatchSize,
        dtype: DType,
        num_images_per_prompt: ImagesPerPrompt = 1,
        latents: Latents | None = None,
        generator: Generators | None = None,
    ) -> Out:
        count = batch_size * num_images_per_prompt
        shape = (
            count,
            self.family.latent_channels(self.denoiser, self.vae),
            self.family.sound_length(self.denoiser),
        )
        if latents is None:
            latents = draw_noise(shape, generator, self.device, dtype)
        elif tuple(latents.shape) != shape:
            raise InputError(f"latents have the shape {list(latents.shape)}; {count} sounds need {list(shape)}.")
        return self.Out(latents=latents.to(self.device, dtype) * first_scale(self.scheduler))


asks(PrepareSoundLatents, scheduler=(FIRST_NOISE,))


class AddSound(Block):
    """Add the latents of the given sound, drawn from the VAE's posterior, to the noise that denoising begins from.

    What is shorter than the denoiser's sounds goes on in silence, and of a longer one the beginning counts. A single channel is all, where
    the VAE has several, and several are brought to one by their mean.
    """

    memory_advice = SOUND_ADVICE

    vae: Autoencoder = component(doc="Between waveforms and latents.")

    class Out(Outputs):
        latents: Latents

    def input_faults(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say what is no sound."""
        yield from super().input_faults(given)
        yield from sound_faults("audio", given.get("audio"))

    def misfits(self, given: Mapping[str, Any]) -> Iterable[str]:
        """Say that a sound is in another rate than the VAE's, or of channels that become none of these."""
        yield from rate_fault(self.vae, "audio_sampling_rate", given.get("audio_sampling_rate"))

    def run(
        self,
        audio: InputAudio,
        latents: Latents,
        batch_size: BatchSize,
        audio_sampling_rate: InputSamplingRate | None = None,  # noqa: ARG002 - checked before the run
        num_images_per_prompt: ImagesPerPrompt = 1,
        generator: Generators | None = None,
    ) -> Out:
        family, vae = self.family, self.vae
        length = latents.shape[-1] * family.vae_scale_factor(vae)
        sound = _of_length(with_channels(waveforms_of(audio), vae.config.audio_channels), length)
        found = encoded(family, vae, sound, generator, self.device)
        begun = repeat_to_batch(found, batch_size, num_images_per_prompt).to(latents.dtype)
        refuse_other_rows(latents, len(begun), "sounds")
        return self.Out(latents=begun + latents)


def sound_faults(name: str, sound: object) -> Iterable[Fault]:
    """Say that what is given is no sound."""
    if sound is not None:
        try:
            waveforms_of(sound, name)
        except InputError as error:
            yield Fault(str(error), name)


def rate_fault(vae: Autoencoder, name: str, rate: int | None) -> Iterable[Fault]:
    """Say that a sound is in another rate than the VAE's."""
    own = vae.config.sampling_rate
    if rate is not None and rate != own:
        yield Fault(
            f"{name} is {rate}, and the VAE reads {own} samples a second: bring the sound to that rate before, as by "
            "torchaudio.functional.resample.",
            name,
        )


def waveforms_of(audio: Any, name: str = "audio") -> Tensor:
    """Return waveforms as a tensor `[n channels samples]`, of one, or of several of one length.

    Raises:
        InputError: it is none.
    """
    import torch

    given = [audio] if hasattr(audio, "ndim") else list(audio)
    if not given or not all(hasattr(each, "ndim") for each in given):
        raise InputError(
            f"{name} is no waveform; give a tensor or array [channels samples], or what load_sound(path) returns first."
        )
    rows = [torch.as_tensor(each) for each in given]
    rows = [row if row.ndim == 3 else row.reshape(1, -1, row.shape[-1]) if row.ndim else row for row in rows]
    odd = next((row for row in rows if row.ndim != 3 or not row.is_floating_point()), None)
    if odd is not None:
        raise InputError(
            f"{name} has numbers of {odd.dtype} in {odd.ndim} dimensions; give [channels samples] of floats in -1..1."
        )
    if len({row.shape[1:] for row in rows}) > 1:
        raise InputError(
            f"{name} holds waveforms of {' and '.join(sorted(str(list(row.shape[1:])) for row in rows)[:2])}; give such of one shape."
        )
    return torch.cat(rows)


def with_channels(sound: Tensor, channels: int) -> Tensor:
    """Return waveforms `[n channels samples]` in so many channels: one is all of them, and several come to one by their mean."""
    if sound.shape[1] == channels:
        return sound
    if sound.shape[1] == 1:
        return sound.repeat(1, channels, 1)
    if channels == 1:
        return sound.mean(1, keepdim=True)
    raise InputError(f"audio has {sound.shape[1]} channels, and the VAE reads {channels}; give {channels}, or one.")


def _of_length(sound: Tensor, samples: int) -> Tensor:
    import torch

    return torch.nn.functional.pad(sound[..., :samples], (0, max(0, samples - sound.shape[-1])))


class DecodeSound(Block):
    """Turn latents into waveforms with the VAE, and say how many samples a second has; `output_type="latent"` passes them on as they are."""

    memory_advice = SOUND_ADVICE

    vae: Autoencoder = component(doc="Between waveforms and latents.")

    class Out(Outputs):
        audios: Audios
        sampling_rate: SamplingRate

    def run(
        self,
        latents: Latents,
        audio_end_in_s: SoundEnd,
        audio_start_in_s: SoundStart = 0.0,
        output_type: SoundOutputType = "pt",
    ) -> Out:
        vae, rate = self.vae, int(self.vae.config.sampling_rate)
        if output_type == "latent":
            return self.Out(audios=latents, sampling_rate=rate)
        unscaled = self.family.unscale_latents(vae, latents.to(compute_dtype(vae)))
        whole = decoded_by(self.family, vae, unscaled)
        # A clone: a view would keep the samples that nobody hears.
        sound = whole[..., int(audio_start_in_s * rate) : int(audio_end_in_s * rate)].clone()
        return self.Out(audios=sound.float().cpu().numpy() if output_type == "np" else sound, sampling_rate=rate)
