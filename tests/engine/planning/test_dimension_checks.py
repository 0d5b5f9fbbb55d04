"""Dimensions that a block names alike, and of which earlier blocks promise other sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
import torch
from torch import Tensor

from brickwork import Block, InputError, LoopSequentialPipelineBlocks, Outputs, SequentialPipelineBlocks
from brickwork.state import Value

Row = Annotated[Tensor, Value("b n")]
Three, Four = (Annotated[Tensor, Value(f"b {size}")] for size in (3, 4))
Square = Annotated[Tensor, Value("n n")]
Flat = Annotated[Tensor, Value("3 4")]


def giver(**types: Any) -> type[Block]:
    """A block that writes tensors of types."""
    out = type("Out", (Outputs,), {"__annotations__": types, "__module__": __name__})

    def run(self: Any, seed: int) -> Any:
        return out(**{name: torch.zeros(1, 4 if kind is Four else 3) for name, kind in types.items()})

    run.__annotations__ = {"seed": int, "return": out}
    return type("Giver", (Block,), {"__doc__": "Give.", "Out": out, "run": run})


class Join(Block):
    class Out(Outputs):
        joined: int

    def run(self, left: Row, right: Row) -> Out:
        return self.Out(joined=left.shape[1])


class Take(Block):
    def run(self, thing: Square) -> None: ...


class Perhaps(Block):
    class Out(Outputs):
        joined: int

    def run(self, left: Row, right: Row | None = None) -> Out:
        return self.Out(joined=left.shape[1])


def row(**blocks: Any) -> SequentialPipelineBlocks:
    return SequentialPipelineBlocks.from_blocks_dict(blocks)


def test_two_sizes_of_one_name_are_a_fault_with_both_values_and_who_gives_them() -> None:
    assert row(giver=giver(left=Three, right=Four), join=Join).check().faults == (
        (
            "join reads 'n' as one size, and it is 3 in 'left' [b n] (from giver) and 4 in 'right' [b n] (from giver). Give both the "
            "same size, or name the dimensions differently."
        ),
    )


def test_one_name_within_one_value_is_one_size() -> None:
    (fault,) = row(giver=giver(thing=Flat), take=Take).check().faults
    assert fault.startswith(
        "take reads 'n' as one size, and it is 3 in 'thing' [n n] (from giver) and 4 in 'thing' [n n]"
    )


@pytest.mark.parametrize(
    "types",
    [
        {"left": Three, "right": Three},
        {"left": Three, "right": Row},
        {"left": Row, "right": Four},
        {"left": Three, "right": Tensor},
    ],
)
def test_sizes_that_are_one_or_not_known_are_no_fault(types: dict[str, Any]) -> None:
    assert not row(giver=giver(**types), join=Join).check().faults


def test_sizes_that_wander_together_through_a_loop_are_no_fault() -> None:
    class Again(LoopSequentialPipelineBlocks):
        class Vars(Outputs):
            i: int

        def iterate(self, times: int) -> Iterator[Vars]:
            yield from (self.Vars(i=i) for i in range(times))

    class Widen(Block):
        class Out(Outputs):
            left: Four
            right: Four

        def run(self, left: Row, right: Row) -> Out:
            return self.Out(left=torch.zeros(1, 4), right=torch.zeros(1, 4))

    blocks = row(
        giver=giver(left=Three, right=Three), again=Again.from_blocks_dict({"join": Join, "widen": Widen}), end=Join
    )
    assert not blocks.check().faults
    assert blocks.init_pipeline()(seed=1, times=2, output="joined") == 4


def test_what_the_caller_gives_must_have_the_size_that_a_block_promises_before_anything_runs() -> None:
    pipe = row(giver=giver(left=Three), join=Join).init_pipeline()
    assert pipe(seed=1, right=torch.zeros(1, 3), output="joined") == 3
    with pytest.raises(InputError) as caught:
        pipe(seed=1, right=torch.zeros(1, 4))
    assert (
        str(caught.value) == "join would be given right of the shape [1, 4]: 'n' of Tensor[b n] is 3 in left of giver."
    )


def test_what_a_block_may_do_without_promises_nothing() -> None:
    pipe = row(giver=giver(right=Three), perhaps=Perhaps).init_pipeline()
    with pytest.raises(Exception, match="perhaps was given right of the shape") as caught:
        pipe(seed=1, left=torch.zeros(1, 4))
    assert not isinstance(caught.value, InputError)  # only the run knows
