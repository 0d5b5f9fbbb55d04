"""What diffusers' pages on modular pipelines promise of blocks, containers and states, one test each."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_blocks import AddOne, chain

from brickwork import (
    AutoPipelineBlocks,
    Block,
    BlockState,
    ComponentSpec,
    CompositionError,
    ConditionalPipelineBlocks,
    ConfigSpec,
    InputError,
    InputParam,
    InsertableDict,
    LoopSequentialPipelineBlocks,
    ModularPipeline,
    ModularPipelineBlocks,
    OutputParam,
    Outputs,
    PipelineState,
    RunError,
    SequentialPipelineBlocks,
)
from brickwork.modular_pipelines.stable_diffusion_xl import (
    IMAGE2IMAGE_BLOCKS,
    INPAINT_BLOCKS,
    TEXT2IMAGE_BLOCKS,
    StableDiffusionXLDenoiseLoopAfterDenoiser,
    StableDiffusionXLDenoiseLoopWrapper,
    StableDiffusionXLDenoiseStep,
    StableDiffusionXLLoopBeforeDenoiser,
    StableDiffusionXLLoopDenoiser,
)


class Double(ModularPipelineBlocks):
    """Doubles x, written as properties."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("x", type_hint=int, required=True, description="a number")]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("doubled", type_hint=int, description="twice that")]

    def __call__(self, components: Any, state: PipelineState) -> Any:
        block_state = self.get_block_state(state)
        block_state.doubled = 2 * block_state.x
        self.set_block_state(state, block_state)
        return components, state


class Times(LoopSequentialPipelineBlocks):
    """Repeats."""

    class Vars(Outputs):
        i: int

    def iterate(self, times: int = 2) -> Iterator[Vars]:
        yield from (self.Vars(i=i) for i in range(times))


def run(blocks: ModularPipelineBlocks, output: Any = None, **inputs: Any) -> Any:
    pipe = blocks.init_pipeline()
    pipe.configure(progress=False)
    return pipe(output=output, **inputs)


def test_there_are_five_kinds_of_blocks() -> None:
    class Bigger(ConditionalPipelineBlocks):
        block_classes = [AddOne, Double]
        block_names = ["small", "big"]
        block_trigger_inputs = ["x"]

        def select_block(self, x: int | None = None) -> str:  # type: ignore[override]
            return "big" if x is not None and x > 9 else "small"

    class Auto(AutoPipelineBlocks):
        block_classes = [Double, AddOne]
        block_names = ["double", "add"]
        block_trigger_inputs = ["twice", None]

    one_of_each = chain(block=AddOne, loop=Times.from_blocks_dict({"add": AddOne}), choice=Bigger, auto=Auto)
    assert run(one_of_each, x=1, output="x") == 6
    assert run(one_of_each, x=8, twice=True, output="doubled") == 22


def test_a_definition_that_is_called_says_what_to_do() -> None:
    for definition in (chain(add=AddOne), AddOne()):
        with pytest.raises(CompositionError, match=r"is a definition.*pipe = blocks.init_pipeline\(repo\)"):
            definition(x=1)
    assert run(AddOne(), x=1, output="x") == 2
    assert AddOne().run(x=1).x == 2


def test_an_input_has_a_type_a_meaning_and_the_type_is_looked_at() -> None:
    (param,) = Double().inputs
    assert (param.name, param.type_hint, param.description, param.required) == ("x", int, "a number", True)
    with pytest.raises(InputError, match=r"x is 'a' \(a str\); it must be int"):
        run(AddOne(), x="a")
    with pytest.warns(UserWarning, match=r"By the hint of a foreign block, x is 'a' \(a str\); it must be int"):
        run(Double(), x="a")


def test_the_original_stays_though_a_block_makes_a_new_version() -> None:
    class Resize(Block):
        class Out(Outputs):
            picture: str

        def run(self, image: str) -> Out:
            return self.Out(picture=image.lower())

    state = run(Resize(), image="BIG")
    assert (state.image, state.picture) == ("BIG", "big")


def test_the_separate_list_of_inputs_is_merged_with_a_warning() -> None:
    class Older(Double):
        @property
        def intermediate_inputs(self) -> list[InputParam]:
            return [InputParam("factor")]

    with pytest.warns(DeprecationWarning, match="intermediate_inputs is deprecated"):
        assert Older().input_names == ["x", "factor"]


def test_outputs_are_for_later_blocks_and_for_the_caller() -> None:
    class Reads(Block):
        class Out(Outputs):
            total: int

        def run(self, doubled: int) -> Out:
            return self.Out(total=doubled + 1)

    state = run(chain(double=Double, read=Reads), x=2)
    assert (state.doubled, state.total) == (4, 5)
    assert [output.name for output in Double().outputs] == ["doubled"]

    class Forgets(Double):
        def __call__(self, components: Any, state: PipelineState) -> Any:
            self.set_block_state(state, self.get_block_state(state))
            return components, state

    with pytest.raises(RunError, match="Forgets declares the output 'doubled' and did not set it"):
        run(Forgets(), x=1)


class AssignsInput(ModularPipelineBlocks):
    """Makes its input anew."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("x", required=True)]

    def __call__(self, components: Any, state: PipelineState) -> Any:
        block_state = self.get_block_state(state)
        block_state.x = block_state.x + 1
        self.set_block_state(state, block_state)
        return components, state


class EditsInput(AssignsInput):
    """Edits its input in place."""

    def __call__(self, components: Any, state: PipelineState) -> Any:
        self.get_block_state(state).x.add_(1)
        return components, state


def test_assigning_an_input_writes_a_new_version_for_all_later_blocks() -> None:
    given = torch.zeros(2)
    state = run(chain(first=AssignsInput, second=AssignsInput), x=given)
    assert state.x.tolist() == [2.0, 2.0]
    assert state.provenance["x"] == "second"
    assert given.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("value", [torch.zeros(2), [1, 2], {"a": [torch.zeros(1)]}])
def test_an_edit_in_place_is_found_by_the_debug_setting(value: Any) -> None:
    class Edits(EditsInput):
        def __call__(self, components: Any, state: PipelineState) -> Any:
            x = self.get_block_state(state).x
            (x["a"][0].add_(1) if isinstance(x, dict) else x.add_(1) if isinstance(x, torch.Tensor) else x.append(1))
            return components, state

    pipe = chain(good=AssignsNothing, bad=Edits).init_pipeline()
    pipe.configure(check_in_place=True)
    with pytest.raises(RunError, match=r"bad changed in place: x.*Make a new one and write that"):
        pipe(x=value)
    chain(good=AssignsNothing, alsogood=AssignsNothing).init_pipeline()(x=value)


class AssignsNothing(AssignsInput):
    """Reads only."""

    def __call__(self, components: Any, state: PipelineState) -> Any:
        return components, state


@pytest.mark.parametrize("preset", [TEXT2IMAGE_BLOCKS, IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS])
def test_no_preset_changes_a_value_in_place(
    preset: InsertableDict[Any], tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict(preset).init_pipeline(str(tiny_folder))
    pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
    pipe.configure(progress=False, check_in_place=True)
    picture = torch.rand(1, 3, 64, 64)
    given = {"image": picture, "mask_image": picture[:, :1], "strength": 0.6}
    known = {name: value for name, value in given.items() if name in pipe.blocks.input_names}
    pipe(prompt="a cat", num_inference_steps=3, num_images_per_prompt=2, output_type="pt", **known)


def test_a_block_returns_components_and_state_or_a_dict_or_nothing() -> None:
    class ReturnsDict(Double):
        def __call__(self, components: Any, state: PipelineState) -> Any:
            return {"doubled": 2 * self.get_block_state(state).x}

    class ReturnsNothing(Double):
        def __call__(self, components: Any, state: PipelineState) -> None:
            state.set("doubled", 2 * self.get_block_state(state).x)

    for block in (Double, ReturnsDict, ReturnsNothing):
        assert run(block(), x=4, output="doubled") == 8


class UsesModel(ModularPipelineBlocks):
    """Reads a component, a setting, and writes both."""

    model_name = "mine"

    @property
    def expected_components(self) -> list[ComponentSpec]:
        return [ComponentSpec("unet", torch.nn.Linear), ComponentSpec(name="scheduler")]

    @property
    def expected_configs(self) -> list[ConfigSpec]:
        return [ConfigSpec("force_zeros", True)]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("seen")]

    def __call__(self, components: Any, state: PipelineState) -> Any:
        return {"seen": (components.unet, components.scheduler, components.config.force_zeros)}


def with_model() -> tuple[ModularPipeline, torch.nn.Linear]:
    unet = torch.nn.Linear(1, 1)
    pipe = UsesModel().init_pipeline()
    pipe.update_components(unet=unet, scheduler="any")
    return pipe, unet


def test_components_are_listed_by_position_or_name() -> None:
    specs = UsesModel().expected_components
    assert [(spec.name, spec.type_hint) for spec in specs] == [("unet", torch.nn.Linear), ("scheduler", None)]
    pipe, _ = with_model()
    with pytest.raises(Exception, match="'unet' expects a Linear, and got a Conv2d"):
        pipe.update_components(unet=torch.nn.Conv2d(1, 1, 1))


@pytest.mark.parametrize("spelling", ["expected_config", "expected_configs"])
def test_both_spellings_of_settings_count_and_a_misspelt_one_is_warned_of(spelling: str) -> None:
    body = {spelling: property(lambda _: [ConfigSpec("zeros", default=True)])}
    block = type("Named", (Double,), body)()
    assert block.init_pipeline().config.zeros is True
    with pytest.warns(UserWarning, match="expected_confg is no declaration .* Did you mean 'expected_config'?"):
        type("Misspelt", (Double,), {"expected_confg": property(lambda _: [])})


def test_components_and_settings_are_attributes() -> None:
    pipe, unet = with_model()
    assert pipe(output="seen") == (unet, "any", True)
    with pytest.raises(AttributeError, match="no component or attribute 'unett'. Did you mean 'unet'?"):
        _ = pipe.unett


@pytest.mark.parametrize("kind", ["attribute", "property", "method"])
def test_a_description_is_written_in_any_of_three_ways(kind: str) -> None:
    made: Any = {
        "attribute": "Says it.",
        "property": property(lambda _: "Says it."),
        "method": lambda _: "Says it.",
    }[kind]
    block = type("Described", (Double,), {"description": made})()
    assert "Says it." in block.doc
    assert "Says it" in repr(block)


def test_the_model_name_is_free() -> None:
    assert UsesModel.model_name == "mine"
    assert Double.model_name is None
    assert StableDiffusionXLDenoiseStep.model_name == "stable-diffusion-xl"


def test_the_order_of_registration_is_the_order_of_the_run() -> None:
    assert run(chain(double=Double, add=AddOne), x=3).doubled == 6
    assert run(chain(add=AddOne, double=Double), x=3).doubled == 8


@pytest.mark.parametrize("container", [SequentialPipelineBlocks, Times])
def test_classes_and_instances_are_taken_by_every_container(container: Any) -> None:
    iterations = 2 if container is Times else 1
    for block in (AddOne, AddOne()):
        assert run(container.from_blocks_dict({"add": block}), x=0, output="x") == iterations


def test_blocks_are_inserted_replaced_wrapped_and_removed_by_name() -> None:
    blocks = InsertableDict(add=AddOne, double=Double)
    copied = blocks.copy().insert("first", AddOne, 0).insert_after("add", "again", AddOne)
    assert isinstance(copied, InsertableDict)
    assert list(copied) == ["first", "add", "again", "double"]
    assert list(blocks) == ["add", "double"]
    copied.pop("first")
    copied["again"] = Double
    assert list(copied.items()) == [("add", AddOne), ("again", Double), ("double", Double)]

    nested = chain(loop=Times.from_blocks_dict({"add": AddOne}), double=Double)
    nested["loop"].sub_blocks.insert("more", AddOne, 0)  # type: ignore[attr-defined]
    assert run(nested, x=0, output="doubled") == 8
    nested.wrap("loop.more", Times)
    assert nested["loop.more.more"].input_names == ["x"]
    assert run(nested, x=0, output="doubled") == 12
    nested.replace("loop.more", Double)
    assert run(nested, x=0, output="doubled") == 4


def test_presets_hold_classes_and_containers_instances() -> None:
    assert all(isinstance(block, type) for block in TEXT2IMAGE_BLOCKS.values())
    made = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    assert all(isinstance(block, ModularPipelineBlocks) for block in made.sub_blocks.values())
    made.sub_blocks.insert("first", Double(), 0)
    assert "first" not in TEXT2IMAGE_BLOCKS


def test_an_edit_after_the_pipeline_was_made_counts_at_the_next_call() -> None:
    blocks = chain(add=AddOne)
    pipe = blocks.init_pipeline()
    assert pipe(x=1, output="x") == 2
    pipe.blocks.sub_blocks.insert("model", UsesModel(), 0)
    assert pipe.plan(["x"]).components == ("unet", "scheduler")
    assert pipe.null_component_names == ["unet", "scheduler"]
    assert list(blocks.sub_blocks) == ["add"]


def test_the_presets_are_dicts_by_task() -> None:
    for preset in (TEXT2IMAGE_BLOCKS, IMAGE2IMAGE_BLOCKS, INPAINT_BLOCKS):
        assert isinstance(preset, InsertableDict)
        assert SequentialPipelineBlocks.from_blocks_dict(preset).check().faults == ()


def test_a_loop_holds_any_container_and_needs_no_call_of_its_own() -> None:
    class Auto(AutoPipelineBlocks):
        block_classes = [AddOne, Double]
        block_names = ["add", "double"]
        block_trigger_inputs = ["add", None]

    inner = Times.from_blocks_dict({"line": chain(add=AddOne, more=AddOne)})
    assert run(Times.from_blocks_dict({"inner": inner}), x=0, output="x") == 8
    assert run(Times.from_blocks_dict({"auto": Auto}), x=5, output="doubled") == 10


class InLoop(ModularPipelineBlocks):
    """Reads a temporary of its sibling."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("x")]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("x")]

    def __call__(self, components: Any, block_state: BlockState) -> Any:
        block_state.x = block_state.x + 1
        return components, block_state


def test_one_block_works_in_a_loop_and_outside_of_it() -> None:
    assert run(InLoop(), x=0, output="x") == 1
    assert run(Times.from_blocks_dict({"one": InLoop, "two": InLoop}), x=0, output="x") == 4


class Inpainting(AutoPipelineBlocks):
    """By mask, by image, or by text."""

    block_classes = [AddOne, Double, AddOne]
    block_names = ["inpaint", "image", "text"]
    block_trigger_inputs = ["mask", "image", None]
    block_requires = {"inpaint": ["image"]}


def test_the_first_trigger_wins_and_says_what_it_requires() -> None:
    assert Inpainting().get_execution_blocks("mask", "image") is not None
    assert run(Inpainting(), x=1, image=1, output="doubled") == 2
    assert run(Inpainting(), x=1, mask=1, image=1, output="x") == 2
    with pytest.raises(InputError, match="'mask' was given, which selects 'inpaint'; that also needs 'image'"):
        run(Inpainting(), x=1, mask=1)


def test_what_will_run_is_asked_by_names_or_keywords() -> None:
    nested = chain(auto=Inpainting, last=AddOne)
    for found in (nested.get_execution_blocks("image"), nested.get_execution_blocks(image=True)):
        assert isinstance(found, SequentialPipelineBlocks)
        assert isinstance(found.sub_blocks["auto"], Double)
        assert run(found, x=2, output="doubled") == 4


def test_choices_in_loops_are_decided_too() -> None:
    nested = chain(loop=Times.from_blocks_dict({"auto": Inpainting, "add": AddOne}), last=AddOne)
    found = nested.get_execution_blocks("image")
    assert isinstance(found["loop"], Times)
    assert isinstance(found["loop.auto"], Double)
    assert isinstance(nested["loop.auto"], Inpainting)
    assert run(found, x=1, output="doubled") == run(nested, x=1, image=1, output="doubled") == 4

    class OnlyWithPicture(AutoPipelineBlocks):
        block_classes = [Double]
        block_names = ["double"]
        block_trigger_inputs = ["image"]

    empty = chain(loop=Times.from_blocks_dict({"auto": OnlyWithPicture}), last=AddOne)
    assert list(empty.get_execution_blocks().sub_blocks) == ["last"]  # type: ignore[attr-defined]


def test_blocks_are_printed_documented_and_described_as_json_schema() -> None:
    blocks = chain(double=Double, auto=Inpainting)
    assert "double" in repr(blocks)
    assert blocks.doc == blocks.docs
    assert "twice that" in blocks.doc
    schema = blocks.workflow().input_schema
    assert json.loads(json.dumps(schema))["required"] == ["x"]
    assert list(inspect.signature(AddOne.run).parameters) == ["self", "x"]


def test_a_state_is_one_namespace_with_the_origin_of_every_value() -> None:
    state = run(chain(double=Double, add=AddOne), x=1)
    assert state.values == {"x": 2, "doubled": 2}
    assert state.provenance == {"doubled": "double", "x": "add"}
    view = BlockState(x=1)
    view.x += 1
    assert view.as_dict() == {"x": 2}


class MakesCondition(Block):
    """Makes what the choice hangs on, if there is an image."""

    class Out(Outputs):
        controlnet_cond: str | None

    def run(self, control_image: str | None = None) -> Out:
        return self.Out(controlnet_cond=control_image and f"cond of {control_image}")


@pytest.mark.parametrize("trigger", ["control_image", "controlnet_cond"])
def test_a_choice_hangs_on_an_input_or_on_what_a_block_makes_of_it(trigger: str) -> None:
    class Denoise(AutoPipelineBlocks):
        block_classes = [Double, AddOne]
        block_names = ["controlled", "plain"]
        block_trigger_inputs = [trigger, None]

    blocks = chain(control=MakesCondition, denoise=Denoise)
    assert blocks.check().warnings == ()
    assert run(blocks, x=1, control_image="edges", output="doubled") == 2
    assert run(blocks, x=1, output="x") == 2


def test_a_trigger_that_nothing_can_provide_is_found() -> None:
    class Denoise(AutoPipelineBlocks):
        block_classes = [MakesCondition, AddOne]
        block_names = ["controlled", "plain"]
        block_trigger_inputs = ["control_imag", None]

    (fault,) = Denoise().check().faults
    assert (
        "'controlled' hangs on 'control_imag', which no block reads or writes. Did you mean 'control_image'?" in fault
    )


def test_a_workflow_of_ones_own_is_a_subclass_with_two_lists() -> None:
    class MyDenoise(StableDiffusionXLDenoiseLoopWrapper):  # type: ignore[misc, valid-type]  # made by bind
        block_classes = [
            StableDiffusionXLLoopBeforeDenoiser,
            StableDiffusionXLLoopDenoiser,
            StableDiffusionXLDenoiseLoopAfterDenoiser,
        ]
        block_names = ["before_denoiser", "denoiser", "after_denoiser"]

    blocks = SequentialPipelineBlocks.from_blocks_dict({**TEXT2IMAGE_BLOCKS, "denoise": MyDenoise})
    assert blocks.check().faults == blocks.check().warnings == ()
    assert blocks.plan(["prompt"]).paths[-4:] == [
        "denoise.before_denoiser",
        "denoise.denoiser",
        "denoise.after_denoiser",
        "decode",
    ]
