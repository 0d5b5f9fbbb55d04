"""What `iterate` and `count` of a loop give: compared with what they promise, and said in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pytest
import torch
from toy_blocks import AddOne, block, chain

from brickwork import (
    Block,
    CompositionError,
    DeclarationError,
    InputParam,
    LoopSequentialPipelineBlocks,
    ModularPipelineBlocks,
    Outputs,
    RunError,
    Snapshot,
    Snapshots,
)

YIELD = r"it must yield an object of its Vars for each iteration, as in `yield self\.Vars\(i=\.\.\.\)`\."


class Other(Outputs):
    i: int


class Given(LoopSequentialPipelineBlocks):
    """Iterates over whatever it is given."""

    class Vars(Outputs):
        i: int

    class More(Vars):
        j: int

    def iterate(self, given: Any) -> Iterator[Vars]:
        return given(self)  # type: ignore[no-any-return]  # whatever it is

    def count(self, number: Any = None, given: Any = None) -> int | None:
        return number  # type: ignore[no-any-return]  # whatever it is


def run(given: Any, settings: dict[str, Any] | None = None) -> Any:
    pipe = chain(loop=Given.from_blocks_dict({"add": AddOne})).init_pipeline()
    pipe.configure(progress=False, **(settings or {}))
    return pipe(given=given, x=0, output="x")


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([3], r"3 \(an int\)"),
        ([None], "None"),
        ([{"i": 1}], r"dict\(i=1\) \(a dict\)"),
        ([Given.Vars], r"the class Given\.Vars"),
        ([Other(i=1)], r"Other\(i\) \(an Other\)"),
        ([Given.More(i=1, j=2)], r"Given\.More\(i, j\) \(a More\)"),
        ([Given.Vars(i=1), 3], r"3 \(an int\)"),
    ],
)
def test_what_is_yielded_and_no_vars_is_said(items: list[Any], words: str) -> None:
    with pytest.raises(RunError, match=rf"^loop: `iterate` yielded {words}; {YIELD}"):
        run(lambda _: items)


@pytest.mark.parametrize(("given", "words"), [(None, "None"), (3, r"3 \(an int\)")])
def test_what_cannot_be_iterated_over_is_said(given: Any, words: str) -> None:
    with pytest.raises(RunError, match=rf"^loop: `iterate` returned {words}; {YIELD}"):
        run(lambda _: given)


def test_lists_generators_and_iterators_of_vars_are_fine() -> None:
    items = [Given.Vars(i=0), Given.Vars(i=np.int64(1))]
    assert run(lambda _: items) == run(lambda _: iter(items)) == run(lambda _: (item for item in items)) == 2


def test_a_variable_of_another_type_is_said_unless_values_are_not_looked_at() -> None:
    items = [Given.Vars(i=0), Given.Vars(i=1), Given.Vars(i="2")]  # type: ignore[arg-type]  # that is the test
    words = r"loop: `iterate` yielded i as '2' \(a str\), and declares it as int: yield that, or declare another type in Vars\."
    with pytest.raises(RunError, match=words) as caught:
        run(lambda _: items)
    assert "In block loop.step[2]" in caught.value.__notes__[0]
    assert run(lambda _: items, {"check_values": False}) == 3


def test_a_variable_whose_type_is_no_class_is_looked_at_in_every_iteration() -> None:
    class Choosing(LoopSequentialPipelineBlocks):
        class Vars(Outputs):
            side: Literal["left", "right"]
            at: torch.Tensor | None

        def iterate(self, sides: list[str]) -> Iterator[Vars]:
            for side in sides:
                yield self.Vars(side=side, at=None)  # type: ignore[arg-type]  # that is the test

    pipe = chain(loop=Choosing.from_blocks_dict({"add": AddOne})).init_pipeline()
    pipe.configure(progress=False)
    assert pipe(sides=["left", "right"], x=0, output="x") == 2
    with pytest.raises(RunError, match="yielded side as 'up'"):
        pipe(sides=["left", "up"], x=0)


class Counting(LoopSequentialPipelineBlocks):
    class Vars(Outputs):
        i: int

    def iterate(self, number: Any) -> Iterator[Vars]:
        yield self.Vars(i=0)

    def count(self, number: Any) -> int | None:
        return number  # type: ignore[no-any-return]  # whatever it is


@pytest.mark.parametrize(
    ("number", "words"), [("two", r"'two' \(a str\)"), (0.5, r"0\.5 \(a float\)"), (-1, r"-1 \(an int\)")]
)
def test_what_is_no_number_of_iterations_is_said(number: Any, words: str) -> None:
    pipe = chain(loop=Counting.from_blocks_dict({"add": AddOne})).init_pipeline()
    pipe.configure(progress=False)
    expected = rf"^loop: `count` returned {words}; it must return an int, the number of iterations, or None where that is not known\."
    with pytest.raises(RunError, match=expected):
        pipe(number=number, x=0)
    for fine in (None, 0, np.int64(3), torch.tensor(2)):
        assert pipe(number=fine, x=0, output="x") == 1


def test_a_loop_that_defines_run_and_no_iterate_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Rounds defines `run`, and a loop has none: define `iterate`"):

        class Rounds(LoopSequentialPipelineBlocks):
            def run(self, i: int) -> None: ...

    class ByHand(LoopSequentialPipelineBlocks):
        def run(self) -> None: ...

        def __call__(self, components: Any, state: Any) -> Any: ...  # type: ignore[override]  # as diffusers has it

    assert ByHand.from_blocks_dict({"add": AddOne}).is_hand_written


def test_an_input_of_count_without_a_type_is_refused_as_one_of_iterate() -> None:
    with pytest.raises(DeclarationError, match=r"Rounds\.count: input 'times' has no type annotation\."):

        class Rounds(LoopSequentialPipelineBlocks):
            class Vars(Outputs):
                i: int

            def iterate(self, times: int) -> Iterator[Vars]: ...

            def count(self, times) -> int: ...  # type: ignore[no-untyped-def, override]  # that is the test


class Hides(LoopSequentialPipelineBlocks):
    class Vars(Outputs):
        i: int

    def iterate(self, times: int) -> Iterator[Vars]:
        yield from (self.Vars(i=i) for i in range(times))


class Hundred(Block):
    class Out(Outputs):
        i: int

    def run(self) -> Out:
        return self.Out(i=100)


def test_a_value_that_a_loop_variable_hid_is_seen_again_behind_the_loop() -> None:
    pipe = chain(first=Hundred, loop=Hides.from_blocks_dict({"add": AddOne})).init_pipeline()
    pipe.configure(progress=False)
    assert pipe(times=3, x=0, output="i") == 100
    assert pipe(times=3, x=0, output="x") == 3
    found: list[Snapshot] = []
    pipe.configure(snapshots=Snapshots(found.append))
    assert pipe(times=3, x=0, output="i") == 100
    assert [pipe.resume(snapshot) for snapshot in found] == [100] * len(found)


def peer(call: Any) -> Any:
    body = {"__call__": call, "inputs": [InputParam("x", int)], "__module__": __name__}
    return type("Peer", (ModularPipelineBlocks,), body)


def test_an_argument_that_no_loop_yields_is_refused_before_a_run() -> None:
    asks = peer(lambda self, components, block_state, index: (components, block_state))
    with pytest.raises(CompositionError) as caught:
        chain(loop=Hides.from_blocks_dict({"adder": asks})).init_pipeline()
    assert str(caught.value) == (
        "loop.adder: its `__call__` must be given 'index' beside components and state, and the loop around it yields 'i'. Name a loop "
        "variable there, or declare 'index' in `inputs` and read it from the block state."
    )
    with pytest.raises(CompositionError, match="must be given 'index' .*, and no loop is around it"):
        chain(adder=asks).init_pipeline()


@pytest.mark.parametrize(
    "call",
    [
        lambda self, components, block_state, i: (components, block_state),
        lambda self, components, block_state, index=0: (components, block_state),
        lambda self, components, block_state, *more: (components, block_state),
        lambda self, components, block_state, **more: (components, block_state),
    ],
)
def test_arguments_that_are_given_or_need_not_be_are_fine(call: Any) -> None:
    pipe = chain(loop=Hides.from_blocks_dict({"peer": peer(call), "add": block({"x": int})})).init_pipeline()
    assert "times" in pipe.blocks.input_names
