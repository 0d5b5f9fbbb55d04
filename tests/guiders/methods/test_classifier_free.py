"""Classifier-free guidance against diffusers' own class."""

from __future__ import annotations

import diffusers
import pytest
import torch

from brickwork import ClassifierFreeGuidance, InputError
from brickwork.guiders import FrequencyDecoupledGuidance, GuidanceStep, Guider, SampleSpaceGuidance

CASES = [
    {},
    {"guidance_scale": 3.0},
    {"guidance_rescale": 0.7},
    {"use_original_formulation": True},
    {"guidance_scale": 2.0, "use_original_formulation": True, "guidance_rescale": 0.3},
]


@pytest.mark.parametrize("options", CASES)
def test_predictions_are_combined_as_diffusers_does(options: dict[str, float | bool]) -> None:
    generator = torch.Generator().manual_seed(0)
    positive, negative = torch.randn(2, 3, 4, 8, 8, generator=generator)
    theirs = diffusers.ClassifierFreeGuidance(**options)
    theirs.set_state(step=0, num_inference_steps=10, timestep=torch.tensor(1))
    expected = theirs.forward(positive, negative).pred
    step = GuidanceStep(0, 10)
    guided, memory = ClassifierFreeGuidance(**options).combine(
        {"conditional": positive, "unconditional": negative}, step
    )
    assert torch.equal(guided, expected)
    assert memory is None


@pytest.mark.parametrize(("start", "stop"), [(0.0, 1.0), (0.2, 0.75), (0.5, 0.5), (0.05, 0.1)])
def test_the_window_is_the_one_of_diffusers(start: float, stop: float) -> None:
    ours = ClassifierFreeGuidance(start=start, stop=stop)
    theirs = diffusers.ClassifierFreeGuidance(start=start, stop=stop)
    for index in range(10):
        theirs.set_state(step=index, num_inference_steps=10, timestep=torch.tensor(1))
        assert len(ours.branches(GuidanceStep(index, 10))) == theirs.num_conditions


def test_a_neutral_scale_needs_no_second_prediction() -> None:
    step = GuidanceStep(0, 10)
    assert [b.name for b in ClassifierFreeGuidance(guidance_scale=1.0).branches(step)] == ["conditional"]
    assert [b.name for b in ClassifierFreeGuidance(enabled=False).branches(step)] == ["conditional"]
    original = ClassifierFreeGuidance(guidance_scale=0.0, use_original_formulation=True)
    assert [b.name for b in original.branches(step)] == ["conditional"]
    assert not original.uses_negative
    prediction = torch.ones(1)
    assert original.combine({"conditional": prediction}, step)[0] is prediction


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_a_scale_of_the_call_up_to_one_is_no_guidance_and_that_of_an_object_is_its_formula(scale: float) -> None:
    step = GuidanceStep(0, 10)
    inner = ClassifierFreeGuidance()
    for guider in (inner, SampleSpaceGuidance(guider=inner), FrequencyDecoupledGuidance()):
        assert not guider.as_asked(scale).uses_negative
        assert guider.as_asked(2.0).uses_negative
    assert len(ClassifierFreeGuidance(guidance_scale=scale).branches(step)) == (1 if scale == 1.0 else 2)
    original = ClassifierFreeGuidance(use_original_formulation=True)
    assert original.as_asked(scale).uses_negative is (scale > 0)


def test_the_original_formulation_is_the_usual_one_with_a_scale_less_by_one() -> None:
    positive, negative = torch.tensor([5.0]), torch.tensor([2.0])
    predictions = {"conditional": positive, "unconditional": negative}
    step = GuidanceStep(0, 1)
    usual = ClassifierFreeGuidance(guidance_scale=4.0).combine(predictions, step)[0]
    original = ClassifierFreeGuidance(guidance_scale=3.0, use_original_formulation=True).combine(predictions, step)[0]
    assert usual.item() == original.item() == 14.0


def test_a_window_must_be_fractions() -> None:
    with pytest.raises(InputError, match=r"start=0.5 and stop=0.2 are fractions"):
        ClassifierFreeGuidance(start=0.5, stop=0.2)


def test_a_config_makes_the_same_guider_again() -> None:
    guider = ClassifierFreeGuidance(guidance_scale=3.0, stop=0.5)
    assert ClassifierFreeGuidance.from_config({**guider.config, "_class_name": "x"}) == guider
    assert set(guider.config) == set(dict(diffusers.ClassifierFreeGuidance().config)) - {"_use_default_values"}
    with pytest.raises(InputError, match="has no 'scale'"):
        ClassifierFreeGuidance.from_config({"scale": 1})


def test_a_guider_must_say_what_it_does() -> None:
    class Nothing(Guider): ...

    step = GuidanceStep(0, 1)
    with pytest.raises(InputError, match="Nothing has no guidance_scale"):
        Nothing().with_scale(3.0)
    with pytest.raises(NotImplementedError, match=r"Nothing must define branches\(step\)"):
        Nothing().branches(step)
    with pytest.raises(NotImplementedError, match="Nothing must define combine"):
        Nothing().combine({}, step)
    with pytest.raises(NotImplementedError, match="Nothing must define uses_negative"):
        _ = Nothing().uses_negative
