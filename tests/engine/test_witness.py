"""A run's own account of what its blocks gave: replay names the first block that gives something else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from toy_blocks import Repeat

import brickwork
from brickwork import (
    Block,
    MemoryCache,
    ModularPipeline,
    Outputs,
    SequentialPipelineBlocks,
    Snapshots,
)
from brickwork.engine.witness import Given, first_difference
from brickwork.state.errors import ReplayError

secret: list[Any] = [0]


class Start(Block):
    class Out(Outputs):
        x: torch.Tensor

    def run(self, size: int = 2) -> Out:
        return self.Out(x=torch.zeros(size))


class Add(Block):
    class Out(Outputs):
        x: torch.Tensor

    def run(self, x: torch.Tensor, i: int) -> Out:
        return self.Out(x=x + i + 1)


class Wobble(Block):
    """Gives something else from a step on, which nothing that is recorded says."""

    cached = True

    class Out(Outputs):
        y: torch.Tensor

    def run(self, x: torch.Tensor, i: int) -> Out:
        import builtins

        more = vars(builtins).get("brickwork_test_secret", 0)
        return self.Out(y=x * 2 + (more if i >= 2 else 0))


def pipeline() -> ModularPipeline:
    loop = Repeat.from_blocks_dict({"add": Add, "wobble": Wobble})
    pipe = SequentialPipelineBlocks.from_blocks_dict({"start": Start, "loop": loop}).init_pipeline()
    pipe.configure(progress=False, witness=True)
    return pipe


BLOCKS = [Start, Add, Wobble, Repeat]


def test_it_has_every_value_of_every_block_in_every_iteration() -> None:
    found = pipeline()(times=2).recipe["witness"]
    assert [entry[:2] for entry in found] == [
        ["start", "x"],
        ["loop.step[0].add", "x"],
        ["loop.step[0].wobble", "y"],
        ["loop.step[1].add", "x"],
        ["loop.step[1].wobble", "y"],
    ]
    assert len({entry[2] for entry in found}) == 5


def test_a_run_without_one_has_none() -> None:
    pipe = pipeline()
    pipe.configure(witness=False)
    assert pipe(times=1).recipe.witness is None


def test_replay_names_the_first_block_step_and_value_that_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = pipeline()().recipe
    brickwork.replay(recipe, blocks=BLOCKS)
    import builtins

    monkeypatch.setattr(builtins, "brickwork_test_secret", 5, raising=False)
    with pytest.raises(ReplayError) as failed:
        brickwork.replay(recipe, blocks=BLOCKS)
    assert "loop.step[2].wobble is the first block that gave something else: 'y'." in str(failed.value)
    assert "another result (y)" in str(failed.value)


@pytest.mark.parametrize("steps", [False, True])
def test_a_cached_run_has_the_account_of_the_run_that_was_kept(steps: bool) -> None:
    expected = pipeline()().recipe.witness
    pipe = pipeline()
    pipe.configure(cache=MemoryCache(steps=steps))
    runs = [pipe().recipe.witness for _ in range(3)]
    assert runs == [expected] * 3
    longer = pipe(times=5).recipe.witness
    assert longer[: len(expected)] == expected


def test_what_was_kept_without_an_account_is_computed_anew() -> None:
    pipe = pipeline()
    cache = MemoryCache()
    pipe.configure(cache=cache, witness=False)
    pipe()
    pipe.configure(witness=True)
    assert pipe().recipe.witness == pipeline()().recipe.witness
    hits = cache.hits
    pipe()
    assert cache.hits > hits


def test_a_run_that_goes_on_has_the_account_of_all_of_it() -> None:
    pipe = pipeline()
    found: list[Any] = []
    pipe.configure(snapshots=Snapshots(found.append, after="blocks"))
    expected = pipe().recipe.witness
    pipe.configure(snapshots=None)
    for snapshot in found:
        assert pipe.resume(snapshot).recipe.witness == expected, snapshot.where
    pipe.configure(witness=False)
    assert pipe.resume(found[3]).recipe.witness is None


def test_accounts_are_compared_up_to_the_first_difference() -> None:
    one = [["a", "x", "1"], ["b", "y", "2"]]
    assert first_difference(one, one) is None
    assert (
        first_difference(one, [["a", "x", "1"], ["b", "y", "3"]])
        == "b is the first block that gave something else: 'y'"
    )
    assert first_difference(one, [["a", "x", None], ["b", "y", "2"]]) is None
    assert first_difference(one, [["c", "x", "1"]]) == "c gave 'x', where it was a that gave 'x'"
    assert first_difference(one, one[:1]) == "1 values were given, and 2 then"


def test_the_place_of_a_value_in_nested_loops_is_written_from_outside_to_inside() -> None:
    given = Given("outer.inner.add", (("outer", 1), ("outer.inner", 3)), "x", None)
    assert given.words == "outer.step[1].inner.step[3].add"
