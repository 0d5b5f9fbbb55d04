"""A block in the style of diffusers, and a loop that is written by hand."""

from __future__ import annotations

from typing import Any

import brickwork
from brickwork import ComponentSpec, ConfigSpec, InputParam, OutputParam


class Halve(brickwork.ModularPipelineBlocks):
    """Halve a number."""

    description = "Halve a number."
    inputs = [InputParam("x", type_hint=float, required=True, description="What is halved.")]
    intermediate_outputs = [OutputParam("half", type_hint=float, description="Half of it.")]

    @property
    def expected_configs(self) -> list[ConfigSpec]:
        return [ConfigSpec("halving", True, "Whether anything is halved.")]

    @property
    def expected_components(self) -> list[ComponentSpec]:
        return []

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        block_state.half = block_state.x / 2 if components.config.halving else block_state.x
        self.set_block_state(state, block_state)
        return components, state


class Down(brickwork.ModularPipelineBlocks):
    """Take one away, in a loop."""

    description = "Take one away."
    inputs = [InputParam("x", type_hint=float)]
    intermediate_outputs = [OutputParam("x", type_hint=float)]

    def __call__(self, components: Any, block_state: Any, i: int) -> Any:
        block_state.x = block_state.x - 1
        return components, block_state


class DownLoop(brickwork.LoopSequentialPipelineBlocks):
    """Take one away, several times."""

    block_classes = [Down]
    block_names = ["down"]

    @property
    def loop_inputs(self) -> list[InputParam]:
        return [InputParam("times", type_hint=int, required=True)]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        for i in range(block_state.times):
            components, block_state = self.loop_step(components, block_state, i=i)
        self.set_block_state(state, block_state)
        return components, state
