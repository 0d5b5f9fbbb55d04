"""The guiders that a pipeline takes, with their settings as JSON schema."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from brickwork import GUIDERS, ClassifierFreeGuidance, FrequencyDecoupledGuidance, ModularPipeline, find_preset
from brickwork.blocks import SequentialPipelineBlocks
from brickwork.guiders import EmbeddedGuidance, guider_of
from brickwork.guiders.methods.auto_guidance import AutoGuidance
from brickwork.guiders.methods.classifier import ClassifierGuidance
from brickwork.pipeline.forms.guiders import guider_schema
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS


def test_a_guider_is_listed_with_what_it_does_and_the_pipelines_own_values(embedded_pipe: ModularPipeline) -> None:
    found = {each["name"]: each for each in embedded_pipe.guider_schemas()}
    own = found["ClassifierFreeGuidance"]
    assert own["description"].startswith("Push the prediction away")
    assert [name for name, each in found.items() if each["selected"]] == ["ClassifierFreeGuidance"]
    assert own["schema"]["properties"]["guidance_scale"]["default"] == 5.0
    assert found["AutoGuidance"]["schema"]["properties"]["guidance_scale"]["default"] == 7.5


def test_guiders_that_do_not_fit_the_family_or_need_a_function_are_not_listed(embedded_pipe: ModularPipeline) -> None:
    left = set(GUIDERS) - {each["name"] for each in embedded_pipe.guider_schemas()}
    # It tells frames apart; it reads tokens; it compares with a prediction without an image; it is given a function.
    assert left == {"FrameScaledGuidance", "NormKeptGuidance", "ImageTextGuidance", "ClassifierGuidance"}
    flux = {each["name"] for each in find_preset("flux.text2image").init_pipeline().guider_schemas()}
    assert {"NormKeptGuidance", "EmbeddedGuidance"} <= flux


def test_a_pipeline_without_a_guider_has_none() -> None:
    decode = {"decode": TEXT2IMAGE_BLOCKS["decode"]}
    assert SequentialPipelineBlocks.from_blocks_dict(decode).init_pipeline().guider_schemas() == []


@pytest.mark.parametrize(
    ("cls", "name", "said"),
    [
        (ClassifierFreeGuidance, "start", {"type": "number", "minimum": 0, "maximum": 1, "default": 0.0}),
        (ClassifierFreeGuidance, "enabled", {"type": "boolean", "default": True}),
        (FrequencyDecoupledGuidance, "guidance_rescale_space", {"enum": ["data", "freq"], "default": "data"}),
        (AutoGuidance, "dropout", {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "null"}], "default": None}),
        (ClassifierGuidance, "score", {"x-type": "function"}),
    ],
)  # fmt: skip
def test_a_setting_says_its_type_bounds_and_default(cls: Any, name: str, said: dict[str, Any]) -> None:
    schema = guider_schema(cls)
    found = dict(schema["properties"][name])
    assert found.pop("description")
    assert found == said
    assert schema["required"] == (["score"] if cls is ClassifierGuidance else [])


@pytest.mark.parametrize("name", GUIDERS)
def test_schemas_are_valid_and_take_the_defaults(name: str) -> None:
    schema = guider_schema(GUIDERS[name])
    Draft202012Validator.check_schema(schema)
    defaults = {key: each["default"] for key, each in schema["properties"].items() if "default" in each}
    # Of what JSON cannot hold, a guider in another one, there is none.
    if not schema["required"]:
        Draft202012Validator(schema).validate(defaults)
        assert guider_of({"_class_name": name, **defaults}) == GUIDERS[name]()


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        ({"guidance_scale": 3}, True),
        ({"guidance_scale": [3, 2.5]}, True),
        ({"guidance_scale": []}, False),
        ({"guidance_scale": "3"}, False),
        ({"start": 1.5}, False),
        ({"guidance_skale": 3}, False),
    ],
)  # fmt: skip
def test_a_schema_refuses_what_the_guider_refuses(given: dict[str, Any], holds: bool) -> None:
    assert Draft202012Validator(guider_schema(EmbeddedGuidance)).is_valid(given) is holds
    if holds:
        guider_of({"_class_name": "EmbeddedGuidance", **given})
    else:
        with pytest.raises(TypeError):
            guider_of({"_class_name": "EmbeddedGuidance", **given})
