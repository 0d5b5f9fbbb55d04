"""Values are looked at where they enter and leave a block, in the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, TypedDict

import numpy as np
import pytest
import torch
from torch import Tensor

from brickwork import (
    Block,
    InputError,
    LoopSequentialPipelineBlocks,
    ModularPipeline,
    ModularPipelineBlocks,
    Outputs,
    PipelineState,
    RunError,
    SequentialPipelineBlocks,
)
from brickwork.state.vocabulary import Value

Picture = Annotated[Tensor, Value("b 3 h w", dtype="float")]
Mask = Annotated[Tensor, Value("b h w", dtype="bool")]
Ids = Annotated[Tensor, Value("b n", dtype="int")]


class Give(Block):
    """Give what it is told to, whatever it declares."""

    picture_is: Any = None
    mask_is: Any = None

    class Out(Outputs):
        picture: Picture
        mask: Mask

    def run(self) -> Out:
        return self.Out(picture=self.picture_is, mask=self.mask_is)


class Join(Block):
    class Out(Outputs):
        ids: Ids

    def run(self, picture: Picture, mask: Mask | None = None) -> Out:
        return self.Out(ids=torch.ones(len(picture), 2))


def pipe_of(**blocks: Any) -> ModularPipeline:
    return SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()


GOOD = {"picture_is": torch.zeros(1, 3, 4, 4), "mask_is": torch.zeros(1, 4, 4, dtype=torch.bool)}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"picture_is": "text"}, "give wrote picture as 'text' (a str) instead of Tensor[b 3 h w]"),
        ({"picture_is": torch.zeros(3, 4, 4)}, "picture as Tensor[3, 4, 4] torch.float32, cpu instead of"),
        ({"picture_is": torch.zeros(1, 4, 4, 4)}, "picture of the shape [1, 4, 4, 4] instead of Tensor[b 3 h w]"),
        ({"picture_is": torch.zeros(1, 3, 4, 4, dtype=torch.int64)}, "it holds float numbers"),
        ({"mask_is": torch.zeros(1, 4, 4)}, "it holds bool numbers"),
        ({"mask_is": torch.zeros(1, 4, 5, dtype=torch.bool)}, "'w' of Tensor[b h w] is 4 in picture"),
        ({"mask_is": torch.zeros(2, 4, 4, dtype=torch.bool)}, "'b' of Tensor[b h w] is 1 in picture"),
    ],
)
def test_a_block_that_breaks_its_declaration_is_named(wrong: dict[str, Any], message: str) -> None:
    pipe = pipe_of(give=Give(**{**GOOD, **wrong}))
    with pytest.raises(RunError) as caught:
        pipe()
    assert message in str(caught.value)
    pipe.configure(check_values=False)
    pipe()


def carried(**values: Any) -> PipelineState:
    """Values of an earlier run, which are looked at where they are read; what a call gives is looked at before it runs."""
    return PipelineState(values)


def test_what_the_caller_gives_is_looked_at_where_it_is_read() -> None:
    pipe = pipe_of(join=Join)
    with pytest.raises(RunError, match=r"join was given picture as Tensor\[4, 4\].* \(from the caller\)"):
        pipe(carried(picture=torch.zeros(4, 4)))
    with pytest.raises(RunError, match=r"join wrote ids.*int numbers"):
        pipe(picture=torch.zeros(1, 3, 4, 4))


def test_none_is_absence_where_it_is_declared_and_good_values_pass() -> None:
    assert pipe_of(writer=writer(Mask | None, None))(output="thing") is None
    assert torch.equal(pipe_of(give=Give(**GOOD))(output="picture"), GOOD["picture_is"])


def test_a_block_may_make_more_rows_than_it_was_given() -> None:
    class Twice(Block):
        class Out(Outputs):
            picture: Picture

        def run(self, picture: Picture) -> Out:
            return self.Out(picture=torch.cat([picture, picture]))

    assert pipe_of(twice=Twice)(picture=GOOD["picture_is"], output="picture").shape == (2, 3, 4, 4)


def test_the_turn_of_a_loop_is_named() -> None:
    class Shrink(Block):
        class Out(Outputs):
            picture: Picture

        def run(self, picture: Picture, i: int) -> Out:
            return self.Out(picture=picture if i < 2 else picture[0])

    class Repeat(LoopSequentialPipelineBlocks):
        block_classes = [Shrink]
        block_names = ["shrink"]

        class Vars(Outputs):
            i: int

        def iterate(self) -> Iterator[Vars]:
            yield from (self.Vars(i=i) for i in range(5))

    pipe = pipe_of(repeat=Repeat)
    pipe.configure(progress=False)
    with pytest.raises(RunError, match="repeat.shrink wrote picture") as caught:
        pipe(picture=torch.zeros(1, 3, 4, 4))
    assert caught.value.__notes__[0].startswith("In block repeat.step[2].shrink.")


PICTURE, MASK = torch.zeros(1, 3, 4, 4), torch.zeros(1, 4, 4, dtype=torch.bool)


@pytest.mark.parametrize(
    ("turns", "words"),
    [
        ([(PICTURE, MASK), (PICTURE, MASK), (PICTURE.long(), MASK)], "picture as .*; it holds float numbers"),
        ([(PICTURE, MASK), (PICTURE, MASK), (PICTURE[0], MASK)], r"picture as Tensor\[3, 4, 4\]"),
        ([(PICTURE, MASK), (PICTURE, MASK), (PICTURE[..., :2], MASK)], "mask of the shape .*'w' .* is 2 in picture"),
        ([(PICTURE, MASK), (PICTURE, MASK), ("text", MASK)], "picture as 'text'"),
        ([(PICTURE, MASK), (PICTURE, MASK), (PICTURE.numpy(), MASK)], "picture as .*ndarray"),
        ([(PICTURE, None), (PICTURE, None), (PICTURE, MASK.float())], "mask as .*; it holds bool numbers"),
        ([(PICTURE, None), (PICTURE, MASK), (PICTURE, MASK[0])], r"mask as Tensor\[4, 4\]"),
        ([(PICTURE, MASK), (PICTURE, None), (PICTURE[..., :2], None), (PICTURE, MASK), (PICTURE.half(), MASK)], None),
    ],
    ids=str,
)
def test_what_passed_in_one_turn_is_looked_at_again_in_the_next(
    turns: list[tuple[Any, Any]], words: str | None
) -> None:
    class Turn(Block):
        class Out(Outputs):
            picture: Any
            mask: Any

        def run(self, i: int) -> Out:
            return self.Out(picture=turns[i][0], mask=turns[i][1])

    class Look(Block):
        def run(self, picture: Picture, mask: Mask | None = None) -> None: ...

    class Repeat(LoopSequentialPipelineBlocks):
        block_classes = [Turn, Look]
        block_names = ["turn", "look"]

        class Vars(Outputs):
            i: int

        def iterate(self) -> Iterator[Vars]:
            yield from (self.Vars(i=i) for i in range(len(turns)))

    pipe = pipe_of(repeat=Repeat)
    pipe.configure(progress=False)
    if words is None:
        pipe()
        return
    with pytest.raises(RunError, match=f"repeat.look was given {words}") as caught:
        pipe()
    assert caught.value.__notes__[0].startswith("In block repeat.step[2].look.")


def reader(hint: Any) -> type[Block]:
    """A block that reads one value of a type."""

    def run(self: Any, x: Any) -> None: ...

    run.__annotations__ = {"x": hint, "return": None}
    return type("Reads", (Block,), {"run": run, "__module__": __name__})


class Only(Block):
    """Reads one value and writes none."""

    def run(self, picture: Picture) -> None: ...


def test_what_a_block_without_outputs_reads_is_looked_at() -> None:
    with pytest.raises(RunError) as caught:
        pipe_of(only=Only)(carried(picture=torch.zeros(4, 4)))
    expected = "only was given picture as Tensor[4, 4] torch.float32, cpu instead of Tensor[b 3 h w] (from the caller)."
    assert str(caught.value) == expected


def test_what_another_block_gave_is_said_to_be_from_it() -> None:
    give, only = Give(**{**GOOD, "picture_is": torch.zeros(1, 3, 4, 4)}), Only()
    pipe = pipe_of(give=give, only=only)
    pipe()

    class Loose(Give):
        class Out(Outputs):
            picture: Tensor

        def run(self) -> Out:
            return self.Out(picture=torch.zeros(1, 3, 4, 4, dtype=torch.int64))

    with pytest.raises(RunError) as caught:
        pipe_of(loose=Loose(), only=only)()
    assert str(caught.value) == (
        "only was given picture as Tensor[1, 3, 4, 4] torch.int64, cpu; it holds float numbers (from loose)."
    )


def test_one_name_is_one_size_among_all_that_is_read_and_another_among_all_that_is_written() -> None:
    class Two(Block):
        class Out(Outputs):
            ids: Ids
            more: Ids

        def run(self, ids: Ids, more: Ids) -> Out:
            return self.Out(
                ids=torch.ones(5, 2, dtype=torch.int64), more=torch.ones(5, int(ids[0, 0]), dtype=torch.int64)
            )

    ids = torch.full((1, 4), 2)
    assert len(pipe_of(two=Two)(ids=ids, more=ids, output="ids")) == 5
    with pytest.raises(RunError) as caught:
        pipe_of(two=Two)(carried(ids=ids, more=ids[:, :3]))
    assert str(caught.value) == (
        "two was given more of the shape [1, 3]: 'n' of Tensor[b n] is 4 in ids (from the caller)."
    )
    with pytest.raises(RunError) as caught:
        pipe_of(two=Two)(ids=ids + 1, more=ids)
    assert str(caught.value) == (
        "two wrote more of the shape [5, 3]: 'n' of Tensor[b n] is 2 in ids: it broke its declaration."
    )


@pytest.mark.parametrize(
    "hint",
    [
        Tensor,
        Annotated[Tensor, Value(doc="any")],
        Annotated[Tensor, Value("b ... w")],
        Annotated[Tensor | list[int], Value("b n")],
    ],
    ids=["plain", "without dimensions", "of any number", "or a list"],
)
def test_what_is_declared_without_exact_dimensions_is_not_looked_at(hint: Any) -> None:
    pipe_of(free=reader(hint))(x=torch.zeros(1, 2, 3))


def test_a_tensor_that_may_be_absent_is_looked_at_where_it_is_there() -> None:
    class Maybe(Block):
        def run(self, mask: Mask | None = None) -> None: ...

    pipe_of(maybe=Maybe)()
    with pytest.raises(RunError, match="maybe was given mask as Tensor"):
        pipe_of(maybe=Maybe)(carried(mask=torch.zeros(1)))


@pytest.mark.parametrize(
    ("kind", "fine", "wrong"),
    [
        ("float", [torch.float16, torch.float32], [torch.int8, torch.bool]),
        ("int", [torch.int8, torch.int64], [torch.float32, torch.bool]),
        ("bool", [torch.bool], [torch.float32, torch.int8]),
    ],
)
def test_numbers_are_of_the_kind_that_is_declared(kind: Any, fine: list[Any], wrong: list[Any]) -> None:
    pipe = pipe_of(kind=reader(Annotated[Tensor, Value("n", dtype=kind)]))
    for dtype in fine:
        pipe(x=torch.zeros(2, dtype=dtype))
    for dtype in wrong:
        with pytest.raises(RunError, match=rf"kind was given x as Tensor\[2\] {dtype}, cpu; it holds {kind} numbers"):
            pipe(carried(x=torch.zeros(2, dtype=dtype)))
        with pytest.raises(
            InputError, match=rf"kind would be given x as Tensor\[2\] {dtype}, cpu; it holds {kind} numbers"
        ):
            pipe(x=torch.zeros(2, dtype=dtype))


def test_a_size_that_is_a_number_is_compared_with_it() -> None:
    class Exact(Block):
        def run(self, x: Annotated[Tensor, Value("3 n")], y: Annotated[Tensor, Value("n 3")]) -> None: ...

    pipe = pipe_of(exact=Exact)
    pipe(x=torch.zeros(3, 2), y=torch.zeros(2, 3))
    with pytest.raises(RunError, match=r"y of the shape \[2, 4\] instead of Tensor\[n 3\]"):
        pipe(carried(x=torch.zeros(3, 2), y=torch.zeros(2, 4)))


def test_all_who_may_have_given_a_value_are_named_and_nobody_where_nobody_says_so() -> None:
    class Flat(Block):
        class Out(Outputs):
            picture: Tensor

        def run(self, picture: Picture) -> Out:
            return self.Out(picture=picture[0])

    class Repeat(LoopSequentialPipelineBlocks):
        block_classes = [Flat]
        block_names = ["flat"]

        class Vars(Outputs):
            i: int

        def iterate(self) -> Iterator[Vars]:
            yield from (self.Vars(i=i) for i in range(2))

    class Scribble(ModularPipelineBlocks):
        def __call__(self, components: Any, state: Any) -> Any:
            state.set("picture", torch.zeros(1))
            return components, state

    class Maybe(Block):
        def run(self, picture: Picture | None = None) -> None: ...

    pipe = pipe_of(give=Give(**GOOD), repeat=Repeat)
    pipe.configure(progress=False)
    with pytest.raises(RunError, match=r"(?m)Tensor\[b 3 h w\] \(from give or repeat.flat\)\.$"):
        pipe()
    with pytest.raises(RunError, match=r"(?m)Tensor\[b 3 h w\] \| None\.$"):
        pipe_of(scribble=Scribble, maybe=Maybe)()


class Sizes(TypedDict):
    """A dict with names."""

    height: int


def writer(hint: Any, value: Any) -> type[Block]:
    """A block that writes a value of a declared type."""
    out = type("Out", (Outputs,), {"__annotations__": {"thing": hint}})

    def run(self: Any) -> Any:
        return out(thing=value)

    run.__annotations__ = {"return": out}
    return type("Writer", (Block,), {"__doc__": "Write.", "Out": out, "run": run})


@pytest.mark.parametrize(
    ("hint", "value", "said"),
    [
        (Tensor, "a", "thing as 'a' (a str) instead of Tensor"), (Tensor, None, "thing as None instead of Tensor"),
        (Picture, None, "thing as None instead of Tensor[b 3 h w]"), (int, 0.5, "thing as 0.5 (a float) instead of int"),
        (int, True, "thing as True (a bool) instead of int"), (str | None, 3, "thing as 3 (an int) instead of str | None"),
        (Literal["a"], "b", "thing as 'b' (a str) instead of 'a'"), (list[int], (1,), "thing as (1,) (a tuple) instead of list[int]"),
        (dict[str, int], [], "thing as [] (a list) instead of dict[str, int]"), (int, int, "thing as the class int instead of int"),
    ],
)  # fmt: skip
def test_what_a_block_writes_is_of_the_class_that_it_declares(hint: Any, value: Any, said: str) -> None:
    with pytest.raises(RunError) as caught:
        pipe_of(writer=writer(hint, value))()
    assert str(caught.value) == f"writer wrote {said}: it broke its declaration."
    with pytest.raises(RunError) as caught:
        writer(hint, value)().run()
    assert str(caught.value) == f"Writer.run wrote {said}: it broke its declaration."


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, 1), (float, 1), (int, np.int64(1)), (str | None, None), (Any, None), (object, None), (Literal["a", 1], 1),
        (list[int], ["not looked into"]), (Tensor | list[int], [1]), (Tensor, torch.nn.Parameter(torch.zeros(1))),
        (Iterable[int], [1]), (float | None, np.float32(1)), (Sizes, {"height": 1}),
    ],
)  # fmt: skip
def test_what_is_of_the_class_is_let_pass_each_time(hint: Any, value: Any) -> None:
    pipe = pipe_of(writer=writer(hint, value))
    assert [pipe(output="thing"), pipe(output="thing")][1] is value


def test_the_class_is_looked_at_each_time_and_not_only_the_first() -> None:
    class Writer(Block):
        class Out(Outputs):
            thing: int

        def run(self, is_wrong: bool) -> Out:
            return self.Out(thing="a" if is_wrong else 1)  # type: ignore[arg-type]  # what is tested

    pipe = pipe_of(writer=Writer)
    assert pipe(is_wrong=False, output="thing") == 1
    with pytest.raises(RunError, match="writer wrote thing as 'a'"):
        pipe(is_wrong=True)
