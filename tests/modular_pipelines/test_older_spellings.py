"""Spellings of older code, and choices beyond the examples of the pages."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from brickwork.modular_pipelines import (
    AutoPipelineBlocks,
    BlockState,
    InputParam,
    LoopSequentialPipelineBlocks,
    ModularPipeline,
    ModularPipelineBlocks,
    OutputParam,
    PipelineState,
    SequentialPipelineBlocks,
)


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
