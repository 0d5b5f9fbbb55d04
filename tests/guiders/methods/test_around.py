"""Guiders around another one: dynamic thresholding, classifier guidance, guidance on clean samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import evolve
from diffusers import DDPMScheduler
from guided_families import FAMILIES, edit

import brickwork
from brickwork import InputError, ModularPipeline, RunError
from brickwork.blocks import PredictNoise
from brickwork.guiders import (
    AdaptiveProjectedGuidance,
    ClassifierFreeGuidance,
    ClassifierGuidance,
    DynamicThresholding,
    EmbeddedGuidance,
    GuidanceStep,
    Guider,
    ImageTextGuidance,
    NoiseLevel,
    PerturbedAttentionGuidance,
    SampleSpaceGuidance,
    StatefulGuider,
    guider_of,
)

PREDICTIONS: list[Any] = ["epsilon", "v_prediction", "sample", "flow"]


def noise(*seeds: int) -> torch.Tensor:
    return torch.stack([torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


def at(predicts: Any = "epsilon", latents: torch.Tensor | None = None) -> GuidanceStep:
    latents = noise(7, 8) if latents is None else latents
    return GuidanceStep(3, 10, NoiseLevel(latents, 0.6, 0.4 if predicts == "flow" else 0.8, predicts, 500.0))


def pair() -> dict[str, torch.Tensor]:
    return {"conditional": noise(1, 2), "unconditional": noise(3, 4)}


def brightness(samples: torch.Tensor, step: GuidanceStep) -> torch.Tensor:
    assert step.noise is not None
    return samples.mean(dim=(1, 2, 3)) * 100.0


# Dynamic thresholding


def test_samples_are_clipped_and_shrunk_as_diffusers_schedulers_do() -> None:
    reference = DDPMScheduler(thresholding=True, dynamic_thresholding_ratio=0.9, sample_max_value=1e9)
    samples = 3.0 * noise(1, 2, 3)
    samples[1] *= 0.1  # within the range: only its outliers are clipped
    found = DynamicThresholding(quantile=0.9, bound=1.0).thresholded(samples, 1.0)
    torch.testing.assert_close(found, reference._threshold_sample(samples), rtol=1e-6, atol=1e-6)
    assert found.abs().max() <= 1.0


@pytest.mark.parametrize("predicts", PREDICTIONS)
def test_the_sample_that_a_strong_scale_means_gets_the_range_of_the_unguided_one(predicts: Any) -> None:
    step, made = at(predicts), pair()
    inner = ClassifierFreeGuidance(guidance_scale=20.0)
    guided, _ = DynamicThresholding(guider=inner).combine(made, step)
    level = step.noise
    assert level is not None
    samples = [level.sample_of(each) for each in (made["conditional"], guided, inner.combine(made, step)[0])]
    unguided, found, strong = (sample.abs().flatten(1) for sample in samples)
    bound = torch.quantile(unguided, 0.995, dim=1)
    assert (strong.amax(dim=1) > 2.0 * bound).all()
    torch.testing.assert_close(found.amax(dim=1), bound, rtol=1e-4, atol=1e-4)


def test_many_values_are_no_matter() -> None:
    large = torch.randn(1, 4, 2100, 2100, generator=torch.Generator().manual_seed(0))
    assert DynamicThresholding().thresholded(large, 1.0).abs().max() <= 1.0


def test_what_is_not_guided_stays_as_it_is() -> None:
    made = {"conditional": noise(1, 2)}
    for guider in (
        DynamicThresholding(guider=ClassifierFreeGuidance(guidance_scale=1.0)),
        SampleSpaceGuidance(guider=ClassifierFreeGuidance(guidance_scale=1.0)),
        DynamicThresholding(enabled=False),
    ):
        assert len(guider.branches(at())) == 1
        assert guider.combine(made, at())[0] is made["conditional"]


def test_a_window_holds_for_what_is_added_and_not_for_the_inner_guider() -> None:
    guider = DynamicThresholding(guider=ClassifierFreeGuidance(guidance_scale=9.0), start=0.5, bound=0.1)
    early, late = at(), evolve(at(), index=7)
    plain = ClassifierFreeGuidance(guidance_scale=9.0).combine(pair(), early)[0]
    assert torch.equal(guider.combine(pair(), early)[0], plain)
    assert not torch.allclose(guider.combine(pair(), late)[0], plain, atol=0.1)


# Clean samples


@pytest.mark.parametrize("predicts", PREDICTIONS)
@pytest.mark.parametrize("inner", [ClassifierFreeGuidance(), ClassifierFreeGuidance(use_original_formulation=True)])
def test_on_clean_samples_weighted_sums_stay_as_they_are(inner: Guider, predicts: Any) -> None:
    found = SampleSpaceGuidance(guider=inner).combine(pair(), at(predicts))[0]
    torch.testing.assert_close(found, inner.combine(pair(), at(predicts))[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("predicts", PREDICTIONS)
def test_projection_is_along_the_clean_sample_whatever_the_network_predicts(predicts: Any) -> None:
    """Equations 7 and 8 of the paper on D(x), written out; the momentum, too, is one of samples."""
    guider = SampleSpaceGuidance(
        guider=AdaptiveProjectedGuidance(
            guidance_scale=5.0,
            eta=0.0,
            adaptive_projected_guidance_rescale=3.0,
            adaptive_projected_guidance_momentum=-0.5,
        )
    )
    step = at(predicts)
    level = step.noise
    assert level is not None
    memory: Any = None
    gathered = torch.zeros(2, 4, 8, 8, dtype=torch.float64)
    for _ in range(3):
        found, memory = guider.combine(pair(), step, memory)
        c, u = (level.sample_of(pair()[name]).double() for name in ("conditional", "unconditional"))
        gathered = (c - u) - 0.5 * gathered
        norm = gathered.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        direction = gathered * (3.0 / norm).clamp(max=1.0)
        unit = c / c.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        across = direction - (direction * unit).sum(dim=(1, 2, 3), keepdim=True) * unit
        torch.testing.assert_close(level.sample_of(found).double(), u + 5.0 * across, rtol=1e-4, atol=1e-4)


# Classifier guidance


@pytest.mark.parametrize("predicts", PREDICTIONS)
def test_noisy_latents_are_scored_as_in_algorithm_2_of_the_paper(predicts: Any) -> None:
    """`epsilon - s sigma grad log p(y | x)`, of which the sample, and from that the prediction, follow."""

    def log_probability(latents: torch.Tensor, step: GuidanceStep) -> torch.Tensor:
        return -((latents - 2.0) ** 2).sum(dim=(1, 2, 3)) / 2.0  # a Gaussian: its gradient is 2 - x

    step, made = at(predicts), pair()
    level = step.noise
    assert level is not None
    inner = ClassifierFreeGuidance(guidance_scale=3.0)
    with torch.no_grad():
        guider = ClassifierGuidance(guider=inner, score=log_probability, of="latents", classifier_scale=0.7)
        found, _ = guider.combine(made, step)
    plain = inner.combine(made, step)[0]
    moved = (level.latents - level.signal * level.sample_of(plain)) / level.noise
    moved = moved - 0.7 * level.noise * (2.0 - level.latents)
    assert not found.requires_grad
    torch.testing.assert_close(
        level.sample_of(found), (level.latents - level.noise * moved) / level.signal, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("name", [*FAMILIES, "edit"])
@pytest.mark.parametrize("batching", ["batched", "sequential"])
def test_the_gradient_of_a_clean_sample_goes_through_the_network(name: str, batching: str) -> None:
    family = edit() if name == "edit" else FAMILIES[name]()
    inner = ImageTextGuidance() if name == "edit" else ClassifierFreeGuidance(guidance_scale=3.0)
    t = torch.tensor(500.0)  # as Family.predict has it
    level = family.contract.noise_level(family.scheduler, family.inputs["scaled_latents"], t)

    def guided(latents: torch.Tensor) -> torch.Tensor:
        block: Any = PredictNoise.bind(family.contract)(denoiser=family.denoiser, guider=inner)
        inputs = {**family.inputs, "scaled_latents": latents}
        prediction: torch.Tensor = block.run(**inputs, i=3, num_inference_steps=10, t=t).noise_pred
        return prediction

    latents = level.latents.clone().requires_grad_()
    sample = evolve(level, latents=latents).sample_of(guided(latents))
    gradient = torch.autograd.grad(brightness(sample, GuidanceStep(3, 10, level)).sum(), latents)[0]
    expected = level.sample_of(guided(level.latents).detach()) + 1.5 * level.noise**2 / level.signal * gradient
    guider = ClassifierGuidance(guider=inner, score=brightness, classifier_scale=1.5)
    found = family.predict(guider, batching=batching).noise_pred
    assert not found.requires_grad
    assert not torch.allclose(found, guided(level.latents).detach(), atol=1e-3)
    torch.testing.assert_close(level.sample_of(found), expected, rtol=1e-3, atol=1e-3)
    assert all(parameter.grad is None for parameter in family.denoiser.parameters())


def test_the_memory_of_the_inner_guider_holds_no_graph() -> None:
    inner = AdaptiveProjectedGuidance(adaptive_projected_guidance_momentum=-0.5)
    latents = noise(5, 6).requires_grad_()
    made = {name: prediction * latents for name, prediction in pair().items()}
    found, memory = ClassifierGuidance(guider=inner, score=brightness).combine(made, at(latents=latents))
    assert not found.requires_grad
    assert not memory.requires_grad


def test_at_zero_signal_there_is_nothing_to_score() -> None:
    def never(samples: torch.Tensor, step: GuidanceStep) -> torch.Tensor:
        raise AssertionError

    step = GuidanceStep(0, 10, NoiseLevel(noise(7, 8), 0.0, 1.0, "v_prediction", 999.0))
    plain = ClassifierFreeGuidance().combine(pair(), step)[0]
    assert torch.equal(ClassifierGuidance(score=never).combine(pair(), step)[0], plain)


@pytest.mark.parametrize(
    ("score", "returned"),
    [
        (lambda samples, step: samples.detach().mean(), "Tensor without a gradient"),
        (lambda samples, step: 1.0, "float"),
    ],
)
def test_a_score_that_cannot_be_derived_is_refused(score: Any, returned: str) -> None:
    with pytest.raises(InputError, match=f"must return a tensor that depends on the samples .* returned {returned}"):
        ClassifierGuidance(score=score, of="latents").combine(pair(), at())


def test_a_pipeline_follows_a_score(tiny_pipe: ModularPipeline) -> None:
    inputs: dict[str, Any] = {"prompt": "a cat", "num_inference_steps": 4, "output": "latents", "output_type": "latent"}

    def drawn(**options: Any) -> torch.Tensor:
        found: torch.Tensor = tiny_pipe(**inputs, generator=torch.Generator().manual_seed(1), **options)
        return found

    plain = drawn()
    brighter = drawn(guider=ClassifierGuidance(score=brightness, classifier_scale=5.0))
    assert brighter.mean() > plain.mean() + 0.05
    assert not brighter.requires_grad
    assert torch.equal(drawn(), plain)
    noisy = drawn(guider=ClassifierGuidance(score=brightness, of="latents", classifier_scale=5.0))
    assert noisy.mean() > plain.mean()


def test_inference_mode_is_refused_in_words(tiny_pipe: ModularPipeline) -> None:
    tiny_pipe.configure(grad="inference")
    with pytest.raises(
        RunError, match=r'needs gradients, which torch.s inference mode cannot .*configure\(grad="no_grad"\)'
    ):
        tiny_pipe(prompt="a cat", num_inference_steps=2, output="images", guider=ClassifierGuidance(score=brightness))


# The protocol around it


def test_what_the_inner_guider_wants_is_wanted() -> None:
    inner = PerturbedAttentionGuidance(perturbed_guidance_stop=1.0)
    guider = DynamicThresholding(guider=inner)
    assert guider.branches(at()) == inner.branches(at())
    assert (guider.uses_negative, guider.wanted_perturbations) == (True, inner.wanted_perturbations)
    off = evolve(guider, enabled=False)
    assert (off.uses_negative, off.wanted_perturbations, len(off.branches(at()))) == (False, (), 1)
    assert guider.with_scale(2.0).guider == evolve(inner, guidance_scale=2.0)


def test_a_told_strength_is_all_that_changes_in_the_inner_branches() -> None:
    inner = PerturbedAttentionGuidance(perturbed_guidance_stop=1.0)
    asked = inner.branches(at())
    assert {each.negative for each in asked} == {True, False}
    assert any(each.perturbations for each in asked)
    told = EmbeddedGuidance(guidance_scale=2.5, guider=inner).branches(at())
    assert told == tuple(evolve(each, embedded_scale=2.5) for each in asked)
    dropped = EmbeddedGuidance(guidance_scale=2.5, guider=ImageTextGuidance()).branches(at())
    assert any(each.without for each in dropped)
    assert dropped == tuple(evolve(each, embedded_scale=2.5) for each in ImageTextGuidance().branches(at()))


def test_they_are_saved_with_their_inner_guider_and_nest(tmp_path: Path) -> None:
    guider = DynamicThresholding(
        guider=SampleSpaceGuidance(guider=PerturbedAttentionGuidance(perturbed_guidance_layers=[1, 2])), quantile=0.9
    )
    guider.save_pretrained(str(tmp_path))
    written = json.loads((tmp_path / "guider_config.json").read_text())
    assert written["guider"]["guider"]["_class_name"] == "PerturbedAttentionGuidance"
    assert Guider.from_pretrained(str(tmp_path)) == guider
    assert guider_of("SampleSpaceGuidance") == SampleSpaceGuidance(guider="ClassifierFreeGuidance")
    with pytest.raises(InputError, match=r"score is a function.*Give a list"):
        DynamicThresholding(guider=ClassifierGuidance(score=brightness)).save_pretrained(str(tmp_path))


def test_what_is_missing_or_wrong_is_said() -> None:
    with pytest.raises(InputError, match=r"ClassifierGuidance needs score=...; make it in Python"):
        guider_of("ClassifierGuidance")
    with pytest.raises(InputError, match="needs to know the level of noise"):
        DynamicThresholding().combine(pair(), GuidanceStep(0, 10))
    with pytest.raises(InputError, match="'ClassifierFree' is no guider"):
        DynamicThresholding(guider="ClassifierFree")
    with pytest.raises(InputError, match="is no guider: '_class_name' is missing"):
        DynamicThresholding(guider={"guidance_scale": 3.0})
    with pytest.raises(ValueError, match="quantile"):
        DynamicThresholding(quantile=0.0)
    guider = StatefulGuider(DynamicThresholding())
    guider.set_state(step=0, num_inference_steps=10)
    with pytest.raises(
        RunError, match="DynamicThresholding needs the level of noise, which a loop of foreign code cannot"
    ):
        guider.prepare_inputs({"x": (1, 2)})


def test_a_run_with_a_score_is_written_down(tiny_pipe: ModularPipeline) -> None:
    options = {"prompt": "a cat", "num_inference_steps": 2, "output": "images"}
    tiny_pipe(**options, guider=ClassifierGuidance(score=brightness))
    assert "ClassifierGuidance" in json.dumps(tiny_pipe.last_recipe.to_dict())
    cache = brickwork.MemoryCache(1 << 26)
    tiny_pipe.configure(cache=cache)
    drawn = [
        tiny_pipe(**options, output_type="pt", generator=torch.Generator().manual_seed(0), guider=guider)
        for guider in (
            ClassifierGuidance(score=brightness),
            ClassifierGuidance(score=lambda samples, step: -brightness(samples, step), classifier_scale=9.0),
            ClassifierGuidance(score=brightness),
        )
    ]
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])
