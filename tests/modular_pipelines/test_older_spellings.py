"""Spellings of older code, and choices beyond the examples of the pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from brickwork import ComponentError, CompositionError
from brickwork.modular_pipelines import (
    AutoPipelineBlocks,
    BlockState,
    ComponentSpec,
    ConditionalPipelineBlocks,
    InputParam,
    LoopSequentialPipelineBlocks,
    ModularPipeline,
    ModularPipelineBlocks,
    OutputParam,
    PipelineState,
    SequentialPipelineBlocks,
)
from brickwork.saving.kept_attributes import put_back


class Text(ModularPipelineBlocks):
    """Say what ran."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam(name="prompt")]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("ran")]

    name = "text2img"

    def __call__(self, components: Any, state: PipelineState) -> Any:
        block_state = self.get_block_state(state)
        block_state.ran = self.name
        self.set_block_state(state, block_state)
        return components, state


class FromImage(Text):
    name = "img2img"

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam(name="prompt"), InputParam(name="image")]


class Inpaint(Text):
    name = "inpaint"

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam(name="prompt"), InputParam(name="image"), InputParam(name="mask")]


class AutoImageBlocks(AutoPipelineBlocks):
    block_classes = [Inpaint, FromImage, Text]
    block_names = ["inpaint", "img2img", "text2img"]
    block_trigger_inputs = ["mask", "image", None]

    def description(self) -> str:  # type: ignore[override]  # as the page writes it
        return "Pipeline generates images given different types of conditions!"


def test_the_older_separate_list_of_a_loop_is_merged() -> None:
    class OlderLoop(LoopWrapper):
        @property
        def loop_intermediate_inputs(self) -> list[InputParam]:
            return [InputParam("timesteps")]

    with pytest.warns(DeprecationWarning, match="list these values in `loop_inputs`"):
        assert OlderLoop.from_blocks_dict({"b": LoopBlock}).input_names == ["num_steps", "timesteps", "x"]


def test_older_code_loads_through_the_loader(tiny_folder: Any) -> None:
    pipe = ModularPipeline.from_pretrained(str(tiny_folder))
    pipe.loader.load_default_components(names="vae")
    assert pipe.vae is not None


@pytest.mark.parametrize(
    ("given", "ran"),
    [
        ({}, "text2img"),
        ({"image": 1}, "img2img"),
        ({"mask": 1}, "inpaint"),
        ({"mask": 1, "image": 1}, "inpaint"),
        ({"mask": None, "image": 1}, "img2img"),
    ],
)
def test_the_first_trigger_wins(given: dict[str, Any], ran: str) -> None:
    pipe = AutoImageBlocks().init_pipeline()
    given = {name: value for name, value in given.items() if value is not None or name == "mask"}
    assert pipe(prompt="x", output="ran", **given) == ran


def test_the_block_that_will_run_is_shown() -> None:
    assert isinstance(AutoImageBlocks().get_execution_blocks("mask"), Inpaint)
    assert isinstance(AutoImageBlocks().get_execution_blocks(mask=True), Inpaint)
    nested = SequentialPipelineBlocks.from_blocks_dict({"auto": AutoImageBlocks, "text": Text})
    inner = nested.get_execution_blocks("image")
    assert isinstance(inner, SequentialPipelineBlocks)
    assert isinstance(inner.sub_blocks["auto"], FromImage)


def test_a_description_may_be_a_method_and_triggers_are_told() -> None:
    text = AutoImageBlocks().doc
    assert "different types of conditions" in text
    assert "'inpaint' runs when 'mask' is given; 'img2img' runs when 'image' is given" in text


class LoopWrapper(LoopSequentialPipelineBlocks):
    model_name = "test"

    @property
    def description(self) -> str:  # type: ignore[override]
        return "I'm a loop!!"

    @property
    def loop_inputs(self) -> list[InputParam]:
        return [InputParam(name="num_steps")]

    @torch.no_grad()
    def __call__(self, components: Any, state: PipelineState) -> Any:  # type: ignore[override]
        block_state = self.get_block_state(state)
        for i in range(block_state.num_steps):
            components, block_state = self.loop_step(components, block_state, i=i)
        self.set_block_state(state, block_state)
        return components, state


class LoopBlock(ModularPipelineBlocks):
    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam(name="x")]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam(name="x")]

    def __call__(self, components: Any, block_state: BlockState, i: int) -> Any:
        block_state.x += 1
        return components, block_state


def test_a_hand_written_loop_is_edited_by_name() -> None:
    loop = LoopWrapper.from_blocks_dict({"block1": LoopBlock(), "block2": LoopBlock})
    loop.sub_blocks.insert("block3", LoopBlock, 0)
    assert loop.init_pipeline()(num_steps=10, x=0, output="x") == 30


class Joins(ModularPipelineBlocks):
    """Join a word, which its constructor keeps under another name."""

    def __init__(self, word: str = "plain", count: int = 1) -> None:
        self._word = word
        self.count = count
        super().__init__()

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("joined")]

    def __call__(self, components: Any, state: PipelineState) -> Any:
        block_state = self.get_block_state(state)
        block_state.joined = self._word * self.count
        self.set_block_state(state, block_state)
        return components, state


def test_what_a_constructor_keeps_is_saved_and_opened_again(tmp_path: Path) -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict({"told": Joins("fine", count=2), "plain": Joins()})
    blocks.save_pretrained(str(tmp_path / "a"))
    written = json.loads((tmp_path / "a" / "brickwork.json").read_text())["composition"]["blocks"]
    assert [part.get("kept") for part in written.values()] == [{"_word": "fine", "count": 2}, None]
    again: Any = ModularPipelineBlocks.from_pretrained(str(tmp_path / "a"), trust_remote_code=True)
    assert [(part._word, part.count) for part in again.sub_blocks.values()] == [("fine", 2), ("plain", 1)]
    again.sub_blocks.pop("plain")
    assert again.init_pipeline()(output="joined") == "finefine"


def test_an_attribute_that_no_constructor_makes_is_not_put_on_a_block() -> None:
    with pytest.raises(CompositionError, match="Joins keeps no attribute 'cuont'. Did you mean 'count'?"):
        put_back(Joins(), {"cuont": 2})


def test_a_template_with_a_default_need_not_be_given() -> None:
    assert not InputParam.template("prompt", default="a cat").required
    assert InputParam.template("prompt").required
    assert InputParam.template("prompt", default="a cat", required=True).required


class Needs(Text):
    """Use a component that a plain run has not."""

    @property
    def expected_components(self) -> list[ComponentSpec]:
        return [ComponentSpec("tokenizer", "transformers:CLIPTokenizer")]


class ByPresence(ConditionalPipelineBlocks):
    block_classes = [Needs, Text]
    block_names = ["control", "text"]
    block_trigger_inputs = ["control"]
    default_block_name = "text"

    def select_block(self, control: object = None) -> str | None:
        return "control" if control is not None else None


def test_a_choice_by_values_needs_no_components_of_branches_that_cannot_run() -> None:
    pipe = ByPresence().init_pipeline()
    assert pipe(prompt="a", output="ran") == "text2img"
    with pytest.raises(ComponentError, match="Not loaded: tokenizer"):
        pipe(prompt="a", control=1)
