"""Music of ACE-Step: repositories of both layouts open, what does not fit is refused, and what differs from the classic pipeline."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from family_rows.stable_audio import RATE, waves
from family_table import families

from brickwork import AdaptiveProjectedGuidance, InputError, ModularPipeline
from brickwork.blocks.steps.schedule_limits import step_count_faults

FAMILY = families()["ace_step"]
GIVEN = FAMILY.tasks["text2music"].given
SHORT = {"num_inference_steps": 1}


def test_a_repository_of_either_layout_makes_what_the_classic_makes(tmp_path: Path) -> None:
    classic = FAMILY.classic(diffusers.AceStepPipeline, FAMILY.parts("float32"))
    classic.save_pretrained(tmp_path / "classic")
    opened = ModularPipeline.from_pretrained(str(tmp_path / "classic")).load_components()
    opened.save_pretrained(tmp_path / "saved")
    again = ModularPipeline.from_pretrained(str(tmp_path / "saved")).load_components()
    given = {**GIVEN, **SHORT}
    for pipe in (opened, again):
        pipe.configure(progress=False)
        assert pipe.guider == FAMILY.ready("text2music").guider
        parts = {name: pipe.components[name] for name in FAMILY.parts("float32")}
        # Its networks round by where weights lie in memory: the classic is asked with those that were loaded.
        theirs = FAMILY.classic(diffusers.AceStepPipeline, parts)
        expected = theirs(**{**given, "guidance_scale": 7.0}, generator=torch.Generator().manual_seed(7)).audios
        state = pipe(**given, generator=torch.Generator().manual_seed(7))
        assert torch.equal(state.audios, expected)
        assert state.sampling_rate == RATE
        # 3.2 seconds are 6.4 latents, of eight samples each.
        assert state.audios.shape == (2, 2, 7 * 8)
        assert float(state.audios.abs().max()) == pytest.approx(10 ** (-1 / 20))


def test_music_of_a_batch_is_the_music_alone_where_texts_are_as_long() -> None:
    """The transformer is not told which tokens are padding, so that the shorter of two texts would be another one in a batch."""
    texts = {"prompt": ["a red circle", "a big square"], "lyrics": ["la la", "do re"], "vocal_language": "en"}
    drawn = FAMILY.draw("text2music", **texts, **SHORT, seed=[1, 2])
    for row in range(2):
        alone = FAMILY.draw(
            "text2music",
            **{**texts, "prompt": texts["prompt"][row], "lyrics": texts["lyrics"][row]},
            **SHORT,
            seed=row + 1,
        )
        assert float((drawn[row] - alone[0]).abs().max()) < 1e-4


def test_a_seed_makes_music_with_a_timbre_again_where_the_classic_makes_other_music() -> None:
    given = {"reference_audio": waves(2, 90)[0], **SHORT}
    first, again = (FAMILY.draw("text2music", **given) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, FAMILY.draw("text2music", **SHORT))
    of_each = FAMILY.draw("text2music", **{**given, "reference_audio": [waves(2, 90)[0]] * 2})
    assert torch.allclose(of_each, first, atol=1e-5)
    classic = FAMILY.classic(diffusers.AceStepPipeline, FAMILY.parts("float32"))
    one, other = (
        FAMILY.drawn_by(classic, {**GIVEN, **given, "generator": torch.Generator().manual_seed(7)}) for _ in range(2)
    )
    assert not torch.equal(one, other)


def test_latents_are_handed_out_and_taken() -> None:
    latents = FAMILY.draw("text2music", **SHORT, output_type="latent")
    assert latents.shape == (2, 4, 7)
    noise = torch.randn(2, 4, 7, generator=torch.Generator().manual_seed(3))
    drawn = FAMILY.draw("text2music", **SHORT, latents=noise)
    theirs = FAMILY.classic(diffusers.AceStepPipeline, FAMILY.parts("float32"))
    asked = {**GIVEN, **SHORT, "guidance_scale": 7.0, "latents": noise.transpose(1, 2)}
    assert torch.equal(drawn, FAMILY.drawn_by(theirs, asked))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"lyrics": ["la"]}, "lyrics holds 1 for 2 prompts; give one for each, or one for all"),
        ({"vocal_language": ["en"] * 3}, "vocal_language holds 3 for 2 prompts"),
        ({"audio_duration": 0.0}, "audio_duration"),
        ({"bpm": 0}, "bpm"),
        ({"reference_audio": torch.zeros(2, 8, dtype=torch.int16)}, "reference_audio has numbers of torch.int16"),
        ({"reference_audio": []}, "reference_audio is no waveform"),
        (
            {"reference_audio": waves(2, 90)[0], "reference_audio_sampling_rate": 8},
            "reference_audio_sampling_rate is 8, and the VAE reads 16 samples a second",
        ),
        ({"reference_audio": torch.zeros(3, 2, 90)}, "reference_audio holds 3 sounds for 2 prompts"),
        (
            {"latents": torch.zeros(2, 4, 8)},
            r"latents have the shape \[2, 4, 8\]; 2 sounds of 3.2 seconds need \[2, 4, 7\]",
        ),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        FAMILY.draw("text2music", **{**SHORT, **given})


@pytest.mark.parametrize("told", [{"is_turbo": True}, {"model_version": "turbo"}])
def test_a_turbo_model_is_not_guided_a_second_time(told: dict[str, Any]) -> None:
    """The classic leaves the guidance that was asked for out, with a line in its log."""
    turbo = copy.deepcopy(FAMILY.parts("float32")["transformer"])
    turbo.register_to_config(**told)
    pipe = FAMILY.ready("text2music")
    plain = pipe.transformer
    pipe.update_components(transformer=turbo)
    try:
        with pytest.raises(InputError, match="transformer is a turbo model, .* pass guidance_scale=0"):
            pipe(**{**GIVEN, **SHORT})
        drawn = pipe(
            **{**GIVEN, **SHORT, "guidance_scale": 0.0}, generator=torch.Generator().manual_seed(7), output="audios"
        )
        classic = FAMILY.classic(diffusers.AceStepPipeline, {**FAMILY.parts("float32"), "transformer": turbo})
        asked = {**GIVEN, **SHORT, "guidance_scale": 7.0, "generator": torch.Generator().manual_seed(7)}
        assert torch.equal(drawn, FAMILY.drawn_by(classic, asked))
    finally:
        pipe.update_components(transformer=plain)


def test_other_guidance_of_the_same_scale_is_another_music() -> None:
    guider = AdaptiveProjectedGuidance(guidance_scale=6.0, use_original_formulation=True)
    assert not torch.equal(FAMILY.draw("text2music", guider, **SHORT), FAMILY.draw("text2music", **SHORT))


def test_a_flow_that_tells_times_in_0_to_1_has_no_count_of_steps() -> None:
    flow = diffusers.FlowMatchEulerDiscreteScheduler
    assert not list(step_count_faults(flow(num_train_timesteps=1), 8))
    assert [str(each) for each in step_count_faults(flow(num_train_timesteps=2), 8)] != []
    assert [str(each) for each in step_count_faults(diffusers.DDIMScheduler(num_train_timesteps=1), 8)] != []
