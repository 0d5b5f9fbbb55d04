"""Stable Audio: repositories of both layouts open, and what differs from the classic pipeline."""

from __future__ import annotations

import base64
import io
import re
import wave
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from family_rows.stable_audio import RATE, waves
from family_table import families

from brickwork import InputError, ModularPipeline, SequentialPipelineBlocks
from brickwork.blocks.audio.sounds import waveforms_of
from brickwork.families.noise_schedule import level_of
from brickwork.presets.stable_audio import StableAudioAutoBlocks
from brickwork.registry import identity_of
from brickwork.state.values.sound_view import players

FAMILY = families()["stable_audio"]
GIVEN = FAMILY.tasks["text2audio"].given
SHORT = {"num_inference_steps": 1}


def classics(**inputs: Any) -> torch.Tensor:
    classic = FAMILY.classic(diffusers.StableAudioPipeline, FAMILY.parts("float32"))
    drawn: torch.Tensor = FAMILY.drawn_by(classic, {**GIVEN, **SHORT, "output_type": "pt", **inputs})
    return drawn


def test_a_repository_of_either_layout_draws_what_the_classic_draws(tmp_path: Path) -> None:
    FAMILY.classic(diffusers.StableAudioPipeline, FAMILY.parts("float32")).save_pretrained(tmp_path / "classic")
    opened = ModularPipeline.from_pretrained(str(tmp_path / "classic")).load_components()
    opened.save_pretrained(tmp_path / "saved")
    again = ModularPipeline.from_pretrained(str(tmp_path / "saved")).load_components()
    expected = classics(generator=torch.Generator().manual_seed(7))
    for pipe in (opened, again):
        assert isinstance(pipe.blocks, StableAudioAutoBlocks)
        pipe.configure(progress=False)
        state = pipe(**{**GIVEN, **SHORT}, generator=torch.Generator().manual_seed(7))
        assert torch.equal(state.audios, expected)
        assert state.sampling_rate == RATE


def test_a_state_plays_its_sounds_in_a_notebook() -> None:
    state = FAMILY.ready("text2audio")(**{**GIVEN, **SHORT}, seed=7)
    shown = re.findall(
        r"<audio controls title='1.5 seconds, 2 channels' src='data:audio/wav;base64,([^']+)'", state._repr_html_()
    )
    assert len(shown) == 2
    with wave.open(io.BytesIO(base64.b64decode(shown[1]))) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, RATE, 24)
        heard = np.frombuffer(file.readframes(24), "<i2").reshape(24, 2).T / 32767
    assert np.abs(heard - state.audios[1].clamp(-1, 1).numpy()).max() < 1e-4


@pytest.mark.parametrize(
    ("audios", "count"),
    [(torch.zeros(9, 1, 4), 8), (np.zeros((1, 2, 4)), 1), (torch.zeros(1, 4, 4), 0), (torch.zeros(2, 4), 0), (None, 0)],
)
def test_what_is_played_is_waveforms(audios: Any, count: int) -> None:
    found = players(audios, 8) or ""
    assert found.count("<audio") == count
    assert found.endswith(" and 1 more") == (count == 8)


def test_a_sound_of_a_batch_is_the_sound_alone_also_of_one_that_is_given() -> None:
    """The classic pipeline gives several sounds of a prompt those of the other prompts to begin from."""
    seeds = [torch.Generator().manual_seed(seed) for seed in (1, 2, 3, 4)]
    given = {"audio": waves(2, 40), **SHORT, "seed": None}
    drawn = FAMILY.draw("audio2audio", **given, num_images_per_prompt=2, generator=seeds)
    for index in range(4):
        own = torch.Generator().manual_seed(index + 1)
        prompts = {name: GIVEN[name][index // 2] for name in ("prompt", "negative_prompt")}
        alone = FAMILY.draw("audio2audio", **{**given, "audio": given["audio"][index // 2]}, **prompts, generator=own)
        assert float((drawn[index] - alone[0]).abs().max()) < 1e-4


def test_a_given_sound_is_read_in_half_precision_where_the_classic_ends_in_an_error() -> None:
    parts = FAMILY.parts("bfloat16")
    sound = {"initial_audio_waveforms": waves(2, 40), "initial_audio_sampling_rate": RATE}
    with pytest.raises(RuntimeError, match="should be the same"):
        FAMILY.drawn_by(FAMILY.classic(diffusers.StableAudioPipeline, parts), {**GIVEN, **SHORT, **sound})
    pipe = SequentialPipelineBlocks.from_blocks_dict(FAMILY.tasks["audio2audio"].blocks).init_pipeline()
    pipe.update_components(**parts)
    drawn = pipe(**{**GIVEN, **SHORT}, audio=waves(2, 40), seed=7, output="audios")
    assert drawn.dtype == torch.bfloat16
    assert torch.isfinite(drawn.float()).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"audio_end_in_s": 0.5}, "audio_end_in_s is 0.5 and audio_start_in_s 0.5; a sound ends after it begins"),
        (
            {"audio_end_in_s": 9.0},
            "The sound from audio_start_in_s=0.5 to audio_end_in_s=9.0 is longer than the 4 seconds",
        ),
        (
            {"audio_start_in_s": 5.0, "audio_end_in_s": None},
            "audio_start_in_s is 5.0, and the denoiser makes 4 seconds: give audio_end_in_s=",
        ),
        (
            {"audio_start_in_s": 30.0, "audio_end_in_s": 33.0},
            "audio_end_in_s is 33.0; the denoiser was trained with seconds from 0 to 32",
        ),
        ({"output_type": "pil"}, "output_type"),
        ({"latents": torch.zeros(2, 4, 9)}, r"latents have the shape \[2, 4, 9\]; 2 sounds need \[2, 4, 8\]"),
    ],
)
def test_seconds_that_no_sound_has_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        FAMILY.draw("text2audio", **given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"audio": torch.zeros(3, 8)}, "audio has 3 channels, and the VAE reads 2; give 2, or one"),
        ({"audio": torch.zeros(2, 8, dtype=torch.int16)}, "audio has numbers of torch.int16 in 3 dimensions; give"),
        (
            {"audio": [torch.zeros(2, 8), torch.zeros(2, 9)]},
            r"audio holds waveforms of \[2, 8\] and \[2, 9\]; give such of one shape",
        ),
        ({"audio": []}, "audio is no waveform; give a tensor or array"),
        (
            {"audio": torch.zeros(2, 8), "audio_sampling_rate": 8},
            "audio_sampling_rate is 8, and the VAE reads 16 samples a second",
        ),
        (
            {"audio": waves(2, 40), "latents": torch.zeros(1, 4, 8)},
            r"latents have the shape \[1, 4, 8\]; 2 sounds need \[2, 4, 8\]",
        ),
    ],
)
def test_what_is_no_sound_to_begin_from_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        FAMILY.draw("audio2audio", **given)


def test_a_block_alone_refuses_latents_of_another_number_of_sounds() -> None:
    block = type(FAMILY.ready("audio2audio").blocks.sub_blocks["audio_encoder"])(vae=FAMILY.parts("float32")["vae"])
    with pytest.raises(
        InputError, match=r"latents have 1 rows \(shape \[1, 4, 8\]\), and there are 2 sounds; give one row for each"
    ):
        block.run(waves(2, 40), torch.zeros(1, 4, 8), 2)


def test_waveforms_are_read_in_every_form() -> None:
    one = waves(1, 8)
    for given in (one, one.numpy(), list(one), [each[0] for each in one], list(one.numpy())):
        assert torch.equal(waveforms_of(given), one)
    assert torch.equal(waveforms_of(one[0, 0]), one[:1])


class CosineSolver(diffusers.EDMDPMSolverMultistepScheduler):
    """It tells the time as `CosineDPMSolverMultistepScheduler`, which needs torchsde."""

    def precondition_noise(self, sigma: torch.Tensor) -> torch.Tensor:
        return sigma.atan() / torch.pi * 2


@pytest.mark.parametrize(
    "scheduler",
    [
        diffusers.EDMDPMSolverMultistepScheduler(
            sigma_min=0.3, sigma_max=500, sigma_data=0.7, prediction_type="v_prediction"
        ),
        CosineSolver(sigma_min=0.3, sigma_max=500, sigma_data=1.0, prediction_type="v_prediction"),
    ],
    ids=["logarithm", "cosine"],
)
def test_guiders_are_told_how_much_noise_the_network_sees(scheduler: Any) -> None:
    """By its level a sample is what the solver makes of the prediction."""
    scheduler.set_timesteps(5)
    t = scheduler.timesteps[2]
    torch.manual_seed(1)
    latents, velocity = torch.randn(1, 2, 4), torch.randn(1, 2, 4)
    seen = scheduler.scale_model_input(latents, t)
    signal, noise = level_of(scheduler, t)
    expected = scheduler.precondition_outputs(latents, velocity, scheduler.sigmas[2]) / scheduler.config.sigma_data
    assert torch.allclose(signal * seen - noise * velocity, expected, atol=1e-5)


def test_of_other_predictions_of_such_a_solver_no_level_is_known() -> None:
    solver = diffusers.EDMDPMSolverMultistepScheduler(prediction_type="epsilon")
    with pytest.raises(InputError, match="EDMDPMSolverMultistepScheduler has no alphas_cumprod"):
        level_of(solver, 0.5)


def test_a_network_is_the_same_whether_its_norms_were_taken_before_or_after_a_cast() -> None:
    """Weights that follow from their norm are made anew at each call, until then they are in the dtype of before."""
    vae = FAMILY.make()["vae"].to(torch.bfloat16)
    layer = vae.decoder.conv1
    assert layer.weight.dtype == torch.float32
    before = identity_of(vae).digest
    vae.decode(torch.zeros(1, 4, 2, dtype=torch.bfloat16))
    assert layer.weight.dtype == torch.bfloat16
    assert identity_of(vae).digest == before
    with torch.no_grad():
        layer.weight_g.mul_(2)
    assert identity_of(vae).digest != before
