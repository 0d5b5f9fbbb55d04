"""Every setting of every guider, replaced by what is none: refused by the names of guider and setting, or it works."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import fields

from brickwork import ClassifierFreeGuidance, DynamicThresholding, InputError, RepoError
from brickwork.guiders import GUIDERS, GuidanceStep, Guider, NoiseLevel
from brickwork.guiders.guider_file import guider_of

NEEDED: dict[str, dict[str, Any]] = {"ClassifierGuidance": {"score": lambda samples, _: samples.mean(dim=(1, 2, 3))}}
ODD: dict[str, Any] = {
    "None": None,
    "nan": float("nan"),
    "inf": float("inf"),
    "-inf": float("-inf"),
    "-1": -1,
    "2**64": 2**64,
    "10**400": 10**400,
    "True": True,
    "text": "x",
    "list": [],
    "list of text": ["x"],
    "large list": [2**64],
    "dict": {},
    "dict of a guider": {"_class_name": {}},
}
SETTINGS = [(name, field.name) for name, cls in GUIDERS.items() for field in fields(cls)]


def predicted(guider: Guider) -> torch.Tensor:
    """What a guider makes of three steps with predictions of its own asking."""
    memory: Any = None
    guided = torch.zeros(1)
    assert isinstance(guider.uses_negative, bool)
    assert isinstance(guider.wanted_perturbations, tuple)
    for index in range(3):
        random = torch.Generator().manual_seed(index)
        shape = (1, 4, 2, 8, 8) if guider.on_frames else (1, 4, 8, 8)
        noise = NoiseLevel(torch.randn(shape, generator=random), 0.8, 0.6, "epsilon", 500.0)
        step = GuidanceStep(index, 3, noise)
        given = {each.name: torch.randn(shape, generator=random) for each in guider.branches(step)}
        if guider.needs_gradient(step):
            noise.latents.requires_grad_()
            given = {name: each + noise.latents for name, each in given.items()}
        guided, memory = guider.combine(given, step, memory)
    return guided


@pytest.mark.rotating(6)
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_an_odd_setting_is_refused_by_name_or_works(name: str, setting: str, odd: Any) -> None:
    given = {**NEEDED.get(name, {}), setting: odd}
    for make in (lambda: GUIDERS[name](**given), lambda: guider_of({"_class_name": name, **given})):
        refused = None
        try:
            assert predicted(make()).shape[-2:] == (8, 8)
        except InputError as error:
            refused = str(error)
        assert refused is None or (name in refused and setting in refused)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {"_class_name": "DynamicThresholding", "quantile": 1.5},
            "quantile: expected a fraction above 0, up to 1, got 1.5",
        ),
        (
            {"_class_name": "DynamicThresholding", "quantile": 0},
            "quantile: expected a fraction above 0, up to 1, got 0",
        ),
        (
            {"_class_name": "DynamicThresholding", "guider": {"_class_name": {}}},
            "DynamicThresholding: guider: A config",
        ),
        (
            {"_class_name": "DynamicThresholding", "guider": {"_class_name": []}},
            "DynamicThresholding: guider: A config",
        ),
        (
            {
                "_class_name": "DynamicThresholding",
                "guider": {"_class_name": "ClassifierFreeGuidance", "guidance_rescale": "x"},
            },
            "DynamicThresholding: guider: ClassifierFreeGuidance: guidance_rescale: expected float, got 'x'",
        ),
        ({"_class_name": "FrequencyDecoupledGuidance", "start": None}, "start: expected a fraction, 0 to 1, or a list"),
        ({"_class_name": {"a": 1}}, "which is no guider"),
    ],
)
def test_an_odd_setting_in_a_file_is_an_error_of_ours(config: dict[str, Any], words: str, tmp_path: Path) -> None:
    (tmp_path / Guider.config_name).write_text(json.dumps(config))
    with pytest.raises(RepoError) as caught:
        Guider.from_pretrained(str(tmp_path))
    assert words in str(caught.value)


RESCALED = [name for name, cls in GUIDERS.items() if "guidance_rescale" in {each.name for each in fields(cls)}]


@pytest.mark.parametrize("name", RESCALED)
def test_a_rescale_is_a_fraction(name: str) -> None:
    for odd in (-0.5, 1.01, 7):
        with pytest.raises(InputError, match=rf"{name}: guidance_rescale: expected a fraction, 0 to 1.* got \(?{odd}"):
            GUIDERS[name](guidance_rescale=odd)  # type: ignore[call-arg]
    assert [GUIDERS[name](guidance_rescale=each).config["guidance_rescale"] for each in (0, 1, 0.5)]  # type: ignore[call-arg]


def test_a_whole_number_beyond_64_bits_is_a_strength_like_any_other() -> None:
    whole, fraction = (predicted(ClassifierFreeGuidance(guidance_scale=scale)) for scale in (2**64, 2.0**64))
    assert torch.equal(whole, fraction)


def test_the_dimensions_of_a_norm_must_be_those_of_a_prediction() -> None:
    made = GUIDERS["AdaptiveProjectedGuidance"](adaptive_projected_guidance_norm_dim=(1, -3))  # type: ignore[call-arg]
    with pytest.raises(
        InputError, match=r"norm_dim: expected different dimensions of a prediction that has 4 \(0 to 3"
    ):
        predicted(made)


def test_settings_of_ones_own_guider_are_left_to_it() -> None:
    from attrs import frozen

    @frozen(kw_only=True, slots=False)
    class Own(DynamicThresholding):
        amount: float = 1.0

    assert Own(amount=None).amount is None  # type: ignore[arg-type]
    with pytest.raises(InputError, match="^Own: bound: expected"):
        Own(bound=-1.0)
