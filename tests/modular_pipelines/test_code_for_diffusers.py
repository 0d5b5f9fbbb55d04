"""Code that was written for diffusers' modular pipelines: names, groups of inputs, loops, managers."""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from brickwork import ComponentError, CompositionError, DeclarationError, InputError, MemoryCache, replay
from brickwork.modular_pipelines import (
    AutoPipelineBlocks,
    ComponentsManager,
    ComponentSpec,
    ConditionalPipelineBlocks,
    InputParam,
    LoopSequentialPipelineBlocks,
    ModularPipelineBlocks,
    OutputParam,
    SequentialPipelineBlocks,
)
from brickwork.modular_pipelines.components_manager import AutoOffloadStrategy
from brickwork.modular_pipelines.modular_pipeline_utils import combine_inputs


class Step(ModularPipelineBlocks):
    """Add one, in a loop."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("x", default=0)]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("x")]

    def __call__(self, components: Any, block_state: Any, i: int) -> Any:
        block_state.x += 1
        return components, block_state


class Walk(LoopSequentialPipelineBlocks):
    """A loop of its own, with a bar of its own."""

    block_classes = [Step]
    block_names = ["step"]

    @property
    def loop_inputs(self) -> list[InputParam]:
        return [InputParam("steps", required=True)]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        with self.progress_bar(total=block_state.steps) as bar:
            for i in range(block_state.steps):
                components, block_state = self.loop_step(components, block_state, i=i)
                bar.update()
        self.set_block_state(state, block_state)
        return components, state


class WalkOverAList(Walk):
    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        for i in self.progress_bar(range(block_state.steps)):
            components, block_state = self.loop_step(components, block_state, i=i)
        self.set_block_state(state, block_state)
        return components, state


@pytest.mark.parametrize("loop", [Walk, WalkOverAList])
def test_a_hand_written_loop_draws_its_bar_as_the_pipeline_says(loop: type[Walk]) -> None:
    pipe = loop().init_pipeline()
    drawn = io.StringIO()
    pipe.set_progress_bar_config(file=drawn, desc="walking")
    assert pipe(steps=3, output="x") == 3
    assert "walking" in drawn.getvalue()
    assert "3/3" in drawn.getvalue()
    quiet = io.StringIO()
    pipe.set_progress_bar_config(disable=True, file=quiet)
    assert pipe(steps=2, output="x") == 2
    assert quiet.getvalue() == ""


def test_a_loops_own_options_of_its_bar_stand_over_those_of_the_pipeline() -> None:
    blocks = Walk()
    blocks.set_progress_bar_config(desc="mine")
    pipe = blocks.init_pipeline()
    drawn = io.StringIO()
    pipe.set_progress_bar_config(file=drawn, desc="the pipeline's")
    pipe(steps=1)
    assert "mine" in drawn.getvalue()
    assert "pipeline" not in drawn.getvalue()


def test_a_bar_over_nothing_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Walk: progress_bar\(\) needs what it goes over"):
        Walk().progress_bar()


class Gathers(ModularPipelineBlocks):
    """Read a whole group, and one value of its own."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam(kwargs_type="fields"), InputParam("own")]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("seen"), OutputParam("one")]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        block_state.seen = dict(block_state.fields)
        block_state.one = getattr(block_state, "a", None)
        self.set_block_state(state, block_state)
        return components, state


class Tags(ModularPipelineBlocks):
    """Write a value of the group."""

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("b", kwargs_type="fields")]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        block_state.b = "written"
        self.set_block_state(state, block_state)
        return components, state


def test_a_call_gives_a_group_of_inputs_as_a_dict() -> None:
    pipe = Gathers().init_pipeline()
    assert pipe(fields={"a": 1}, output=["seen", "one"]) == {"seen": {"a": 1}, "one": 1}
    assert pipe(output="seen") == {}
    assert "**fields" in pipe.doc


def test_values_of_a_group_that_blocks_write_join_those_of_the_call() -> None:
    pipe = SequentialPipelineBlocks.from_blocks_dict({"tags": Tags, "gathers": Gathers}).init_pipeline()
    assert pipe(fields={"a": 1, "b": "given"}, output="seen") == {"a": 1, "b": "written"}


def test_a_group_that_is_no_dict_is_refused() -> None:
    with pytest.raises(InputError, match=r"'fields' is a group of inputs: give a dict of them by name"):
        Gathers().init_pipeline()(fields=[1])


def test_a_result_is_not_kept_for_another_group() -> None:
    pipe = Gathers().init_pipeline()
    pipe.configure(cache=MemoryCache())
    assert [pipe(fields={"a": number}, output="seen") for number in (1, 2, 1)] == [{"a": 1}, {"a": 2}, {"a": 1}]


def test_a_run_with_a_group_is_repeated_from_its_recipe() -> None:
    pipe = Gathers().init_pipeline()
    state = pipe(fields={"a": 2})
    assert replay(state.recipe, blocks=[Gathers], components=pipe).seen == {"a": 2}


def test_blocks_name_their_outputs_and_pipelines_their_defaults() -> None:
    blocks = SequentialPipelineBlocks.from_blocks_dict({"tags": Tags, "gathers": Gathers})
    assert blocks.output_names == blocks.intermediate_output_names == ["b", "seen", "one"]
    assert Walk().init_pipeline().default_call_parameters == {"steps": None, "x": 0}


class Reads(ModularPipelineBlocks):
    """Expect a tokenizer."""

    component = "tokenizer"

    @property
    def expected_components(self) -> list[ComponentSpec]:
        return [ComponentSpec(self.component, "transformers:CLIPTokenizer")]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("words")]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        block_state.words = len(getattr(components, self.component))
        self.set_block_state(state, block_state)
        return components, state


class ReadsOther(Reads):
    component = "tokenizer_2"


class ByImage(AutoPipelineBlocks):
    block_classes = [ReadsOther, Reads]
    block_names = ["image", "text"]
    block_trigger_inputs = ["image", None]


def test_only_what_a_workflow_uses_is_loaded(tiny_folder: Path) -> None:
    pipe = ByImage().init_pipeline(str(tiny_folder))
    pipe.load_components(workflow="image")
    assert pipe.loaded_component_names == ["tokenizer_2"]
    pipe.load_components(workflow="default")
    assert set(pipe.loaded_component_names) == {"tokenizer", "tokenizer_2"}
    with pytest.raises(InputError, match="names= or workflow=, not both"):
        pipe.load_components("tokenizer", workflow="image")


def test_a_workflow_that_is_none_is_a_value_error_and_names_those_there_are() -> None:
    with pytest.raises(ValueError, match="There is no workflow 'video'. Available workflows: default, image."):
        ByImage().init_pipeline().load_components(workflow="video")
    with pytest.raises(CompositionError, match="Did you mean 'image'. Available workflows: default, image."):
        ByImage().get_workflow("imag")


def test_a_component_that_is_added_by_its_spec_is_loaded(tiny_folder: Path) -> None:
    assert ComponentSpec.loading_fields() == ["pretrained_model_name_or_path", "subfolder", "variant", "revision"]
    pipe = Reads().init_pipeline()
    pipe._component_specs["tokenizer_2"] = ComponentSpec(
        "tokenizer_2", "transformers:CLIPTokenizer", repo=str(tiny_folder), subfolder="tokenizer_2"
    )
    pipe.load_components()
    assert len(pipe.tokenizer_2) == len(pipe.components["tokenizer_2"]) > 0


def test_components_are_registered_and_unknown_names_left_out(tiny_pipe: Any, caplog: pytest.LogCaptureFixture) -> None:
    pipe = Reads().init_pipeline()
    pipe.register_components(tokenizer=tiny_pipe.tokenizer, vae=tiny_pipe.vae)
    assert pipe.tokenizer is tiny_pipe.tokenizer
    assert pipe.loaded_component_names == ["tokenizer"]
    assert "register_components: no block expects 'vae'." in caplog.text
    with pytest.raises(ComponentError, match="'tokenizer' expects a CLIPTokenizer"):
        pipe.register_components(tokenizer=tiny_pipe.vae)


def test_some_fields_of_a_component_are_asked_for() -> None:
    manager = ComponentsManager()
    layer = torch.nn.Linear(4, 4)
    number = manager.add("net", layer, collection="mine")
    assert manager.get_model_info(number, fields="size_gb") == {"size_gb": 80 / 2**30}
    asked = manager.get_model_info(number, fields=["model_id", "class_name", "collection"])
    assert asked == {"model_id": number, "class_name": "Linear", "collection": "mine"}
    assert manager.get_model_info(number)["size"] == 80
    with pytest.raises(InputError, match="There is no field 'sise'. Did you mean 'size'?"):
        manager.get_model_info(number, fields="sise")


SIZES = {"a": 5, "b": 3, "c": 2}


@pytest.mark.parametrize(
    ("sizes", "short", "going"),
    [
        (SIZES, 0, []),
        (SIZES, 3, ["b"]),
        (SIZES, 4, ["a"]),
        (SIZES, 6, ["a", "c"]),
        (SIZES, 10, ["a", "b", "c"]),
        (SIZES, 11, ["a", "b", "c"]),
        ({}, 7, []),
        ({str(number): number for number in range(1, 14)}, 24, ["12", "13"]),
    ],
)
def test_what_frees_enough_with_the_least_more_leaves_the_device(
    sizes: Mapping[str, int], short: int, going: list[str]
) -> None:
    assert sorted(AutoOffloadStrategy()(sizes, short, {})) == going


def test_nothing_leaves_a_device_without_limit() -> None:
    class Hook:
        model_id, model = "a", torch.nn.Linear(4, 4)

    asked = {"model_id": "b", "model": torch.nn.Linear(4, 4), "execution_device": torch.device("cpu")}
    assert AutoOffloadStrategy("1KB")(hooks=[Hook()], **asked) == []


class Weak(Reads):
    strength = 0.3

    @property
    def expected_components(self) -> list[ComponentSpec]:
        return []

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("strength", default=self.strength)]


class Strong(Weak):
    strength = 0.9


class Inner(AutoPipelineBlocks):
    block_classes = [Strong, Weak]
    block_names = ["strong", "weak"]
    block_trigger_inputs = ["image", None]


class Outer(ConditionalPipelineBlocks):
    block_classes = [Strong, Inner]
    block_names = ["refine", "image"]
    block_trigger_inputs = ["mask"]
    default_block_name = "image"

    def select_block(self, mask: object = None) -> str | None:
        return None if mask is None else "refine"


def test_defaults_of_nested_branches_are_told_by_their_path() -> None:
    strength = next(param for param in Outer().inputs if param.name == "strength")
    assert strength.default is None
    assert strength.defaults_by_block == {"refine": 0.9, "image.strong": 0.9, "image.weak": 0.3}


def test_inputs_of_several_blocks_are_combined() -> None:
    agreeing = combine_inputs(
        ("a", [InputParam("x", default=5, description="first")]), ("b", [InputParam("x", default=5)])
    )
    assert agreeing == [InputParam("x", default=5, description="first")]
    none = combine_inputs(("a", [InputParam("x")]), ("b", [InputParam("x", default=5)]))
    assert none == [InputParam("x", defaults_by_block={"a": None, "b": 5})]
    nested = InputParam("x", defaults_by_block={"one": 1, "two": 2})
    assert combine_inputs(("b", [nested])) == [nested]
    both = combine_inputs(("a", [InputParam("x", default=3)]), ("b", [nested]))
    assert both == [InputParam("x", defaults_by_block={"a": 3, "b.one": 1, "b.two": 2})]


class Mark(ModularPipelineBlocks):
    """Write what is there."""

    word = "sketch"

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("picture")]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("way")]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        block_state.way = self.word
        self.set_block_state(state, block_state)
        return components, state


class Repaint(Mark):
    word = "repaint"


class BySize(ConditionalPipelineBlocks):
    block_classes = [Repaint, Mark]
    block_names = ["large", "small"]
    block_trigger_inputs = ["size", "picture"]
    default_block_name = "small"

    def select_block(self, size: int | None = None, picture: object = None) -> str | None:
        return "large" if picture is not None or (size is not None and size > 4) else None


class Skips(BySize):
    default_block_name = None


class Needs(BySize):
    def select_block(self, size: int, picture: object = None) -> str | None:  # type: ignore[override]
        return "large" if size > 4 else None


@pytest.mark.parametrize(
    ("given", "kind"),
    [({}, Mark), ({"size": 3}, Mark), ({"size": 9}, Repaint), ({"size": 1, "picture": True}, Repaint)],
)
def test_a_choice_by_values_is_decided_by_those_that_are_given(given: dict[str, Any], kind: type) -> None:
    assert type(BySize().get_execution_blocks(**given)) is kind
    row = SequentialPipelineBlocks.from_blocks_dict({"first": BySize}).get_execution_blocks(**given)
    assert type(row["first"]) is kind  # type: ignore[index]
    assert row.init_pipeline()(output="way") == BySize().init_pipeline()(**given, output="way") == kind.word  # type: ignore[attr-defined]


def test_a_choice_by_values_that_are_not_known_stays_open() -> None:
    assert isinstance(BySize().get_execution_blocks("size"), BySize)
    assert isinstance(Needs().get_execution_blocks(), Needs)
    assert isinstance(BySize().get_execution_blocks(size="nine"), BySize)
    written = SequentialPipelineBlocks.from_blocks_dict({"size": WritesSize, "then": BySize})
    assert isinstance(written.get_execution_blocks()["then"], BySize)  # type: ignore[index]
    assert written.init_pipeline()(output="way") == "repaint"
    assert isinstance(
        SequentialPipelineBlocks.from_blocks_dict({"a": Skips}).get_execution_blocks(size=9)["a"], Repaint
    )  # type: ignore[index]
    assert not SequentialPipelineBlocks.from_blocks_dict({"a": Skips}).get_execution_blocks(size=1).sub_blocks  # type: ignore[attr-defined]


class WritesSize(ModularPipelineBlocks):
    """Write a size."""

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("size")]

    def __call__(self, components: Any, state: Any) -> Any:
        block_state = self.get_block_state(state)
        block_state.size = 7
        self.set_block_state(state, block_state)
        return components, state


class Stages(SequentialPipelineBlocks):
    block_classes = [Walk, BySize]
    block_names = ["walk", "paint"]


class Tasks(SequentialPipelineBlocks):
    """Name its workflows as in diffusers."""

    block_classes = [WritesSize, Stages, Gathers]
    block_names = ["size", "stages", "gather"]
    _workflow_map = {"drawn": {"steps": True}, "painted": ({"picture": True}, {"size": True})}


class Sized(Tasks):
    block_classes = [Stages]
    block_names = ["stages"]
    _workflow_map = {"small": {"size": 3}, "large": {"size": 9}}


def test_a_workflow_that_is_named_as_in_diffusers_is_one_row_of_paths() -> None:
    drawn = Tasks().get_workflow("painted")
    assert [(name, type(part)) for name, part in drawn.sub_blocks.items()] == [  # type: ignore[attr-defined]
        ("size", WritesSize),
        ("stages.walk", Walk),
        ("stages.paint", Repaint),
        ("gather", Gathers),
    ]
    assert drawn.init_pipeline()(steps=2, output=["x", "way"]) == {"x": 2, "way": "repaint"}
    for name, kind in (("small", Mark), ("large", Repaint)):
        assert type(Sized().get_workflow(name)["stages.paint"]) is kind  # type: ignore[index]


def test_a_row_of_paths_is_edited_by_them(tmp_path: Path) -> None:
    row = Tasks().get_workflow("drawn")
    assert isinstance(row, SequentialPipelineBlocks)
    assert isinstance(row["stages.walk.step"], Step)
    row.insert_before("stages.paint", "mark", Mark).replace("stages.paint", Mark)
    row["stages.walk.step"] = Step()
    row.insert_after("stages.walk.step", "again", Step)
    assert list(row.sub_blocks) == ["size", "stages.walk", "mark", "stages.paint", "gather"]
    assert row.init_pipeline()(steps=2, output=["x", "way"]) == {"x": 4, "way": "sketch"}
    assert isinstance(row.pop("stages.walk.again"), Step)
    row.pop("stages.paint")
    assert list(copy.deepcopy(row).sub_blocks) == ["size", "stages.walk", "mark", "gather"]
    assert list(copy.deepcopy(row)["stages.walk"].sub_blocks) == ["step"]  # type: ignore[attr-defined]
    for wrong in ("stages", "stages.paint", "stages.walk.none"):
        with pytest.raises(CompositionError, match="There is no block"):
            row[wrong]
    del row.description
    row.save_pretrained(tmp_path)
    opened = ModularPipelineBlocks.from_pretrained(str(tmp_path), trust_remote_code=True)
    assert list(opened.sub_blocks) == ["size", "stages.walk", "mark", "gather"]  # type: ignore[attr-defined]


class Paints(AutoPipelineBlocks):
    block_classes = [Repaint, Mark]
    block_names = ["again", "first"]
    block_trigger_inputs = ["size", None]


class PaintsTwice(SequentialPipelineBlocks):
    block_classes = [Paints, Needs]
    block_names = ["paint", "needs"]


class ByWritten(SequentialPipelineBlocks):
    """A choice that stays open in a row, and one by what is written."""

    block_classes = [PaintsTwice, WritesSize, PaintsTwice]
    block_names = ["before", "size", "after"]
    _workflow_map = {"all": {"picture": True}}


def test_what_an_earlier_block_writes_counts_as_there_in_a_workflow_of_diffusers() -> None:
    row = ByWritten().get_workflow("all")
    assert [(name, type(part)) for name, part in row.sub_blocks.items()] == [  # type: ignore[attr-defined]
        ("before.paint", Mark),
        ("before.needs", Needs),
        ("size", WritesSize),
        ("after.paint", Repaint),
        ("after.needs", Mark),
    ]
    assert not row.check().faults
    assert row.init_pipeline()(size=9, output="way") == "sketch"


class SkipsOrPaints(AutoPipelineBlocks):
    """Paint only what is there."""

    block_classes = [Repaint]
    block_names = ["again"]
    block_trigger_inputs = ["size"]


def test_a_choice_by_inputs_names_no_block_for_its_default() -> None:
    assert Paints().select_block(size=3) == "again"
    assert Paints().select_block() is None
    assert Paints().select_block(size=None) is None
    assert Paints().init_pipeline()(output="way") == "sketch"


@pytest.mark.parametrize("choice", [Skips, SkipsOrPaints])
def test_what_a_choice_runs_is_none_where_it_runs_nothing(choice: type[ConditionalPipelineBlocks]) -> None:
    assert choice().get_execution_blocks() is None
    assert isinstance(choice().get_execution_blocks(size=9), Repaint)
    # A workflow is a composition, to edit: where nothing runs, one without blocks.
    assert not SkipsOrPaints().get_workflow("default").sub_blocks  # type: ignore[attr-defined]
