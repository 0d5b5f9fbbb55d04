"""Containers: order, nesting, editing, loops, choices."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from toy_blocks import Add, Double, chain

from brickwork import (
    AutoPipelineBlocks,
    Block,
    BlockState,
    CompositionError,
    ConditionalPipelineBlocks,
    DeclarationError,
    InputError,
    InputParam,
    InsertableDict,
    LoopSequentialPipelineBlocks,
    ModularPipelineBlocks,
    OutputParam,
    Outputs,
    PipelineState,
    RunError,
    SequentialPipelineBlocks,
    component,
)


class Repeat(LoopSequentialPipelineBlocks):
    """Repeat some times."""

    class Vars(Outputs):
        i: int

    def iterate(self, times: int) -> Iterator[Vars]:
        for i in range(times):
            yield self.Vars(i=i)

    def count(self, times: int) -> int:
        return times


class PropertyAdd(ModularPipelineBlocks):
    """Add one, written as properties."""

    @property
    def inputs(self) -> list[InputParam]:
        return [InputParam("x", required=True), InputParam("step", default=1)]

    @property
    def intermediate_outputs(self) -> list[OutputParam]:
        return [OutputParam("x")]

    def __call__(self, components: Any, state: PipelineState) -> Any:
        block_state = self.get_block_state(state)
        block_state.x = block_state.x + block_state.step
        self.set_block_state(state, block_state)
        return components, state


def run(blocks: ModularPipelineBlocks, output: Any = "x", **inputs: Any) -> Any:
    pipe = blocks.init_pipeline()
    pipe.configure(progress=False)
    return pipe(output=output, **inputs)


def test_blocks_run_in_the_order_of_their_names() -> None:
    assert run(chain(add=Add, double=Double), x=1) == 4
    assert run(chain(double=Double, add=Add), x=1) == 3


def test_classes_and_instances_are_taken_alike_everywhere() -> None:
    assert run(chain(add=Add(amount=5), more=Add), x=0) == 6
    assert run(Repeat.from_blocks_dict({"a": Add, "b": Add(amount=2)}), x=0, times=3) == 9


@pytest.mark.parametrize("block", [Add, PropertyAdd])
def test_both_faces_run_in_every_container(block: type[ModularPipelineBlocks]) -> None:
    assert run(chain(a=block, b=block), x=0) == 2
    assert run(Repeat.from_blocks_dict({"a": block, "b": block}), x=0, times=3) == 6
    nested = Repeat.from_blocks_dict({"inner": chain(a=block, b=block)})
    assert run(nested, x=0, times=2) == 4


def test_loops_nest_in_loops_and_choices_in_loops() -> None:
    class Inner(Repeat):
        class Vars(Outputs):
            j: int

        def iterate(self, i: int) -> Iterator[Vars]:  # type: ignore[override]
            yield from (self.Vars(j=j) for j in range(i))

        def count(self, i: int) -> int:  # type: ignore[override]
            return i

    class AddBoth(Block):
        class Out(Outputs):
            x: int

        def run(self, x: int, i: int, j: int) -> Out:
            return self.Out(x=x + 10 * i + j)

    inner = Inner.from_blocks_dict({"add": AddBoth})
    assert run(Repeat.from_blocks_dict({"inner": inner}), x=0, times=3) == 10 + 20 + 21
    auto = Repeat.from_blocks_dict({"auto": Auto})
    assert run(auto, x=1, times=3) == 8
    assert run(auto, x=1, times=3, plus=1) == 4


class Auto(AutoPipelineBlocks):
    """Add or double."""

    block_classes = [Add, Double]
    block_names = ["add", "double"]
    block_trigger_inputs = ["plus", None]


def test_loop_variables_and_temporaries_end_with_the_loop() -> None:
    class Scribble(ModularPipelineBlocks):
        @property
        def inputs(self) -> list[InputParam]:
            return [InputParam("x")]

        def __call__(self, components: Any, block_state: BlockState, i: int) -> Any:
            block_state.scratch = getattr(block_state, "scratch", 0) + i
            return components, block_state

    state = run(Repeat.from_blocks_dict({"scribble": Scribble, "add": Add}), output=None, x=0, times=3)
    assert "scratch" not in state
    assert "i" not in state
    assert state.x == 3


def test_a_temporary_of_a_sibling_that_nobody_wrote_is_an_error_at_its_first_read() -> None:
    class Reads(ModularPipelineBlocks):
        def __call__(self, components: Any, block_state: BlockState) -> Any:
            return {"y": block_state.scratch}

    with pytest.raises(RunError, match="^reads: No earlier block gave 'scratch' to this one") as caught:
        run(Repeat.from_blocks_dict({"reads": Reads, "add": Add}), times=1, x=1)
    assert "In block Repeat.step[0].reads" in caught.value.__notes__[0] or "step[0]" in caught.value.__notes__[0]


def test_a_loop_that_takes_no_turn_leaves_what_was_there() -> None:
    assert run(Repeat.from_blocks_dict({"add": Add}), x=5, times=0) == 5


def test_a_value_of_a_loop_without_turns_is_asked_for_clearly() -> None:
    class Make(Block):
        class Out(Outputs):
            made: int

        def run(self, i: int) -> Out:
            return self.Out(made=i)

    class Use(Block):
        class Out(Outputs):
            used: int

        def run(self, made: int) -> Out:
            return self.Out(used=made)

    blocks = chain(loop=Repeat.from_blocks_dict({"make": Make}), use=Use)
    assert run(blocks, output="used", times=2) == 1
    words = (
        r"^use needs 'made', which no block has written in this run: loop\.make would write it, and did not run\. Pass made=\.\.\., or "
        r"write it in every branch, and before a loop that may take no iteration\."
    )
    with pytest.raises(RunError, match=words):
        run(blocks, output="used", times=0)


def test_what_a_branch_needs_in_the_run_and_does_not_find_is_said_with_the_nearest_name() -> None:
    class Peer(ModularPipelineBlocks):
        @property
        def inputs(self) -> list[InputParam]:
            return [InputParam("imgae", required=True)]

        def __call__(self, components: Any, state: Any) -> Any:
            self.get_block_state(state)

    class Ours(Block):
        class Out(Outputs):
            used: int

        def run(self, imgae: int) -> Out:
            return self.Out(used=imgae)

    class Pick(ConditionalPipelineBlocks):
        block_trigger_inputs = ["x"]

        def select_block(self, x: int) -> str | None:
            return "taken"

    for block, name in ((Peer, "Peer"), (Ours, "pick.taken")):
        pipe = chain(pick=Pick.from_blocks_dict({"taken": block}), show=_Shows).init_pipeline()
        words = rf"^{name} needs 'imgae', which no block has written .* Nearest: 'image'\. Pass imgae=\.\.\., or rename one of the two\."
        with pytest.raises(RunError, match=words):
            pipe(x=1, image=2)


class _Shows(Block):
    class Out(Outputs):
        shown: int

    def run(self, image: int) -> Out:
        return self.Out(shown=image)


def test_a_first_value_that_nobody_gives_is_missing_before_the_run() -> None:
    blocks = Repeat.from_blocks_dict({"add": Add})
    with pytest.raises(InputError, match="needs 'x'"):
        run(blocks, times=2)


def test_a_loop_that_does_not_say_over_what_is_refused() -> None:
    class Nothing(LoopSequentialPipelineBlocks): ...

    with pytest.raises(CompositionError, match="does not say over what it loops"):
        Nothing.from_blocks_dict({"add": Add}).plan(["x"])


def test_iterate_without_vars_is_refused() -> None:
    with pytest.raises(DeclarationError, match="defines `iterate` and no Vars"):

        class NoVars(LoopSequentialPipelineBlocks):
            def iterate(self, times: int) -> Iterator[Any]:
                yield from range(times)


def test_empty_containers_are_refused() -> None:
    for empty in (SequentialPipelineBlocks(), Repeat()):
        with pytest.raises(CompositionError, match="is empty"):
            empty.plan()


def test_names_and_classes_must_come_in_pairs() -> None:
    with pytest.raises(DeclarationError, match="lists 1 block_classes and 2 block_names"):

        class Odd(SequentialPipelineBlocks):
            block_classes = [Add]
            block_names = ["a", "b"]

    with pytest.raises(DeclarationError, match="'a' twice"):

        class Twice(SequentialPipelineBlocks):
            block_classes = [Add, Add]
            block_names = ["a", "a"]


def test_what_is_no_block_is_refused_by_name() -> None:
    with pytest.raises(CompositionError, match=r"'thing' is 3 \(int\), which is no block\. Derive it from Block"):
        chain(thing=3)
    with pytest.raises(CompositionError, match="names are letters, digits"):
        SequentialPipelineBlocks.from_blocks_dict({"not a name": Add})


def test_blocks_are_edited_by_name_and_path() -> None:
    blocks = chain(first=Add, loop=Repeat.from_blocks_dict({"add": Add, "double": Double}))
    blocks.insert_before("loop", "between", Double)
    assert list(blocks.sub_blocks) == ["first", "between", "loop"]
    blocks.insert_after("loop.add", "again", Add(amount=10))
    assert list(blocks["loop"].sub_blocks) == ["add", "again", "double"]  # type: ignore[attr-defined]
    blocks.replace("loop.double", Add)
    assert isinstance(blocks["loop.double"], Add)
    popped = blocks.pop("loop.again")
    assert popped.amount == 10  # type: ignore[attr-defined]
    blocks["loop.add"] = Double
    assert isinstance(blocks["loop.add"], Double)
    blocks.insert("last", Add, 99)
    assert list(blocks.sub_blocks)[-1] == "last"


def test_an_unknown_path_names_the_nearest() -> None:
    blocks = chain(decode=Add)
    with pytest.raises(CompositionError, match="no block 'decod' here. Did you mean 'decode'"):
        _ = blocks["decod"]
    with pytest.raises(CompositionError, match="Did you mean 'decode'"):
        blocks.insert_before("dcode", "x", Add)
    with pytest.raises(CompositionError, match="holds no blocks"):
        blocks.insert_before("decode.inner", "x", Add)
    with pytest.raises(CompositionError, match="Did you mean 'decode'"):
        blocks.pop("decoder")


def test_an_insertable_dict_shows_names_and_blocks() -> None:
    assert repr(InsertableDict(add=Add)) == "InsertableDict(add=Add)"


def test_editing_a_pipelines_blocks_makes_a_new_plan_and_registers_components() -> None:
    class WithTool(Block):
        tool: Fraction = component(config={"numerator": 3})

        class Out(Outputs):
            x: int

        def run(self, x: int) -> Out:
            return self.Out(x=x + int(self.tool))

    blocks = chain(add=Add)
    pipe = blocks.init_pipeline()
    assert pipe(x=1, output="x") == 2
    pipe.blocks.insert_after("add", "tool", WithTool)  # type: ignore[attr-defined]
    assert pipe(x=1, output="x") == 5
    assert pipe.component_names == ["tool"]
    assert list(blocks.sub_blocks) == ["add"]


def test_the_default_of_an_auto_block_must_come_last() -> None:
    with pytest.raises(DeclarationError, match=r"the default \('a', trigger None\) must come last"):

        class Wrong(AutoPipelineBlocks):
            block_classes = [Add, Double]
            block_names = ["a", "b"]
            block_trigger_inputs = [None, "x"]

    with pytest.raises(DeclarationError, match="give one trigger per block"):

        class Short(AutoPipelineBlocks):
            block_classes = [Add, Double]
            block_names = ["a", "b"]
            block_trigger_inputs = ["x"]


def test_what_a_branch_requires_beside_its_trigger_is_asked_for() -> None:
    class Masked(AutoPipelineBlocks):
        block_classes = [Add, Double]
        block_names = ["inpaint", "text"]
        block_trigger_inputs = ["mask", None]
        block_requires = {"inpaint": ["image"]}

    with pytest.raises(InputError, match="'mask' was given, which selects 'inpaint'; that also needs 'image'"):
        run(chain(auto=Masked), x=1, mask=1)


def test_a_choice_by_a_value_made_in_the_run_is_made_in_the_run() -> None:
    class Judge(Block):
        class Out(Outputs):
            plus: int | None

        def run(self, x: int) -> Out:
            return self.Out(plus=1 if x > 10 else None)

    blocks = chain(judge=Judge, auto=Auto)
    assert run(blocks, x=20) == 21
    assert run(blocks, x=5) == 10


def test_select_block_chooses_by_values() -> None:
    class BySize(ConditionalPipelineBlocks):
        block_classes = [Add, Double]
        block_names = ["small", "large"]
        block_trigger_inputs = ["x"]
        default_block_name = "small"

        def select_block(self, x: int | None = None) -> str | None:
            if x == 99:
                return "huge"
            return "large" if x is not None and x > 10 else None

    assert run(chain(choice=BySize), x=1) == 2
    assert run(chain(choice=BySize), x=20) == 40
    with pytest.raises(RunError, match="chose 'huge'; the branches are small, large"):
        run(chain(choice=BySize), x=99)


def test_a_block_may_return_a_dict_or_nothing() -> None:
    class Returns(PropertyAdd):
        def __call__(self, components: Any, state: PipelineState) -> Any:
            return {"x": state.get("x") + 100}

    assert run(chain(a=Returns, b=Add), x=0) == 101


def test_print_draws_the_tree() -> None:
    text = str(chain(first=Add, loop=Repeat.from_blocks_dict({"auto": Auto})))
    assert "├─ first  Add · Add a number" in text
    assert "└─ loop  Repeat (loop) · Repeat some times" in text
    assert "   └─ auto  Auto (choice) · Add or double" in text
    assert "needs: x, times" in text


def test_containers_and_both_faces_run_inside_of_a_hand_written_loop() -> None:
    class ByHand(LoopSequentialPipelineBlocks):
        @property
        def loop_inputs(self) -> list[InputParam]:
            return [InputParam("times")]

        def __call__(self, components: Any, state: PipelineState) -> Any:  # type: ignore[override]
            block_state = self.get_block_state(state)
            for i in range(block_state.times):
                components, block_state = self.loop_step(components, block_state, i=i)
            self.set_block_state(state, block_state)
            return components, state

    class AddTurn(Block):
        class Out(Outputs):
            x: int

        def run(self, x: int, i: int) -> Out:
            return self.Out(x=x + i)

    parts = {"auto": Auto, "iteration": AddTurn, "property": PropertyAdd, "chain": chain(a=Add, b=Double)}
    by_hand = ByHand.from_blocks_dict(parts)
    expected = 1
    for i in range(3):
        expected = (expected * 2 + i + 1 + 1) * 2
    assert by_hand.init_pipeline()(x=1, step=1, times=3, output="x") == expected
    assert run(Repeat.from_blocks_dict(parts), x=1, times=3) == expected


def test_an_output_of_a_branch_that_did_not_run_is_said() -> None:
    class Make(Block):
        class Out(Outputs):
            made: int

        def run(self, x: int) -> Out:
            return self.Out(made=x)

    class Maybe(ConditionalPipelineBlocks):
        block_classes = [Make]
        block_names = ["make"]
        block_trigger_inputs = ["x"]

        def select_block(self, x: int | None = None) -> str | None:
            return "make" if x == 1 else None

    assert run(chain(maybe=Maybe), output="made", x=1) == 1
    with pytest.raises(RunError, match="needs 'made', which no block has written"):
        run(chain(maybe=Maybe), output="made", x=2)


def test_a_choice_that_lacks_one_of_its_blocks_says_so() -> None:
    auto = Auto()
    auto.sub_blocks.pop("add")
    words = r"^Auto has one trigger per block \('plus', None\), and 1 blocks \('double'\): give it a block for each"
    with pytest.raises(CompositionError, match=words):
        auto.init_pipeline()
    with pytest.raises(CompositionError, match=words):
        SequentialPipelineBlocks.from_blocks_dict({"auto": auto}).init_pipeline()(x=1)
