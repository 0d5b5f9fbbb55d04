"""A run as it stands in memory: what nothing can compare is never taken to be as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from brickwork import Block, InputError, ModularPipeline, Outputs, SequentialPipelineBlocks, Snapshot, Snapshots


class Count(Block):
    class Out(Outputs):
        numbers: Iterator[int]
        first: int

    def run(self) -> Out:
        numbers = iter(range(3))
        return self.Out(numbers=numbers, first=next(numbers))


class Add(Block):
    class Out(Outputs):
        total: int

    def run(self, numbers: Iterator[int], first: int) -> Out:
        return self.Out(total=first + next(numbers))


def snapshots_of(pipe: ModularPipeline) -> list[Snapshot]:
    found: list[Snapshot] = []
    pipe.configure(progress=False, snapshots=Snapshots(found.append, after="blocks"))
    pipe()
    pipe.configure(snapshots=None)
    return found


def test_a_run_does_not_go_on_with_a_value_of_which_nothing_says_that_it_is_as_it_was() -> None:
    blocks: dict[str, Any] = {"count": Count, "add": Add}
    pipe = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    first = snapshots_of(pipe)[0]
    with pytest.raises(InputError) as caught:
        pipe.resume(first)
    assert str(caught.value) == "'numbers' has no content that could be compared, so nothing says that it is as it was."
