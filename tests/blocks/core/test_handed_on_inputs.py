"""Inputs that an earlier block makes up for by assigning them are not asked for; others are."""

from __future__ import annotations

from typing import Any

import pytest

from brickwork import InputError
from brickwork.blocks import AutoPipelineBlocks, ModularPipelineBlocks, SequentialPipelineBlocks
from brickwork.state import InputParam, OutputParam


class Fill(ModularPipelineBlocks):
    """Chooses a size where none is given."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("size", type_hint=int, default=8)]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        block_state.size = block_state.size + 1
        self.set_block_state(state, block_state)
        return components, state


class Look(Fill):
    """Reads the size, and leaves it as it is."""

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("looked", type_hint=int)]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        block_state.looked = block_state.size
        self.set_block_state(state, block_state)
        return components, state


class Use(Look):
    """Must have a size."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("size", type_hint=int, required=True)]


def row(**blocks: Any) -> SequentialPipelineBlocks:
    return SequentialPipelineBlocks.from_blocks_dict(blocks)


@pytest.mark.parametrize(
    "blocks",
    [row(fill=Fill, use=Use), row(inner=row(fill=Fill), use=Use), row(look=Look, fill=Fill, use=Use)],
    ids=["beside", "nested", "after one that only reads"],
)
def test_what_an_earlier_block_assigns_need_not_be_given(blocks: SequentialPipelineBlocks) -> None:
    assert blocks.required_inputs == []
    pipe = blocks.init_pipeline()
    assert pipe(output="looked") == 9
    assert pipe(size=1, output="looked") == 2


@pytest.mark.parametrize(
    "blocks",
    [
        row(use=Use, fill=Fill),
        row(look=Look, use=Use),
        row(fill=Fill, first=row(use=Use, fill=Fill)).sub_blocks["first"],
    ],
    ids=["later", "only read", "within"],
)
def test_what_nobody_assigns_before_must_be_given(blocks: Any) -> None:
    assert blocks.required_inputs == ["size"]
    with pytest.raises(InputError, match="needs 'size'"):
        blocks.init_pipeline()(output="looked")


def test_a_choice_hands_on_what_every_branch_does() -> None:
    first, second = row(fill=Fill), row(fill=Fill)
    whole = type(
        "Whole",
        (AutoPipelineBlocks,),
        {"block_classes": [first, second], "block_names": ["a", "b"], "block_trigger_inputs": ["a", None]},
    )
    none = type(
        "None_", (AutoPipelineBlocks,), {"block_classes": [first], "block_names": ["a"], "block_trigger_inputs": ["a"]}
    )
    half = type(
        "Half",
        (AutoPipelineBlocks,),
        {"block_classes": [first, row(look=Look)], "block_names": ["a", "b"], "block_trigger_inputs": ["a", None]},
    )
    asked = {kind.__name__: row(choice=kind, use=Use).required_inputs for kind in (whole, none, half)}
    assert asked == {"Whole": [], "None_": ["size"], "Half": ["size"]}
