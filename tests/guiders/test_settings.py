"""Settings of guiders: what is none is refused by name, whichever guider it is and wherever it comes from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import diffusers
import pytest
from attrs import fields

from brickwork import (
    ClassifierFreeGuidance,
    InputError,
    PerturbedAttentionGuidance,
    SkipLayerGuidance,
    SmoothedEnergyGuidance,
)
from brickwork.guiders import Guider, LayerSkipConfig
from brickwork.guiders.guider_file import GUIDERS, guider_of
from brickwork.guiders.perturbation import Perturbation, configs_of, perturbations_of, written

NEEDED: dict[str, dict[str, Any]] = {"ClassifierGuidance": {"score": lambda samples, step: samples.sum()}}
SCALES = [(name, field.name) for name, cls in GUIDERS.items() for field in fields(cls) if field.name.endswith("_scale")]


def test_every_guider_with_a_strength_is_among_them() -> None:
    assert {name for name, _ in SCALES} >= GUIDERS.keys() - {
        "FrequencyDecoupledGuidance",
        "DynamicThresholding",
        "SampleSpaceGuidance",
    }
    assert {"image_guidance_scale", "skip_layer_guidance_scale", "classifier_scale"} <= {name for _, name in SCALES}


@pytest.mark.parametrize(("name", "scale"), SCALES)
def test_every_strength_is_checked_and_lists_become_tuples(name: str, scale: str) -> None:
    for wrong in ("7", [], None, True, [1.0, "a"]):
        with pytest.raises(
            InputError, match=rf"^{name}: {scale}: expected a number, a list of numbers, or a function of"
        ):
            GUIDERS[name](**NEEDED.get(name, {}), **{scale: wrong})
    made = GUIDERS[name](**NEEDED.get(name, {}), **{scale: [2, 3.0]})
    assert getattr(made, scale) == (2.0, 3.0)


@pytest.mark.parametrize("wrong", [7.5, [], None, "ab", lambda progress: 1.0])
def test_strengths_per_level_are_a_list_of_them(wrong: Any) -> None:
    with pytest.raises(InputError, match="scale"):
        GUIDERS["FrequencyDecoupledGuidance"](guidance_scales=wrong)
    levels: Any = GUIDERS["FrequencyDecoupledGuidance"](guidance_scales=[[2, 3], 1.0])
    assert levels.guidance_scales == ((2.0, 3.0), 1.0)


class ClassifierFreeGuidanceX:
    config = {"guidance_scale": 3.0}


def foreign(name: str, config: Any) -> Any:
    return type(name, (), {"config": config})()


@pytest.mark.parametrize("config", [None, 3, [("guidance_scale", 2.0)], SimpleNamespace(guidance_scale=2.0)])
def test_a_foreign_guider_without_a_configuration_is_none(config: Any) -> None:
    with pytest.raises(InputError, match="^A ClassifierFreeGuidance is no guider"):
        guider_of(foreign("ClassifierFreeGuidance", config))


def test_a_foreign_guider_that_lacks_one_altogether_is_none() -> None:
    with pytest.raises(InputError, match="^A ClassifierFreeGuidance is no guider"):
        guider_of(type("ClassifierFreeGuidance", (), {})())


def test_a_foreign_guider_of_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        InputError, match="A ClassifierFreeGuidanceX is no guider. Did you mean 'ClassifierFreeGuidance'"
    ):
        guider_of(ClassifierFreeGuidanceX())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"guidance_scale": 2.0}, "^A dict of 'guidance_scale' is no guider: '_class_name' is missing"),
        ({"_class_name": ["ClassifierFreeGuidance"]}, "is no guider"),
        ({"_class_name": "ClassifierFreeGuidance", "scale": 2.0}, "^ClassifierFreeGuidance has no 'scale'"),
        ({"_class_name": "ClassifierGuidance"}, "^ClassifierGuidance needs score=...; make it in Python"),
        (
            {"_class_name": "ClassifierFreeGuidance", "guidance_scale": "much"},
            "guidance_scale: expected a number, a list of numbers, or a function",
        ),
    ],
)
def test_an_odd_configuration_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        guider_of(config)


def test_notes_in_a_configuration_are_no_settings() -> None:
    made = guider_of(foreign("ClassifierFreeGuidance", {"_diffusers_version": "1", "guidance_scale": 2.0}))
    assert made == ClassifierFreeGuidance(guidance_scale=2.0)
    assert guider_of({"_class_name": "ClassifierFreeGuidance", "_note": 1}) == ClassifierFreeGuidance()
    assert guider_of(made) is made


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dropout": -0.1}, "dropout is -0.1; it is a share, 0 to 1"),
        ({"dropout": 1.1}, "dropout is 1.1; it is a share, 0 to 1"),
        ({"dropout": "half"}, "dropout is 'half'; it is a share, 0 to 1"),
        ({"indices": 1.5}, "named by their numbers, not 1.5"),
        ({"indices": True}, "named by their numbers, not True"),
        ({"indices": [1, None]}, r"named by their numbers, not \[1, None\]"),
        ({"indices": "mid"}, "named by their numbers, not 'mid'"),
        ({"fqn": 3}, "fqn is 3; it is the path of a stack of layers"),
        ({"skip_ff": "no"}, "skip_ff is 'no'; it is True or False"),
        ({"skip_attention": "no"}, "skip_attention is 'no'; it is True or False"),
        ({"skip_attention_scores": 2, "skip_attention": False}, "skip_attention_scores is 2; it is True or False"),
    ],
)
def test_each_wrong_setting_of_a_perturbation_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LayerSkipConfig(**options)


def test_all_wrong_settings_of_a_perturbation_are_named() -> None:
    with pytest.raises(InputError) as caught:
        LayerSkipConfig(indices=[], dropout=0.5, skip_attention_scores=True)
    assert len(caught.value.faults) == 3
    assert str(caught.value).startswith("LayerSkipConfig cannot be made")


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({}, ["block"]),
        ({"skip_ff": False}, ["attention"]),
        ({"skip_attention": False}, ["feed-forward"]),
        ({"skip_attention": False, "skip_attention_scores": True}, ["feed-forward", "scores"]),
        ({"skip_attention": False, "skip_ff": False, "skip_attention_scores": True}, ["scores"]),
        ({"skip_attention": False, "skip_ff": False}, []),
    ],
)
def test_a_configuration_asks_for_what_it_skips(options: dict[str, Any], kinds: list[str]) -> None:
    found = perturbations_of([LayerSkipConfig([1], "mid", **options)], seed=5)
    assert found == tuple(Perturbation(kind, (1,), "mid", 1.0, seed=5) for kind in kinds)  # type: ignore[arg-type]


def test_a_share_that_is_dropped_comes_along() -> None:
    assert perturbations_of([LayerSkipConfig(1, dropout=0.25)]) == (Perturbation("block", (1,), dropout=0.25),)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (3, "3 is no LayerSkipConfig, and no dict with its fields"),
        ("mid", "'mid' is no LayerSkipConfig"),
        ([LayerSkipConfig(), None], "None is no LayerSkipConfig"),
        ({"index": 3}, "LayerSkipConfig has no 'index'. Did you mean 'indices'"),
        ({3: 3}, "LayerSkipConfig has no '3'"),
        ({"indices": [1], "fqm": "a", "skip": True}, "has no 'fqm'.* LayerSkipConfig has no 'skip'"),
    ],
)
@pytest.mark.parametrize(
    ("guider", "setting"),
    [
        (PerturbedAttentionGuidance, "perturbed_guidance_config"),
        (SkipLayerGuidance, "skip_layer_config"),
        (SmoothedEnergyGuidance, "seg_guidance_config"),
    ],
)
def test_what_is_no_configuration_of_layers_is_refused_by_every_guider(
    guider: type[Guider], setting: str, given: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        guider(**{setting: given})


THEIRS = diffusers.guiders.smoothed_energy_guidance.SmoothedEnergyGuidanceConfig


@pytest.mark.parametrize(
    "given",
    [LayerSkipConfig([2], "mid"), {"indices": [2], "fqn": "mid"}, [{"indices": 2, "fqn": "mid"}], THEIRS([2], "mid")],
    ids=lambda given: type(given).__name__,
)
def test_layers_whose_queries_are_blurred_may_be_given_in_every_form(given: Any) -> None:
    found = SmoothedEnergyGuidance(seg_guidance_config=given).wanted_perturbations
    assert [(each.kind, each.layers, each.path) for each in found] == [("blur", (2,), "mid")]


def test_configurations_are_written_as_files_have_them() -> None:
    plain = {"fqn": "auto", "skip_attention": True, "skip_attention_scores": False, "skip_ff": True, "dropout": 1.0}
    assert written([LayerSkipConfig((1, 2)), LayerSkipConfig()]) == [
        {"indices": [1, 2], **plain},
        {"indices": None, **plain},
    ]
    assert configs_of(written([LayerSkipConfig(3)]), None) == (LayerSkipConfig(3),)
