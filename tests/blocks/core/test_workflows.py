"""Workflows: which there are, what exactly each takes, gives and uses; and what is wrong with a composition at rest."""

from __future__ import annotations

import inspect
import json
from typing import Any, ClassVar

import pytest
import torch
from toy_blocks import chain

from brickwork import (
    AutoPipelineBlocks,
    Block,
    ComponentSpec,
    CompositionError,
    ModularPipelineBlocks,
    Outputs,
    SequentialPipelineBlocks,
    component,
)
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS


class FromText(Block):
    class Out(Outputs):
        x: str

    def run(self, text: str, steps: int = 5) -> Out:
        return self.Out(x=text * steps)


class FromImage(Block):
    class Out(Outputs):
        x: str

    def run(self, image: int, strength: float = 0.5) -> Out:
        return self.Out(x=f"{image} {strength}")


class FromMask(Block):
    class Out(Outputs):
        x: str

    def run(self, image: int, mask: int) -> Out:
        return self.Out(x=f"{image} {mask}")


class Show(Block):
    class Out(Outputs):
        shown: str

    def run(self, x: str, loud: bool = False) -> Out:
        return self.Out(shown=x.upper() if loud else x)


class Start(AutoPipelineBlocks):
    block_classes = [FromMask, FromImage, FromText]
    block_names = ["mask", "image", "text"]
    block_trigger_inputs = ["mask", "image", None]
    block_requires: ClassVar[dict[str, list[str]]] = {"mask": ["image"]}


class Flow(SequentialPipelineBlocks):
    block_classes = [Start, Show]
    block_names = ["start", "show"]


class Named(Flow):
    workflow_map: ClassVar[dict[str, Any]] = {
        "text": (),
        "image": {"image": True},
        "inpainting": ({"mask": True, "image": True}, {"mask": True}),
    }


def names(params: Any) -> list[str]:
    return [param.name for param in params]


def test_workflows_are_found_by_what_the_choices_ask() -> None:
    assert Flow().available_workflows == ["default", "image", "mask+image"]
    assert Named().available_workflows == ["text", "image", "inpainting"]


def test_the_interface_of_each_workflow_is_exact() -> None:
    text, image, mask = (Flow().workflow(name) for name in ("default", "image", "mask+image"))
    assert names(text.required) == ["text"]
    assert names(text.optional) == ["steps", "loud"]
    assert names(image.required) == ["image"]
    assert names(image.optional) == ["strength", "loud"]
    assert sorted(names(mask.required)) == ["image", "mask"]
    assert names(mask.optional) == ["loud"]
    assert names(text.outputs) == ["x", "shown"]


def test_a_workflow_can_be_taken_out_edited_and_run() -> None:
    blocks = Named().get_workflow("image")
    assert list(blocks.sub_blocks) == ["start", "show"]
    assert blocks.init_pipeline()(image=3, output="shown") == "3 0.5"
    blocks.pop("show")
    assert blocks.init_pipeline()(image=3, output="x") == "3 0.5"
    assert Named().get_execution_blocks("mask", image=1).init_pipeline()(mask=1, image=2, output="x") == "2 1"


def test_an_unknown_workflow_is_named_with_the_nearest() -> None:
    with pytest.raises(CompositionError, match="no workflow 'inpaint'. Did you mean 'inpainting'"):
        Named().get_workflow("inpaint")


def test_the_signature_is_pythons_own() -> None:
    signature = Named().init_pipeline().signature("image")
    assert str(signature) == "(*, image: int, strength: float = 0.5, loud: bool = False)"
    assert signature.parameters["image"].kind is inspect.Parameter.KEYWORD_ONLY
    with pytest.raises(TypeError, match="missing a required argument: 'image'"):
        signature.bind(strength=1.0)


def test_sdxl_needs_a_prompt_and_takes_latents() -> None:
    workflow = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).workflow()
    assert names(workflow.required) == ["prompt"]
    assert {"latents", "height", "generator", "output_type"} <= set(names(workflow.optional))
    assert "guidance_memory" not in names(workflow.optional)
    given = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).workflow(
        "prompt_embeds+negative_prompt_embeds"
    )
    assert "prompt" not in names([*given.required, *given.optional])
    assert "text_encoder" not in given.components


def test_the_inputs_are_json_schema() -> None:
    schema = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).init_pipeline().input_schema()
    assert schema["required"] == []
    assert schema["anyOf"] == [{"required": ["prompt"]}, {"required": ["prompt_embeds", "pooled_prompt_embeds"]}]
    properties = schema["properties"]
    assert properties["prompt"]["anyOf"] == [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
    assert properties["num_inference_steps"] == {
        "type": "integer",
        "minimum": 1,
        "default": 50,
        "description": "Number of denoising steps.",
        "x-role": "other",
        "x-group": "sampling",
        "x-unit": "steps",
        "x-order": 6,
    }
    assert properties["denoising_end"]["anyOf"][0] == {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
    assert properties["output_type"]["enum"] == ["pil", "np", "pt", "latent"]
    assert properties["crops_coords_top_left"]["default"] == [0, 0]
    assert properties["latents"]["anyOf"][0] == {"x-type": "Tensor"}
    assert json.loads(json.dumps(schema)) == schema


def test_our_presets_have_nothing_to_find() -> None:
    report = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS).check()
    assert (report.faults, report.warnings) == ((), ())
    assert report.workflows == 4
    assert repr(report) == "0 faults, 0 warnings in 4 workflows"


class UsesLinear(Block):
    net: torch.nn.Linear = component()

    def run(self) -> None: ...


class UsesConv(Block):
    net: torch.nn.Conv2d = component()

    def run(self) -> None: ...


class UsesModule(Block):
    net: torch.nn.Module = component()

    def run(self) -> None: ...


class MadeOne(Block):
    guide: dict = component(config={"scale": 1})  # type: ignore[type-arg]  # any class will do

    def run(self) -> None: ...


class MadeTwo(Block):
    guide: dict = component(config={"scale": 2})  # type: ignore[type-arg]  # any class will do

    def run(self) -> None: ...


def test_one_component_of_two_classes() -> None:
    (fault,) = chain(one=UsesLinear, two=UsesConv).check().faults
    assert "one wants 'net' to be a Linear, and two a Conv2d" in fault
    assert chain(one=UsesLinear, two=UsesModule).check()
    with pytest.raises(CompositionError, match="Conv2d"):
        chain(one=UsesLinear, two=UsesConv).init_pipeline()


def test_one_component_of_two_configurations() -> None:
    (fault,) = chain(one=MadeOne, two=MadeTwo).check().faults
    assert "one makes 'guide' from {'scale': 1}, and two from {'scale': 2}" in fault


def test_foreign_blocks_that_disagree_only_warn() -> None:
    class Foreign(ModularPipelineBlocks):
        @property
        def expected_components(self) -> list[ComponentSpec]:
            return [ComponentSpec("net", torch.nn.Conv2d)]

        def __call__(self, components: Any, state: Any) -> Any: ...

    report = chain(one=UsesLinear, two=Foreign).check()
    assert report
    assert "Conv2d" in report.warnings[0]


class OtherText(FromText):
    class Out(Outputs):
        x: int

    def run(self, text: str) -> Out: ...


def test_branches_that_promise_different_types() -> None:
    class Promise(AutoPipelineBlocks):
        block_classes = [FromImage, OtherText]
        block_names = ["image", "text"]
        block_trigger_inputs = ["image", None]

    (fault,) = chain(start=Promise).check().faults
    assert "start: the branches 'image' and 'text' promise 'x' as str and as int" in fault


def test_a_branch_that_can_never_run() -> None:
    class Twice(AutoPipelineBlocks):
        block_classes = [FromImage, FromMask, FromText]
        block_names = ["image", "again", "text"]
        block_trigger_inputs = ["image", "image", None]

    (warning,) = chain(start=Twice).check().warnings
    assert "start: the branch 'again' can never run: its trigger 'image'" in warning

    class Outer(AutoPipelineBlocks):
        block_classes = [FromMask, Start]
        block_names = ["mask", "rest"]
        block_trigger_inputs = ["mask", None]

    (warning,) = chain(start=Outer).check().warnings
    assert "start.rest: the branch 'mask' can never run" in warning


def test_a_misspelt_trigger_and_a_misspelt_requirement() -> None:
    class Wrong(AutoPipelineBlocks):
        block_classes = [FromMask, FromText]
        block_names = ["mask", "text"]
        block_trigger_inputs = ["msk", None]
        block_requires: ClassVar[dict[str, list[str]]] = {"mask": ["imagee"], "maks": []}

    faults = chain(start=Wrong).check().faults
    assert any("hangs on 'msk'" in fault and "Did you mean 'mask'?" in fault for fault in faults)
    assert any("hangs on 'imagee'" in fault and "Did you mean 'image'?" in fault for fault in faults)
    assert any("names 'maks'" in fault for fault in faults)


def test_a_flag_that_nobody_reads_is_a_trigger_like_any_other() -> None:
    class Flag(AutoPipelineBlocks):
        block_classes = [FromMask, FromText]
        block_names = ["careful", "text"]
        block_trigger_inputs = ["use_everything", None]

    report = chain(start=Flag).check()
    assert report.faults == ()
    (warning,) = report.warnings
    assert warning.startswith("start: the branch 'careful' hangs on 'use_everything', which no block reads")
    assert names(Flag().workflow("use_everything").required) == ["image", "mask", "use_everything"]


def test_a_composition_cannot_hold_itself() -> None:
    blocks = chain(show=Show)
    with pytest.raises(CompositionError, match="'again' would contain itself"):
        blocks.sub_blocks["again"] = blocks
    outer = chain(inner=blocks)
    with pytest.raises(CompositionError, match="would contain itself"):
        blocks.insert_before("show", "outer", outer)
    assert list(blocks.sub_blocks) == ["show"]


def test_a_refused_block_leaves_the_composition_as_it_was() -> None:
    blocks = chain(a=Show, b=Show)
    with pytest.raises(CompositionError, match="is no block"):
        blocks.insert("c", 3, 0)  # type: ignore[arg-type]  # that is the test
    assert list(blocks.sub_blocks) == ["a", "b"]


def test_branches_with_different_defaults_say_each_of_them() -> None:
    class Weak(Block):
        class Out(Outputs):
            strength: float

        def run(self, strength: float = 0.3) -> Out:
            return self.Out(strength=strength)

    class Strong(Block):
        class Out(Outputs):
            strength: float

        def run(self, mask: int, strength: float = 0.9) -> Out:
            return self.Out(strength=strength)

    class Auto(AutoPipelineBlocks):
        block_classes = [Strong, Weak]
        block_names = ["masked", "plain"]
        block_trigger_inputs = ["mask", None]

    blocks = SequentialPipelineBlocks.from_blocks_dict({"auto": Auto})
    (strength,) = [param for param in blocks.inputs if param.name == "strength"]
    assert (strength.default, strength.defaults_by_block) == (None, {"masked": 0.9, "plain": 0.3})
    assert "strength (float, default 0.9 or 0.3, by what runs)" in blocks.doc
    assert blocks.workflow("mask").signature.parameters["strength"].default == 0.9
    pipe = blocks.init_pipeline()
    assert (pipe(output="strength"), pipe(mask=1, output="strength")) == (0.3, 0.9)


def test_branches_of_two_types_are_right_for_a_reader_that_takes_both() -> None:
    class Promise(AutoPipelineBlocks):
        block_classes = [FromImage, OtherText]
        block_names = ["image", "text"]
        block_trigger_inputs = ["image", None]

    class TakesBoth(Block):
        def run(self, x: int | str) -> None: ...

    class TakesOne(Block):
        def run(self, x: int) -> None: ...

    report = chain(start=Promise, reads=TakesBoth).check()
    assert (report.faults, report.warnings) == ((), ())
    faults = chain(start=Promise, reads=TakesBoth, one=TakesOne).check().faults
    assert any("one needs 'x' as int, and start.image gives str" in text for text in faults)
    assert any("promise 'x' as str and as int" in text for text in faults)
