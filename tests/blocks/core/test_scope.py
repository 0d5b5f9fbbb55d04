"""Scopes: what comes in, what leaves, what stays inside, and what is said where the mappings do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from toy_blocks import Add, Count, Double, Repeat, chain, pipeline

from brickwork import (
    AutoPipelineBlocks,
    Block,
    ComponentSpec,
    CompositionError,
    ConditionalPipelineBlocks,
    DeclarationError,
    InputError,
    MemoryCache,
    ModularPipelineBlocks,
    Outputs,
    Scope,
    SequentialPipelineBlocks,
    Snapshot,
    Snapshots,
    component,
)


class Remember(Block):
    """Doubles, adds what it remembers, and remembers one more."""

    class Out(Outputs):
        x: int
        memory: int

    def run(self, x: int, memory: int = 0) -> Out:
        return self.Out(x=2 * x + memory, memory=memory + 1)


class Plus(Block):
    """Adds a second number, which nobody here writes."""

    class Out(Outputs):
        x: int

    def run(self, x: int, y: int = 100) -> Out:
        return self.Out(x=x + y)


def scope(
    inputs: Mapping[str, str] = {"x": "start"},
    outputs: Mapping[str, str] = {"x": "other"},
    components: Mapping[str, str] = {},
    **blocks: Any,
) -> Scope:
    return Scope.from_blocks_dict(blocks, inputs=inputs, outputs=outputs, components=components)


def faults_of(blocks: ModularPipelineBlocks) -> tuple[str, ...]:
    return blocks.check().faults


def test_what_is_written_inside_stays_inside_and_what_nobody_inside_writes_is_shared() -> None:
    pipe = pipeline(add=Add, inner=scope(plus=Plus, double=Double), after=Add)
    assert pipe(x=1, start=10, y=5, output=["x", "other"]) == {"x": 3, "other": 30}
    assert pipe(x=1, start=10, output=["x", "other"]) == {"x": 3, "other": 220}
    assert set(pipe(x=1, start=10).values) == {"x", "start", "other"}


def test_a_value_that_is_written_inside_begins_absent_unless_it_is_let_in() -> None:
    blocks = {"first": Remember, "inner": scope(inputs={"x": "x"}, outputs={"x": "x"}, again=Remember)}
    assert pipeline(**blocks)(x=1, output=["x", "memory"]) == {"x": 4, "memory": 1}
    blocks["inner"] = scope(inputs={"x": "x", "memory": "memory"}, outputs={"x": "x"}, again=Remember)
    assert pipeline(**blocks)(x=1, output=["x", "memory"]) == {"x": 5, "memory": 1}


def test_what_is_let_in_and_not_there_has_its_default() -> None:
    pipe = pipeline(inner=scope(inputs={"x": "start", "memory": "given"}, again=Remember))
    assert pipe(start=1, output="other") == 2
    assert pipe(start=1, given=5, output="other") == 7


def test_a_name_that_is_only_read_inside_can_be_another_outside() -> None:
    pipe = pipeline(plus=Plus, inner=scope(inputs={"x": "x", "y": "z"}, outputs={"x": "x"}, plus=Plus))
    assert pipe(x=0, y=1, z=10, output="x") == 11


def test_two_scopes_of_the_same_blocks_do_not_meet_in_the_cache() -> None:
    class Constant(Block):
        """Reads nothing, so its results have one key wherever it stands."""

        class Out(Outputs):
            x: int

        def run(self) -> Out:
            return self.Out(x=7)

    made = {"a": scope({}, {"x": "first"}, make=Constant), "b": scope({}, {"x": "second"}, make=Constant, add=Add)}
    pipe = pipeline(**made)
    pipe.configure(cache=MemoryCache())
    for _ in range(2):
        assert pipe(output=["first", "second"]) == {"first": 7, "second": 8}


def test_a_scope_in_a_loop_begins_anew_in_each_iteration_and_goes_on_from_snapshots() -> None:
    inner = scope({"x": "x"}, {"x": "x"}, a=Remember, b=Remember)
    pipe = pipeline(loop=Count.from_blocks_dict({"inner": inner}))
    expected = 1
    for _ in range(3):
        expected = 2 * (2 * expected) + 1
    found: list[Snapshot] = []
    pipe.configure(snapshots=Snapshots(found.append, every=1, after="blocks"))
    assert pipe(x=1, iterations=3, output="x") == expected
    pipe.configure(snapshots=None)
    assert "loop.step[1].inner.a" in [each.where for each in found]
    assert {pipe.resume(each) for each in found} == {expected}


def test_loops_inside_and_outside_may_have_variables_of_one_name() -> None:
    class AddTurn(Block):
        class Out(Outputs):
            x: int

        def run(self, x: int, i: int) -> Out:
            return self.Out(x=x + i)

    inner = scope({"x": "x", "times": "inner_times"}, {"x": "x"}, loop=Repeat.from_blocks_dict({"add": AddTurn}))
    pipe = pipeline(loop=Count.from_blocks_dict({"inner": inner, "after": AddTurn}))
    assert pipe(x=0, iterations=2, inner_times=3, output="x") == (3 + 0) + (3 + 1)


def test_a_scope_in_a_scope() -> None:
    deepest = scope({"x": "x"}, {"x": "y"}, double=Double)
    middle = scope({"x": "begin"}, {"y": "found"}, add=Add, twice=deepest)
    pipe = pipeline(add=Add, middle=middle)
    assert pipe(x=0, begin=4, output=["x", "found"]) == {"x": 1, "found": 10}
    assert pipe.plan(["x", "begin"]).paths == [
        "add", "middle/inputs", "middle.add", "middle.twice/inputs", "middle.twice.double", "middle.twice/outputs",
        "middle/outputs",
    ]  # fmt: skip
    assert set(pipe(x=0, begin=4).values) == {"x", "begin", "found"}


def test_a_scope_may_be_the_whole_composition() -> None:
    whole = scope(add=Add, twice=scope({"x": "x"}, {"x": "x"}, double=Double))
    pipe = whole.init_pipeline()
    pipe.configure(progress=False)
    assert pipe(start=4, output="other") == 10
    assert set(pipe(start=4).values) == {"start", "other"}


class ByImage(AutoPipelineBlocks):
    block_classes = [Double, Add]
    block_names = ["double", "add"]
    block_trigger_inputs = ["image", None]


class MakeImage(Block):
    class Out(Outputs):
        image: int

    def run(self, x: int) -> Out:
        return self.Out(image=x)


def test_a_choice_inside_is_decided_by_the_name_outside() -> None:
    pipe = pipeline(inner=scope({"x": "start", "image": "second"}, way=ByImage))
    assert list(pipe.blocks.available_workflows) == ["default", "second"]
    assert pipe(start=5, output="other") == 6
    assert pipe(start=5, second=1, output="other") == 10
    assert pipe.plan({"start": 1, "second": 2}).paths == ["inner/inputs", "inner.way.double", "inner/outputs"]
    assert list(pipe.blocks.get_workflow("second").init_pipeline().plan({"start": 1}).paths) == [
        "inner/inputs", "inner.way", "inner/outputs"
    ]  # fmt: skip


def test_what_a_branch_inside_requires_is_said_with_the_name_outside() -> None:
    class Needs(ByImage):
        block_classes = [Double, Add]
        block_names = ["double", "add"]
        block_trigger_inputs = ["image", None]
        block_requires = {"double": ["mask"]}

    pipe = pipeline(inner=scope({"x": "start", "image": "second", "mask": "second_mask"}, way=Needs, read=ReadsMask))
    text = r"that also needs 'mask', which was not given. \(In inner 'image' is 'second', 'mask' is 'second_mask'.\)"
    with pytest.raises(InputError, match=text):
        pipe(start=5, second=1)
    assert pipe(start=5, second=1, second_mask=2, output="other") == 12
    with pytest.raises(InputError, match="'mask' is no input of this pipeline"):
        pipe(start=5, mask=1)


class ReadsMask(Block):
    class Out(Outputs):
        x: int

    def run(self, x: int, mask: int = 0) -> Out:
        return self.Out(x=x + mask)


def test_a_choice_inside_by_a_shared_name_is_decided_by_that() -> None:
    pipe = pipeline(inner=scope(way=ByImage))
    assert pipe(start=5, image=1, output="other") == 10
    assert list(pipe.blocks.available_workflows) == ["default", "image"]


def test_a_choice_inside_does_not_see_what_is_private_outside_of_it() -> None:
    """`image` is written inside, so that of the caller is none of the scope's."""
    pipe = pipeline(use=MakeImage, inner=scope(way=ByImage, make=MakeImage))
    assert pipe(x=1, start=5, output="other") == 6
    written = pipeline(inner=scope(make=MakeImage, way=ByImage))
    assert written(start=5, output="other") == 10
    assert list(written.blocks.available_workflows) == ["default"]


class Maybe(ConditionalPipelineBlocks):
    block_classes = [MakeImage]
    block_names = ["make"]
    block_trigger_inputs = ["flag"]

    def select_block(self, flag: bool | None = None) -> str | None:
        return "make" if flag else None


def test_what_one_branch_writes_comes_in_and_leaves_where_it_is_there() -> None:
    class Use(Block):
        class Out(Outputs):
            z: int

        def run(self, image: int = 50) -> Out:
            return self.Out(z=image + 1)

    pipe = pipeline(maybe=Maybe, inner=scope({"image": "image"}, {"z": "z"}, use=Use))
    assert [pipe(x=1, flag=flag, output="z") for flag in (True, False)] == [2, 51]
    inner = scope({"x": "start"}, {"image": "image"}, maybe=Maybe)
    pipe = pipeline(inner=inner, use=Use)
    assert [pipe(start=1, flag=flag, output="z") for flag in (True, False)] == [2, 51]


def test_a_choice_outside_knows_what_leaves_a_scope_and_a_scope_may_be_a_branch() -> None:
    maker = scope({"x": "start"}, {"image": "image"}, make=MakeImage)
    pipe = pipeline(inner=maker, way=ByImage)
    assert list(pipe.blocks.available_workflows) == ["default"]
    assert pipe(start=1, x=5, output="x") == 10

    class Branches(ConditionalPipelineBlocks):
        block_classes = [scope({"x": "x"}, {"x": "x"}, add=Add), scope({"x": "x"}, {"x": "x"}, double=Double)]
        block_names = ["add", "double"]
        block_trigger_inputs = ["flag"]

        def select_block(self, flag: bool | None = None) -> str | None:
            return {True: "add", False: "double", None: None}[flag]

    pipe = pipeline(branches=Branches, after=Add)
    found = [pipe(x=5, **given, output="x") for given in ({"flag": True}, {"flag": False}, {})]
    assert found == [7, 11, 6]
    assert {frame.title for frame in pipe.blocks.graph().frames} >= {"scope branches.add", "scope branches.double"}


def test_a_required_input_that_nobody_lets_in_is_a_fault_of_the_composition() -> None:
    made = chain(add=Add, inner=scope({}, {"x": "other"}, plus=Plus))
    (text,) = faults_of(made)
    assert text == (
        "inner.plus needs 'x' (int), and no earlier block of the scope inner gives it. From outside it does not come by itself, "
        "since a block of the scope writes it. Let it in under its name outside: inputs={'x': ...}."
    )
    with pytest.raises(CompositionError, match=r"Let it in under its name outside: inputs=\{'x': \.\.\.\}"):
        made.init_pipeline()


def test_a_missing_input_is_named_as_it_is_outside() -> None:
    class Near(Block):
        class Out(Outputs):
            begin_here: int

        def run(self, x: int) -> Out:
            return self.Out(begin_here=x)

    pipe = pipeline(near=Near, inner=scope({"x": "begin_her"}, plus=Plus))
    text = (
        r"inner.plus needs 'begin_her' \(int\), which it knows as 'x'; it was not given, and no earlier block gives it. "
        r"Nearest: 'begin_here' \(from near\). Pass begin_her=..."
    )
    with pytest.raises(InputError, match=text):
        pipe(x=1)
    assert [param.name for param in pipe.blocks.workflow().required] == ["x", "begin_her"]
    assert pipe.blocks.workflow().required[1].type_hint is int
    assert {param.name: param.default for param in pipe.blocks.workflow().optional} == {"y": 100}


def test_names_of_mappings_that_mean_nothing_inside_are_faults_with_the_nearest_ones() -> None:
    class Uses(Block):
        denoiser: dict = component()  # type: ignore[type-arg]

        class Out(Outputs):
            image: int

        def run(self, width: int) -> Out:
            return self.Out(image=width)

    def said(**mapping: Any) -> list[str]:
        return [*faults_of(chain(inner=scope(**{"inputs": {}, "outputs": {"image": "image"}, **mapping}, uses=Uses)))]

    assert said(inputs={"widht": "w"}) == [
        "inner: inputs names 'widht' (outside 'w'), which no block in it reads. Did you mean 'width'?"
    ]
    assert said(outputs={"imag": "w"}) == [
        "inner: outputs names 'imag' (outside 'w'), which no block in it writes. Did you mean 'image'?"
    ]
    assert said(components={"denoise": "other"}) == [
        "inner: components names 'denoise' (outside 'other'), which no block in it uses. Did you mean 'denoiser'?"
    ]
    deeper = scope({"width": "own"}, {"image": "image"}, uses=Uses)
    (text,) = faults_of(chain(inner=scope({"width": "w"}, {"image": "image"}, deeper=deeper)))
    assert text == "inner: inputs names 'width' (outside 'w'), which no block in it reads. There are: own."
    with pytest.raises(CompositionError, match="inputs names 'widht'"):
        chain(inner=scope({"widht": "w"}, {"image": "image"}, uses=Uses)).plan(["width"])
    assert said() == []


@pytest.mark.parametrize(
    ("mapping", "text"),
    [
        (
            {"inputs": ["x"]},
            r"Scope: inputs is \['x'\]; it is a dict from the name of a value inside to its name outside",
        ),
        ({"outputs": {"x": 1}}, "outputs is {'x': 1}; 1 is no name of a value"),
        ({"components": {"a b": "c"}}, "components is {'a b': 'c'}; 'a b' is no name of a component"),
        ({"outputs": {"x": "z", "y": "z"}}, "two values would leave as 'z'. Give each a name of its own"),
        ({"output": {}}, "Scope takes no 'output'. Did you mean 'outputs'?"),
    ],
)
def test_a_mapping_of_another_form_is_refused(mapping: Any, text: str) -> None:
    with pytest.raises(DeclarationError, match=text):
        Scope(**mapping)


def test_mappings_in_the_body_of_a_class_are_refused_and_the_callers_dict_is_the_callers() -> None:
    with pytest.raises(DeclarationError, match=r"Hires.inputs: the mappings of a scope are given when one is made"):
        type("Hires", (Scope,), {"inputs": {"x": "y"}})
    mapping = {"x": "start"}
    made = Scope(inputs=mapping)
    mapping["x"] = "other"
    assert made.mapped_inputs == {"x": "start"}
    with pytest.raises(AttributeError, match="frozen"):
        made.outputs = {}  # type: ignore[misc,assignment]
    with pytest.raises(CompositionError, match="Scope is empty"):
        made.plan(["x"])


def test_a_scope_that_nothing_leaves_is_warned_of() -> None:
    report = chain(inner=scope({"x": "x"}, {}, add=Add)).check()
    assert report.warnings == (
        "inner: nothing leaves the scope, so nobody sees what its blocks write (x). Say what does: outputs={'x': ...}.",
    )


def test_types_are_compared_across_the_border_of_a_scope() -> None:
    class Text(Block):
        class Out(Outputs):
            word: str

        def run(self) -> Out:
            return self.Out(word="a")

    class Length(Block):
        class Out(Outputs):
            size: int

        def run(self, word: str) -> Out:
            return self.Out(size=len(word))

    (into,) = faults_of(chain(text=Text, inner=scope({"x": "word"}, add=Add)))
    assert into.startswith("inner.add needs 'word', which it knows as 'x', as int, and text gives str")
    (out,) = faults_of(chain(inner=scope(outputs={"x": "word"}, add=Add), length=Length))
    assert out.startswith("length needs 'x', which it knows as 'word', as str, and inner.add gives int")


def test_defaults_that_differ_under_one_name_outside_are_a_fault_and_under_two_are_none() -> None:
    class Other(Block):
        class Out(Outputs):
            w: int

        def run(self, y: int = 7) -> Out:
            return self.Out(w=y)

    (text,) = faults_of(chain(other=Other, inner=scope({"x": "x", "y": "y"}, {"x": "x"}, plus=Plus)))
    assert text.startswith("'y' is 7 for other and 100 for inner.plus where nobody gives it")
    assert faults_of(chain(other=Other, inner=scope({"x": "x", "y": "own"}, {"x": "x"}, plus=Plus))) == ()


def test_misspelt_values_are_looked_for_in_one_scope_at_a_time() -> None:
    class Writes(Block):
        class Out(Outputs):
            brightnes: int
            x: int

        def run(self, x: int) -> Out:
            return self.Out(brightnes=x, x=x)

    class Reads(Block):
        class Out(Outputs):
            x: int

        def run(self, x: int, brightness: int = 1) -> Out:
            return self.Out(x=x + brightness)

    class MakesBoth(Block):
        class Out(Outputs):
            brightness: int

        def run(self) -> Out:
            return self.Out(brightness=2)

    inside = scope({"x": "x"}, {"x": "x"}, write=Writes, make=MakesBoth, read=Reads)
    (text,) = chain(inner=inside).check().warnings
    assert (
        text
        == "inner.write writes 'brightnes', which nobody reads, and inner.read reads 'brightness'. Is one of them misspelt?"
    )
    two = chain(
        a=scope({"x": "x"}, {"x": "x"}, write=Writes), b=scope({"x": "x"}, {"x": "x"}, make=MakesBoth, read=Reads)
    )
    assert two.check().warnings == ()


def test_a_later_scope_that_writes_what_is_missing_is_named_unless_it_needs_it_itself() -> None:
    late = chain(plus=Plus, inner=scope({"x": "start"}, {"x": "x"}, add=Add)).check()
    (text,) = late.warnings
    assert "inner/outputs writes it, but only later: move that before plus" in text
    assert chain(inner=scope({"x": "x"}, {"x": "x"}, add=Add)).check().warnings == ()


def test_components_of_one_name_that_differ_are_told_how_a_scope_renames_one() -> None:
    class One(Block):
        tool: dict = component(config={"size": 1})  # type: ignore[type-arg]

        def run(self) -> None: ...

    class Two(Block):
        tool: dict = component(config={"size": 2})  # type: ignore[type-arg]

        def run(self) -> None: ...

    (text,) = faults_of(chain(one=One, inner=scope({}, {}, two=Two)))
    assert text.endswith(
        "Give both the same configuration, or rename one (the scope inner takes components={'tool': ...})."
    )
    renamed = chain(one=One, inner=scope({}, {}, {"tool": "second"}, two=Two))
    assert faults_of(renamed) == ()
    assert renamed.component_names == ["tool", "second"]
    assert faults_of(chain(one=One, two=Two))[0].endswith("Give both the same configuration, or rename one.")


class Settings:
    """A component of a plain setting."""

    def __init__(self, size: int) -> None:
        self.size = size

    @classmethod
    def from_config(cls, config: Any) -> Settings:
        return cls(**config)


class Measures(Block):
    tool: Settings = component(config={"size": 1})

    class Out(Outputs):
        size: int

    def run(self) -> Out:
        return self.Out(size=self.tool.size)

    def component_faults(self, components: Any) -> Any:
        if components["tool"].size < 0:
            yield "tool is too small."

    def misfits(self, given: Any) -> Any:
        if given.get("limit", 9) < self.tool.size:
            yield f"tool is larger than limit = {given['limit']}."


def test_blocks_inside_are_asked_about_components_and_inputs_by_their_own_names() -> None:
    inner = Scope.from_blocks_dict(
        {"measure": Measures, "use": Limited}, inputs={"limit": "second_limit"}, outputs={"size": "second"},
        components={"tool": "other"},
    )  # fmt: skip
    pipe = pipeline(measure=Measures, inner=inner)
    pipe.update_components(other=Settings(5))
    assert pipe(output=["size", "second"]) == {"size": 1, "second": 5}
    assert pipe(second_limit=6, output="second") == 5
    text = r"tool is larger than limit = 4. \(In inner 'limit' is 'second_limit', 'tool' is 'other'.\)"
    with pytest.raises(InputError, match=text):
        pipe(second_limit=4)
    pipe.update_components(other=Settings(-1))
    with pytest.raises(InputError, match=r"tool is too small. \(In inner 'tool' is 'other'.\)"):
        pipe()
    assert isinstance(pipe.specs["other"], ComponentSpec)


class Limited(Block):
    class Out(Outputs):
        allowed: int

    def run(self, limit: int = 9) -> Out:
        return self.Out(allowed=limit)


def test_a_scope_is_drawn_and_told_as_one() -> None:
    inner = scope(add=Add, loop=Repeat.from_blocks_dict({"double": Double}))
    made = chain(first=Add, inner=inner, way=Maybe)
    assert "inner  Scope (scope)" in repr(made)
    graph = made.graph()
    depths = {frame.title: frame.depth for frame in graph.frames}
    assert depths == {"scope inner": 0, "loop inner.loop": 1, "choice way": 0, "make": 1}
    assert "scope inner" in graph.svg
    assert "subgraph" in graph.mermaid


def test_edits_inside_are_seen_and_a_scope_wraps_a_block() -> None:
    made = chain(first=Add, second=Double)
    made.wrap("second", Scope)
    assert isinstance(made["second"], Scope)
    made["second"] = scope({"x": "x"}, {"x": "x"}, second=Double)
    pipe = made.init_pipeline()
    pipe.configure(progress=False)
    assert pipe(x=1, output="x") == 4
    pipe.blocks.insert_after("second.second", "more", Add)  # type: ignore[attr-defined]
    assert pipe(x=1, output="x") == 5


def test_an_error_inside_says_where_and_with_which_values() -> None:
    class Fails(Block):
        class Out(Outputs):
            x: int

        def run(self, x: int) -> Out:
            raise ValueError("boom")

    pipe = pipeline(inner=scope(loop=Repeat.from_blocks_dict({"fail": Fails})))
    with pytest.raises(ValueError, match="boom") as caught:
        pipe(start=1)
    (note,) = caught.value.__notes__
    assert note.startswith("In block inner.loop.step[0].fail.")
    assert "inner/x: 1" in note


def test_a_scope_runs_within_a_hand_written_loop() -> None:
    from brickwork import LoopSequentialPipelineBlocks

    class ByHand(LoopSequentialPipelineBlocks):
        @property
        def loop_inputs(self) -> Any:
            from brickwork import InputParam

            return [InputParam("x", required=True)]

        def __call__(self, components: Any, state: Any) -> Any:
            block_state = self.get_block_state(state)
            for i in range(2):
                components, block_state = self.loop_step(components, block_state, i=i)
            self.set_block_state(state, block_state)
            return components, state

    inner = scope({"x": "x"}, {"x": "x"}, a=Remember, b=Remember)
    pipe = pipeline(loop=ByHand.from_blocks_dict({"inner": inner}))
    assert pipe(x=1, output="x") == 2 * (2 * (2 * 2 * 1 + 1)) + 1


def test_a_composition_of_a_scope_is_data_and_comes_back() -> None:
    from brickwork.saving.composition import compose, describe

    made = chain(first=Add, inner=scope(components={}, plus=Plus))
    data = describe(made)
    assert data["blocks"]["inner"]["block"] == "Scope"
    assert data["blocks"]["inner"]["options"] == {"inputs": {"x": "start"}, "outputs": {"x": "other"}}
    again = compose(data, [Add, Plus])
    assert isinstance(again, SequentialPipelineBlocks)
    assert again.init_pipeline()(x=1, start=1, output="other") == 101
