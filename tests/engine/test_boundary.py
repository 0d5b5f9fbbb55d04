"""Values are looked at where they enter and leave a block, in the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
import torch
from torch import Tensor

from brickwork import Block, LoopSequentialPipelineBlocks, ModularPipeline, Outputs, RunError, SequentialPipelineBlocks
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
        ({"picture_is": "text"}, "give wrote picture as 'text' instead of Tensor[b 3 h w]"),
        ({"picture_is": torch.zeros(3, 4, 4)}, "picture as Tensor[3, 4, 4] torch.float32, cpu instead of"),
        ({"picture_is": torch.zeros(1, 4, 4, 4)}, "picture of the shape [1, 4, 4, 4] instead of Tensor[b 3 h w]"),
        ({"picture_is": torch.zeros(1, 3, 4, 4, dtype=torch.int64)}, "it holds float numbers"),
        ({"mask_is": torch.zeros(1, 4, 4)}, "it holds bool numbers"),
        ({"mask_is": torch.zeros(1, 4, 5, dtype=torch.bool)}, "'w' of Tensor[b h w] is 4 in the values before it"),
        ({"mask_is": torch.zeros(2, 4, 4, dtype=torch.bool)}, "'b' of Tensor[b h w] is 1 in the values before it"),
    ],
)
def test_a_block_that_breaks_its_declaration_is_named(wrong: dict[str, Any], message: str) -> None:
    pipe = pipe_of(give=Give(**{**GOOD, **wrong}))
    with pytest.raises(RunError) as caught:
        pipe()
    assert message in str(caught.value)
    pipe.configure(check_values=False)
    pipe()


def test_what_the_caller_gives_is_looked_at_where_it_is_read() -> None:
    pipe = pipe_of(join=Join)
    with pytest.raises(RunError, match=r"join was given picture as Tensor\[4, 4\].* \(from the caller\)"):
        pipe(picture=torch.zeros(4, 4))
    with pytest.raises(RunError, match=r"join wrote ids.*int numbers"):
        pipe(picture=torch.zeros(1, 3, 4, 4))


def test_none_is_absence_and_good_values_pass() -> None:
    assert pipe_of(give=Give(picture_is=GOOD["picture_is"], mask_is=None))(output="mask") is None
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
