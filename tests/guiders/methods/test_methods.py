"""Every guidance method against diffusers' own class where that is right, else against its formula."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import diffusers
import diffusers.guiders
import pytest
import torch

import brickwork.guiders as ours
from brickwork import InputError, RepoError
from brickwork.guiders import (
    GUIDERS,
    ClassifierFreeGuidance,
    ClassifierFreeZeroStarGuidance,
    FrequencyDecoupledGuidance,
    GuidanceStep,
    Guider,
    LayerSkipConfig,
    MagnitudeAwareGuidance,
    PerturbedAttentionGuidance,
    guider_of,
)
from brickwork.guiders.methods.tangential import damped, in_closed_form

CASES: list[tuple[str, dict[str, Any]]] = [
    ("ClassifierFreeGuidance", {"guidance_rescale": 0.7}),
    ("AdaptiveProjectedGuidance", {}),
    ("AdaptiveProjectedGuidance", {"adaptive_projected_guidance_momentum": -0.5, "eta": 0.0, "adaptive_projected_guidance_rescale": 2.0}),
    ("AdaptiveProjectedGuidance", {"guidance_rescale": 0.5, "use_original_formulation": True, "adaptive_projected_guidance_norm_dim": (-1, -2)}),
    ("AdaptiveProjectedGuidance", {"adaptive_projected_guidance_norm_dim": 1, "start": 0.2, "stop": 0.8}),
    ("AdaptiveProjectedMixGuidance", {}),
    ("AdaptiveProjectedMixGuidance", {"guidance_rescale": 0.5, "adaptive_projected_guidance_start_step": 1}),
    ("ClassifierFreeZeroStarGuidance", {}),
    ("ClassifierFreeZeroStarGuidance", {"zero_init_steps": 3, "use_original_formulation": True, "stop": 0.7}),
    ("TangentialClassifierFreeGuidance", {"guidance_rescale": 0.3}),
    ("TangentialClassifierFreeGuidance", {"use_original_formulation": True}),
    ("FrequencyDecoupledGuidance", {}),
    ("FrequencyDecoupledGuidance", {"guidance_scales": [7.0, 5.0, 3.0], "parallel_weights": [0.5, 1.0, 0.2], "guidance_rescale": 0.4}),
    ("FrequencyDecoupledGuidance", {"guidance_rescale": [0.2, 0.3], "guidance_rescale_space": "freq", "use_original_formulation": True}),
]  # fmt: skip


def predictions(index: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(index)
    conditional, unconditional = torch.randn(2, 3, 4, 16, 16, generator=generator)
    return {"conditional": conditional, "unconditional": unconditional}


@pytest.mark.parametrize(("name", "options"), CASES)
def test_predictions_are_combined_as_diffusers_does_over_a_whole_loop(name: str, options: dict[str, Any]) -> None:
    mine = getattr(ours, name)(**options)
    theirs = getattr(diffusers.guiders, name)(**options)
    memory = None
    for index in range(10):
        made = predictions(index)
        theirs.set_state(step=index, num_inference_steps=10, timestep=torch.tensor(1))
        theirs.prepare_inputs({"x": (1, 2)})
        expected = theirs.forward(made["conditional"], made["unconditional"]).pred
        step = GuidanceStep(index, 10)
        asked = {branch.name: made[branch.name] for branch in mine.branches(step)}
        guided, memory = mine.combine(asked, step, memory)
        assert torch.equal(guided, expected), index


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("alike", [0.0, 0.9, 0.9999, -0.9, 1.0])
def test_the_shared_direction_is_that_of_the_singular_value_decomposition(alike: float, dtype: torch.dtype) -> None:
    conditional, own = torch.randn(2, 3, 4, 16, 16, generator=torch.Generator().manual_seed(5))
    conditional, unconditional = (
        each.to(dtype) for each in (conditional, alike * 1.3 * conditional + 0.7 * (1 - alike**2) * own)
    )
    both = torch.stack([conditional, unconditional], dim=1).double().flatten(2)
    first = torch.linalg.svd(both, full_matrices=False)[2][:, :1]
    expected = (both[:, 1:] @ first.transpose(-2, -1) @ first).reshape(unconditional.shape)
    found = in_closed_form(conditional, unconditional)
    # A hundred-thousandth of the largest value: the decomposition itself rounds so, and otherwise on each kind of processor.
    near = 1e-5 * max(1.0, float(expected.abs().max())) if dtype == torch.float32 else 2e-2
    assert torch.allclose(found, damped(conditional, unconditional), atol=near, rtol=0)
    assert found.dtype == dtype
    assert torch.allclose(found.double(), expected, atol=3e-6 if dtype == torch.float32 else 2e-2, rtol=0)


def test_where_nothing_is_predicted_nothing_is_kept() -> None:
    zeros = torch.zeros(2, 4, 8, 8)
    assert torch.equal(in_closed_form(zeros, zeros), zeros)
    one = torch.ones(2, 4, 8, 8)
    assert torch.equal(in_closed_form(one, zeros), zeros)
    assert torch.equal(in_closed_form(zeros, one), one)


# Where diffusers is wrong


def test_zero_with_rescaling_is_zero_and_not_nan() -> None:
    theirs = diffusers.ClassifierFreeZeroStarGuidance(guidance_rescale=0.5)
    theirs.set_state(step=0, num_inference_steps=10, timestep=torch.tensor(1))
    made = predictions(0)
    assert theirs.forward(made["conditional"], made["unconditional"]).pred.isnan().all()
    guider = ClassifierFreeZeroStarGuidance(guidance_rescale=0.5)
    assert [branch.name for branch in guider.branches(GuidanceStep(0, 10))] == ["conditional"]
    assert not guider.combine({"conditional": made["conditional"]}, GuidanceStep(0, 10))[0].any()


@pytest.mark.parametrize("original", [False, True])
def test_magnitudes_are_those_of_whole_pictures(original: bool) -> None:
    made = predictions(0)
    theirs = diffusers.guiders.MagnitudeAwareGuidance()
    with pytest.raises(RuntimeError, match="dim must be a 2-tuple"):
        theirs.forward(made["conditional"], made["unconditional"])
    conditional, unconditional = made["conditional"], made["unconditional"]
    guider = MagnitudeAwareGuidance(guidance_scale=6.0, alpha=2.0, use_original_formulation=original)
    guided, _ = guider.combine(made, GuidanceStep(0, 10))
    for number in range(3):
        shift = conditional[number] - unconditional[number]
        damping = torch.exp(-2.0 * shift.flatten().norm() / unconditional[number].flatten().norm())
        scale = 6.0 * damping if original else 1 + 5.0 * damping
        expected = (conditional if original else unconditional)[number] + scale * shift
        assert torch.allclose(guided[number], expected, atol=1e-6)


def test_a_level_outside_of_its_window_keeps_the_conditional_band() -> None:
    guider = FrequencyDecoupledGuidance(guidance_scales=[4.0, 2.0], start=[0.0, 0.5], stop=[1.0, 1.0])
    made = predictions(0)
    found, _ = guider.combine(made, GuidanceStep(1, 10))
    low = FrequencyDecoupledGuidance(guidance_scales=[4.0, 1.0]).combine(made, GuidanceStep(1, 10))[0]
    assert torch.allclose(found, low, atol=1e-5)


@pytest.mark.parametrize("size", [(16, 16), (12, 20), (9, 7), (1, 3)])
def test_frequencies_of_any_size_come_back_together(size: tuple[int, int]) -> None:
    made = {"conditional": torch.randn(1, 4, *size), "unconditional": torch.randn(1, 4, *size)}
    step = GuidanceStep(0, 10)
    found, _ = FrequencyDecoupledGuidance(guidance_scales=[3.0, 3.0, 3.0]).combine(made, step)
    expected, _ = ClassifierFreeGuidance(guidance_scale=3.0).combine(made, step)
    assert torch.allclose(found, expected, atol=1e-5)


# Scales, windows


def test_a_scale_may_change_over_the_steps() -> None:
    listed = ClassifierFreeGuidance(guidance_scale=[1.0, 2.0, 3.0])
    falling = ClassifierFreeGuidance(guidance_scale=lambda progress: 4.0 - 3.0 * progress)
    made = predictions(0)
    for index, (first, second) in enumerate(zip([1.0, 2.0, 3.0, 3.0], [4.0, 3.25, 2.5, 1.75], strict=True)):
        step = GuidanceStep(index, 4)
        for guider, scale in ((listed, first), (falling, second)):
            asked = {branch.name: made[branch.name] for branch in guider.branches(step)}
            expected = ClassifierFreeGuidance(guidance_scale=scale)
            assert guider.branches(step) == expected.branches(step)
            assert torch.equal(guider.combine(asked, step)[0], expected.combine(asked, step)[0])


@pytest.mark.parametrize("wrong", [[], "7", None, [1.0, "a"], True])
def test_what_is_no_scale_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match="scale"):
        ClassifierFreeGuidance(guidance_scale=wrong)


@pytest.mark.parametrize(("count", "expected"), [(30, [1, 2, 3, 4, 5]), (10, [1]), (5, [1]), (100, list(range(1, 20)))])
def test_the_window_of_a_perturbation_has_at_least_one_step(count: int, expected: list[int]) -> None:
    guider = PerturbedAttentionGuidance()
    assert [i for i in range(count) if guider.is_perturbed(GuidanceStep(i, count))] == expected


def test_a_perturbed_prediction_is_combined_as_diffusers_does() -> None:
    options: dict[str, Any] = {
        "perturbed_guidance_layers": [0],
        "perturbed_guidance_stop": 1.0,
        "guidance_rescale": 0.2,
    }
    for more in ({}, {"guidance_scale": 1.0}, {"use_original_formulation": True}, {"stop": 0.3}):
        mine = PerturbedAttentionGuidance(**options, **more)
        theirs = diffusers.PerturbedAttentionGuidance(**options, **more)
        for index in (1, 5, 9):
            made = {**predictions(index), "perturbed": predictions(index + 50)["conditional"]}
            step = GuidanceStep(index, 10)
            asked = {branch.name: made[branch.name] for branch in mine.branches(step)}
            theirs.set_state(step=index, num_inference_steps=10, timestep=torch.tensor(1))
            expected = theirs.forward(made["conditional"], made["unconditional"], made["perturbed"]).pred
            assert torch.equal(mine.combine(asked, step)[0], expected)


# Files, names, objects of diffusers


@pytest.mark.parametrize("name", [name for name in GUIDERS if hasattr(diffusers.guiders, name)])
def test_files_open_both_ways(name: str, tmp_path: Path) -> None:
    layers = {"PerturbedAttentionGuidance": {"perturbed_guidance_layers": [2]}, "SkipLayerGuidance": {"skip_layer_guidance_layers": [2]},
              "SmoothedEnergyGuidance": {"seg_guidance_layers": [2]},
              "AutoGuidance": {"auto_guidance_layers": [2], "dropout": 0.5}}.get(name, {})  # fmt: skip
    mine = GUIDERS[name](**layers)
    mine.save_pretrained(str(tmp_path / "mine"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = getattr(diffusers.guiders, name).from_pretrained(tmp_path / "mine")
        theirs.save_pretrained(tmp_path / "theirs")
    for folder in ("mine", "theirs"):
        found = Guider.from_pretrained(str(tmp_path / folder))
        assert type(found) is GUIDERS[name]
        assert found.branches(GuidanceStep(2, 10)) == mine.branches(GuidanceStep(2, 10))
    assert Guider.from_pretrained(str(tmp_path), subfolder="mine") == mine
    known = set(mine.config) - {"enabled"}
    assert known == set(dict(theirs.config)) - {"enabled", "_use_default_values", "_class_name", "_diffusers_version"}
    assert type(guider_of(theirs)) is GUIDERS[name]


def test_functions_are_not_saved(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be saved: guidance_scale is a function"):
        ClassifierFreeGuidance(guidance_scale=lambda _: 3.0).save_pretrained(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "There is no guider_config.json"), ("{", "cannot be read: Expecting property name"), ("[]", "holds no JSON object"),
     ('{"_class_name": "SkipLayer"}', "Did you mean 'SkipLayerGuidance'")],
)  # fmt: skip
def test_broken_files_are_refused(content: str | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "guider_config.json").write_text(content)
    with pytest.raises(RepoError, match=message):
        Guider.from_pretrained(str(tmp_path))


def test_what_is_no_guider_is_refused() -> None:
    with pytest.raises(
        InputError, match="'PerturbedAttention' is no guider. Did you mean 'PerturbedAttentionGuidance'?"
    ):
        guider_of("PerturbedAttention")
    with pytest.raises(InputError, match="An int is no guider"):
        guider_of(3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dropout": 2.0}, "dropout is 2.0; it is a share"),
        ({"skip_attention_scores": True}, "exclude each other"),
        ({"skip_attention_scores": True, "skip_attention": False, "dropout": 0.5}, "has no dropout"),
        ({"indices": []}, "indices is empty"),
        ({"indices": ["mid"]}, "named by their numbers"),
    ],
)
def test_wrong_layers_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LayerSkipConfig(**options)
    assert LayerSkipConfig(range(2, 5)).indices == (2, 3, 4)
    assert LayerSkipConfig(3).indices == (3,)


def test_two_ways_to_name_layers_are_refused() -> None:
    for name, layers, config in (
        ("PerturbedAttentionGuidance", "perturbed_guidance_layers", "perturbed_guidance_config"),
        ("SkipLayerGuidance", "skip_layer_guidance_layers", "skip_layer_config"),
        ("SmoothedEnergyGuidance", "seg_guidance_layers", "seg_guidance_config"),
        ("AutoGuidance", "auto_guidance_layers", "auto_guidance_config"),
    ):
        said = rf"{name}: {layers}=1 and {config}=\{{'indices': \[2\]\}} are two ways to say one thing"
        with pytest.raises(InputError, match=said):
            GUIDERS[name](**{layers: 1, config: {"indices": [2]}})
