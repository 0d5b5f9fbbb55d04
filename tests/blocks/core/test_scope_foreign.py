"""Blocks in the style of diffusers inside of a scope: what they see, what they write, groups, guiders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from diffusers.modular_pipelines.stable_diffusion_xl import StableDiffusionXLAutoBlocks
from toy_blocks import Add, Count, chain, pipeline, seeded

from brickwork import (
    Block,
    InputParam,
    MemoryCache,
    ModularPipeline,
    ModularPipelineBlocks,
    OutputParam,
    Outputs,
    Scope,
    SequentialPipelineBlocks,
    Snapshot,
    Snapshots,
)
from brickwork.blocks import adopt
from brickwork.presets.sdxl import TEXT2IMAGE_BLOCKS

FIELDS = "denoiser_input_fields"


class AddUndeclared(ModularPipelineBlocks):
    """Adds one; writes `y`, which others read, and `extra` without saying so, and puts a value into a group."""

    seen: list[dict[str, Any]]

    def __init__(self) -> None:
        self.seen = []

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("x", required=True), InputParam(None, kwargs_type=FIELDS)]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("x")]

    def __call__(self, components: Any, state: Any) -> Any:
        self.seen.append({"values": dict(state.values), "group": state.get_by_kwargs(FIELDS)})
        state.set("x", state.get("x") + 1)
        state.set("extra", 5, FIELDS)
        state.set("y", state.get("y", 0) + 1000)
        return components, state


class Plus(Block):
    class Out(Outputs):
        x: int

    def run(self, x: int, y: int = 100) -> Out:
        return self.Out(x=x + y)


class Grouped(ModularPipelineBlocks):
    """Writes a value of a group."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("x", required=True)]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("embeds", kwargs_type=FIELDS)]

    def __call__(self, components: Any, state: Any) -> Any:
        state.set("embeds", f"of {state.get('x')}", FIELDS)
        return components, state


def scoped(blocks: Any, inputs: Mapping[str, str] = {"x": "x"}, outputs: Mapping[str, str] = {"x": "other"}) -> Scope:
    return Scope.from_blocks_dict(blocks, inputs=inputs, outputs=outputs)


def test_what_foreign_code_writes_without_saying_so_stays_in_the_scope_and_is_found_there() -> None:
    """As without a scope, a block behind it finds the shared value as the foreign block has left it; nobody outside does."""
    foreign, after = AddUndeclared(), AddUndeclared()
    pipe = pipeline(add=Add, inner=scoped({"foreign": foreign, "plus": Plus}), after=after)
    state = pipe(x=1, y=7)
    assert state.other == (2 + 1) + 1007
    assert state.values["y"] == 1007  # what the last block wrote over the caller's 7
    inner, outer = pipe.blocks["inner.foreign"].seen[-1], pipe.blocks["after"].seen[-1]  # type: ignore[index,attr-defined]
    assert inner["values"] == {"x": 2, "y": 7}
    assert outer["values"] == {"x": 2, "y": 7, "other": 1010}
    assert not [name for name in [*state.values, *state.provenance, *state.kwargs_mapping] if "/" in name]


def test_groups_are_those_of_the_scope_inside_and_those_outside_behind_it() -> None:
    inner = {"grouped": Grouped, "foreign": AddUndeclared()}
    pipe = pipeline(first=Grouped, inner=scoped(inner), last=AddUndeclared())
    state = pipe(x=1)
    assert pipe.blocks["inner.foreign"].seen[-1]["group"] == {"embeds": "of 1"}  # type: ignore[index,attr-defined]
    assert pipe.blocks["last"].seen[-1]["group"] == {"embeds": "of 1"}  # type: ignore[index,attr-defined]
    assert state.kwargs_mapping == {FIELDS: ["embeds", "extra"]}


def test_a_group_outside_is_seen_inside_but_for_what_is_private() -> None:
    pipe = pipeline(first=Grouped, inner=scoped({"add": Add, "foreign": AddUndeclared(), "again": AddUndeclared()}))
    pipe(x=1)
    assert pipe.blocks["inner.foreign"].seen[-1]["group"] == {"embeds": "of 1"}  # type: ignore[index,attr-defined]
    assert pipe.blocks["inner.again"].seen[-1]["group"] == {"embeds": "of 1", "extra": 5}  # type: ignore[index,attr-defined]
    hidden = pipeline(first=Grouped, inner=scoped({"foreign": AddUndeclared(), "grouped": Grouped}))
    hidden(x=1)
    assert hidden.blocks["inner.foreign"].seen[-1]["group"] == {}  # type: ignore[index,attr-defined]


def test_a_value_of_a_group_that_leaves_is_of_the_group_outside() -> None:
    last = AddUndeclared()
    pipe = pipeline(inner=scoped({"grouped": Grouped}, outputs={"embeds": "second_embeds"}), last=last)
    state = pipe(x=3)
    assert pipe.blocks["last"].seen[-1]["group"] == {"second_embeds": "of 3"}  # type: ignore[index,attr-defined]
    assert "second_embeds" in state.kwargs_mapping[FIELDS]


class InLoop(ModularPipelineBlocks):
    """In a loop: reads the variable, writes a temporary that its sibling reads."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("x", required=True)]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("x")]

    def __call__(self, components: Any, block_state: Any, i: int) -> Any:
        block_state.step = i * 10
        block_state.x = block_state.x + 1
        return components, block_state


class AddStep(Block):
    class Out(Outputs):
        x: int

    def run(self, x: int, step: int) -> Out:
        return self.Out(x=x + step)


def test_foreign_blocks_in_a_loop_in_a_scope_and_in_a_scope_in_a_loop() -> None:
    loop = Count.from_blocks_dict({"foreign": InLoop, "add": AddStep})
    inner = scoped({"loop": loop}, {"x": "x", "iterations": "count"})
    pipe = pipeline(inner=inner)
    state = pipe(x=0, count=3)
    assert state.other == 3 + (0 + 10 + 20)
    assert set(state.values) == {"x", "count", "other"}
    around = Count.from_blocks_dict({"inner": scoped({"foreign": InLoop, "add": AddStep}, outputs={"x": "x"})})
    pipe = pipeline(loop=around)
    found: list[Snapshot] = []
    pipe.configure(snapshots=Snapshots(found.append, every=1, after="blocks"))
    assert pipe(x=0, iterations=3, output="x") == 33
    pipe.configure(snapshots=None)
    assert {pipe.resume(each) for each in found} == {33}


def test_foreign_blocks_in_a_scope_are_cached() -> None:
    pipe = pipeline(inner=scoped({"grouped": Grouped, "plus": Plus}))
    store = MemoryCache()
    pipe.configure(cache=store)
    first = pipe(x=1).to_dict()
    again = pipe(x=1)
    assert again.to_dict() == first
    assert pipe(x=2).other == 102
    assert again.kwargs_mapping == {}


def test_a_foreign_block_removes_and_fails_as_without_a_scope() -> None:
    class Removes(AddUndeclared):
        @property
        def inputs(self) -> list[InputParam]:
            return [InputParam("x", required=True), InputParam("y")]

        def __call__(self, components: Any, state: Any) -> Any:
            del state.values["y"]
            state.set("x", 1)
            return components, state

    class Fails(AddUndeclared):
        def __call__(self, components: Any, state: Any) -> Any:
            raise ValueError(f"x is {state.get('x')}")

    pipe = pipeline(inner=scoped({"remove": Removes(), "last": AddUndeclared()}))
    state = pipe(x=1, y=3)
    assert "y" not in pipe.blocks["inner.last"].seen[-1]["values"]  # type: ignore[index,attr-defined]
    assert state.values["y"] == 3
    with pytest.raises(ValueError, match="x is 1"):
        pipeline(inner=scoped({"fail": Fails()}))(x=1)


def test_components_are_seen_by_the_names_inside() -> None:
    class Tool:
        def __init__(self, size: int) -> None:
            self.size = size

    class Sizes(ModularPipelineBlocks):
        @property
        def expected_components(self) -> Any:
            from brickwork import ComponentSpec

            return [ComponentSpec("tool", Tool, config={"size": 1}, default_creation_method="from_config")]

        @property
        def intermediate_outputs(self) -> list[OutputParam]:
            return [OutputParam("size")]

        def __call__(self, components: Any, state: Any) -> Any:
            state.set("size", (components.tool.size, components.device.type))
            return components, state

    inner = Scope.from_blocks_dict({"sizes": Sizes}, outputs={"size": "second"}, components={"tool": "other"})
    pipe = chain(sizes=Sizes, inner=inner).init_pipeline()
    pipe.update_components(tool=Tool(1), other=Tool(2))
    assert pipe(output=["size", "second"]) == {"size": (1, "cpu"), "second": (2, "cpu")}


def test_a_whole_task_of_diffusers_is_a_scope_and_equals_two_pipelines_by_hand(
    tiny_folder: Path, tiny_pipe: ModularPipeline
) -> None:
    def made(blocks: Any) -> ModularPipeline:
        pipe: ModularPipeline = blocks.init_pipeline(str(tiny_folder))
        pipe.update_components(**{name: tiny_pipe.components[name] for name in tiny_pipe.pretrained_component_names})
        pipe.configure(progress=False)
        return pipe

    theirs = adopt(StableDiffusionXLAutoBlocks).get_workflow("image2image")
    second = Scope.from_blocks_dict(
        theirs.sub_blocks,  # type: ignore[attr-defined]  # it is a container
        inputs={"image": "images", "strength": "second_strength", "num_inference_steps": "second_steps"},
        outputs={"images": "second_images"},
    )
    blocks = SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS)
    blocks.sub_blocks["second"] = second
    inputs = {"prompt": "a red circle", "num_inference_steps": 2, "height": 64, "width": 64}
    generator = seeded()
    first = made(SequentialPipelineBlocks.from_blocks_dict(TEXT2IMAGE_BLOCKS))
    image = first(**inputs, generator=generator, output="images")
    asked = {
        "image": image,
        "strength": 0.6,
        "num_inference_steps": 4,
        "prompt": "a red circle",
        "generator": generator,
    }
    by_hand = made(theirs)(**asked, output="images")[0]
    pipe = made(blocks)
    found: list[Snapshot] = []
    pipe.configure(snapshots=Snapshots(found.append, every=1, after="blocks"))
    asked = {**inputs, "second_steps": 4, "second_strength": 0.6, "generator": seeded()}
    assert pipe(**asked, output="second_images")[0].tobytes() == by_hand.tobytes()
    pipe.configure(snapshots=None)
    inside = [each for each in found if each.where.startswith("second.")]
    assert len(inside) > 5
    assert pipe.resume(inside[3])[0].tobytes() == by_hand.tobytes()
    assert pipe.resume(inside[-2])[0].tobytes() == by_hand.tobytes()
