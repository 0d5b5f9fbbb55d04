"""The schema of a pipeline's inputs says what a form needs, and accepts what a call accepts."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from PIL.Image import Image

from brickwork import Block, InputParam, ModularPipeline, Outputs, Value, find_preset
from brickwork.blocks import ModularPipelineBlocks, Scope, SequentialPipelineBlocks
from brickwork.pipeline import kept_plans
from brickwork.pipeline.forms.inputs import required_sets
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS
from brickwork.state.values.form import Form
from brickwork.state.vocabulary import value_of

PRESETS = [
    "sdxl.auto",
    "sdxl.inpainting",
    "sd.upscale",
    "flux.kontext",
    "sd3.controlnet.inpainting",
    "dit.class2image",
    "ddpm.auto",
    "flux.redux",
]
FILE = {"$file": "sha256:ab"}


def facts(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in schema["properties"][name].items() if key.startswith("x-") or key == "default"}


@pytest.fixture(scope="session")
def schema(embedded_pipe: ModularPipeline) -> dict[str, Any]:
    return embedded_pipe.input_schema()


def test_a_side_has_the_familys_multiple_and_the_size_that_a_run_takes(schema: dict[str, Any]) -> None:
    assert schema["properties"]["height"]["anyOf"] == [
        {"type": "integer", "minimum": 1, "multipleOf": 8},
        {"type": "null"},
    ]
    assert facts(schema, "height") == {
        "default": 64,
        "x-role": "other",
        "x-group": "size",
        "x-unit": "pixels",
        "x-order": 4,
    }
    assert facts(schema, "width")["default"] == 64
    assert "multipleOf" not in str(schema["properties"]["num_inference_steps"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("prompt", {"x-role": "prompt", "x-group": "prompt", "x-order": 0}),
        ("negative_prompt", {"default": None, "x-role": "prompt", "x-group": "prompt", "x-order": 2}),
        ("seed", {"default": None, "x-role": "seed", "x-group": "sampling", "x-order": 7}),
        ("guidance_scale", {"default": 5.0, "x-role": "other", "x-group": "guidance", "x-order": 8}),
        ("output_type", {"default": "pil", "x-role": "other", "x-group": "output", "x-order": 10}),
        ("latents", {"default": None, "x-role": "latents", "x-group": "expert", "x-order": 16}),
        ("eta", {"default": 0.0, "x-role": "other", "x-group": "expert", "x-unit": "fraction", "x-order": 26}),
    ],
)  # fmt: skip
def test_an_input_says_how_it_is_shown(schema: dict[str, Any], name: str, said: dict[str, Any]) -> None:
    assert facts(schema, name) == said


def test_what_json_cannot_hold_says_its_type(schema: dict[str, Any]) -> None:
    assert schema["properties"]["generator"]["anyOf"][0] == {"x-type": "Generator"}
    assert facts(schema, "prompt_embeds")["x-role"] == "embeds"
    assert schema["properties"]["prompt_embeds"]["x-type"] == "Tensor"


def test_inputs_that_stand_for_each_other_are_sets_of_which_one_is_needed(
    embedded_pipe: ModularPipeline, schema: dict[str, Any]
) -> None:
    assert schema["required"] == []
    assert schema["anyOf"] == [{"required": ["prompt"]}, {"required": ["prompt_embeds", "pooled_prompt_embeds"]}]
    alone = embedded_pipe.input_schema("prompt_embeds")
    assert (alone["required"], "anyOf" in alone) == (["prompt_embeds", "pooled_prompt_embeds"], False)
    assert [alone["properties"][name]["x-order"] for name in alone["required"]] == [0, 1]
    assert "prompt" not in alone["properties"]


def test_what_all_alternatives_need_is_required() -> None:
    schema = find_preset("sdxl.inpainting").init_pipeline().input_schema()
    assert schema["required"] == ["image", "mask_image"]
    assert schema["anyOf"] == [{"required": ["prompt"]}, {"required": ["prompt_embeds", "pooled_prompt_embeds"]}]
    assert facts(schema, "image") == {"x-role": "image", "x-group": "image", "x-order": 1, "x-file": True}
    assert facts(schema, "mask_image")["x-role"] == "mask"
    assert facts(schema, "strength")["x-unit"] == "fraction"


def test_the_pipelines_own_values_are_defaults_and_need_not_be_given() -> None:
    pipe = find_preset("sdxl.text2image").init_pipeline()
    assert facts(pipe.input_schema(), "height")["default"] is None
    pipe.input_defaults = {"prompt": "a hill", "height": 72, "seed": 7}
    schema = pipe.input_schema()
    assert [schema["properties"][name]["default"] for name in pipe.input_defaults] == ["a hill", 72, 7]
    assert (schema["required"], "anyOf" in schema) == ([], False)


def test_a_strength_that_a_block_chooses_is_a_default(embedded_pipe: ModularPipeline) -> None:
    pipe = find_preset("sdxl.image2image").init_pipeline()
    pipe.update_components(**embedded_pipe.components)
    schema = pipe.input_schema()
    assert facts(schema, "strength")["default"] == 0.3
    # The image says it.
    assert facts(schema, "height")["default"] is None


def test_the_longest_text_of_a_family_is_a_default() -> None:
    assert facts(find_preset("flux.text2image").init_pipeline().input_schema(), "max_sequence_length")["default"] == 512


def test_a_side_within_a_scope_goes_by_its_name_outside(embedded_pipe: ModularPipeline) -> None:
    scope = Scope.from_blocks_dict(TEXT2IMAGE_BLOCKS, inputs={"height": "tall"})
    pipe = SequentialPipelineBlocks.from_blocks_dict({"scope": scope}).init_pipeline()
    pipe.update_components(**embedded_pipe.components)
    tall = pipe.input_schema()["properties"]["tall"]
    assert (tall["anyOf"][0]["multipleOf"], tall["default"]) == (8, 64)


@pytest.mark.parametrize("name", PRESETS)
def test_schemas_of_presets_are_valid_and_each_workflow_needs_what_the_whole_says(name: str) -> None:
    pipe = find_preset(name).init_pipeline()
    whole = pipe.input_schema()
    Draft202012Validator.check_schema(whole)
    validator = Draft202012Validator(whole)
    for workflow in pipe.available_workflows[:4]:
        schema = pipe.input_schema(workflow)
        Draft202012Validator.check_schema(schema)
        assert schema["properties"].keys() <= whole["properties"].keys()
        assert any(each <= set(schema["required"]) for each in required_sets(pipe))
        given = {each: _example(schema["properties"][each]) for each in schema["required"]}
        validator.validate(given)
        Draft202012Validator(schema).validate(given)
    orders = [each["x-order"] for each in whole["properties"].values()]
    assert sorted(orders) == list(range(len(orders)))


def _example(schema: dict[str, Any]) -> Any:
    if schema.get("x-file"):
        return [FILE] if schema.get("type") == "array" else FILE
    return 3 if schema["x-role"] == "other" else "a hill"


@pytest.mark.parametrize(
    ("given", "holds"),
    [
        ({"prompt": "a red circle", "seed": 7, "height": 64, "num_inference_steps": 4}, True),
        ({"prompt": ["a", "b"], "seed": [1, 2], "guidance_scale": 3, "crops_coords_top_left": [0, 8]}, True),
        ({"prompt_embeds": FILE, "pooled_prompt_embeds": FILE}, True),
        ({"prompt": "a", "height": None}, True),
        ({"prompt": "a", "height": 65}, False),
        ({"prompt": "a", "promt": 1}, False),
        ({"prompt_embeds": FILE}, False),
        ({"height": 64}, False),
    ],
)  # fmt: skip
def test_a_schema_takes_what_a_call_takes(schema: dict[str, Any], given: dict[str, Any], holds: bool) -> None:
    assert Draft202012Validator(schema).is_valid(given) is holds


class Draws(Block):
    """Draws nothing."""

    class Out(Outputs):
        x: int

    def run(self, picture: int = 1) -> Out:
        return self.Out(x=picture)


def test_what_no_vocabulary_knows_is_for_experts() -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"draws": Draws}).init_pipeline()
    assert facts(pipe.input_schema(), "picture") == {"default": 1, "x-role": "other", "x-group": "expert", "x-order": 0}


class Mirrors(ModularPipelineBlocks):
    """A foreign block, which says a type and no more."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("photo", type_hint=list[Image], required=True)]

    def __call__(self, components: Any, state: Any) -> Any:
        return components, state


def test_an_image_of_a_foreign_block_is_a_file() -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"mirrors": Mirrors}).init_pipeline()
    assert facts(pipe.input_schema(), "photo") == {"x-role": "image", "x-group": "image", "x-order": 0, "x-file": True}


def test_a_value_says_how_it_is_shown() -> None:
    assert Value(form=Form("mask", "image")).form.role == "mask"
    assert value_of(int) is None


def test_a_schema_is_the_callers_own_and_follows_defaults_and_edits(embedded_pipe: ModularPipeline) -> None:
    pipe = ModularPipeline(embedded_pipe.blocks)
    known = pipe.input_schema()
    known["properties"]["height"]["anyOf"].clear()
    known["properties"].pop("prompt")
    again = pipe.input_schema()
    assert again["properties"]["height"]["anyOf"][0]["multipleOf"] == 8
    pipe.input_defaults = {"width": 32}
    assert pipe.input_schema()["properties"]["width"]["default"] == 32
    assert "clip_skip" in again["properties"]
    pipe.blocks.sub_blocks.pop("text_encoder")
    assert "clip_skip" not in pipe.input_schema()["properties"]


def searched(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The compositions whose workflows are looked for from here on."""
    found: list[object] = []
    search = kept_plans.all_workflows

    def noted(blocks: ModularPipelineBlocks, *, few: bool) -> Iterator[Any]:
        found.append(blocks)
        return search(blocks, few=few)

    monkeypatch.setattr(kept_plans, "all_workflows", noted)
    monkeypatch.setattr(kept_plans, "_NEEDS", {})
    return found


def test_copies_of_one_composition_look_for_its_workflows_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = searched(monkeypatch)
    pipe = find_preset("ddpm.auto").init_pipeline()
    schema = pipe.input_schema()
    assert [each.input_schema() for each in (copy.copy(pipe), find_preset("ddpm.auto").init_pipeline())] == [
        schema,
        schema,
    ]
    assert len(found) == 1


def test_a_changed_composition_has_a_schema_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    found = searched(monkeypatch)
    pipe = find_preset("sdxl.inpainting").init_pipeline()
    usual = pipe.input_schema()
    assert usual["required"] == ["image", "mask_image"]
    changed = copy.copy(pipe)
    changed.blocks.pop(
        next(path for path, block in changed.blocks.sub_blocks.items() if "mask_image" in block.input_names)
    )
    assert "image_latents" in changed.input_schema()["required"]
    assert pipe.input_schema() == usual == find_preset("sdxl.inpainting").init_pipeline().input_schema()
    assert len(found) == 2


def test_blocks_of_ones_own_and_what_has_no_content_are_looked_at_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    found = searched(monkeypatch)

    class Own(Block):
        class Out(Outputs):
            y: int

        def run(self, x: int) -> Out:
            return self.Out(y=x)

    for _ in range(2):
        made = SequentialPipelineBlocks.from_blocks_dict({"own": Own}).init_pipeline()
        assert made.input_schema()["required"] == ["x"]
    assert len(found) == 2
    for _ in range(2):
        made = find_preset("ddpm.auto").init_pipeline()
        next(iter(made.blocks.sub_blocks.values())).mine = object()
        assert made.input_schema()["properties"]
    assert len(found) == 4
