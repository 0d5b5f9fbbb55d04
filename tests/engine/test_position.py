"""A run that is to go on from where another one stood comes to that place, or is refused in words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve

from brickwork import (
    Block,
    ConditionalPipelineBlocks,
    InputError,
    LoopSequentialPipelineBlocks,
    ModularPipeline,
    Outputs,
    SequentialPipelineBlocks,
    Snapshot,
    Snapshots,
)
from brickwork.engine.position import Frame, words_of


class AddOne(Block):
    cached = True  # so that runs go on although the environment, by which these tests change them, is read

    class Out(Outputs):
        total: int

    def run(self, total: int = 0) -> Out:
        if os.environ.get("FAILS"):
            raise KeyError(os.environ["FAILS"])
        return self.Out(total=total + 1)


class Iterations(LoopSequentialPipelineBlocks):
    """A loop whose length stands outside of the run."""

    cached = True

    class Vars(Outputs):
        i: int

    def iterate(self) -> Iterator[Vars]:
        lengths = os.environ["TURNS"].split()
        os.environ["TURNS"] = " ".join(lengths[1:] or lengths)
        yield from (self.Vars(i=i) for i in range(int(lengths[0])))


class Way(ConditionalPipelineBlocks):
    block_classes = [AddOne, AddOne]
    block_names = ["left", "right"]
    block_trigger_inputs = ["total"]

    def select_block(self, total: int | None = None) -> str:
        return "left" if (total or 0) < 100 else "right"


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> ModularPipeline:
    monkeypatch.setenv("TURNS", "5")
    monkeypatch.delenv("FAILS", raising=False)
    blocks = {
        "first": AddOne,
        "loop": Iterations.from_blocks_dict({"add": AddOne, "more": AddOne}),
        "way": Way,
        "last": AddOne,
    }
    made = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    made.configure(progress=False)
    return made


def taken(pipe: ModularPipeline, where: str, **inputs: Any) -> Snapshot:
    found: list[Snapshot] = []
    pipe.configure(snapshots=Snapshots(found.append, after="steps" if where.endswith("]") else "blocks"))
    pipe(**inputs)
    pipe.configure(snapshots=None)
    return next(snapshot for snapshot in found if snapshot.where == where)


def moved(snapshot: Snapshot, *frames: Frame) -> Snapshot:
    """The same snapshot, as if it had been taken elsewhere."""
    return evolve(snapshot, standing=evolve(snapshot.standing, position=frames))


@pytest.mark.parametrize("output", [None, "total"])
@pytest.mark.parametrize(("where", "iterations"), [("loop.step[2]", 2), ("loop.step[2].add", 1), ("loop.step[3]", 0)])
def test_a_loop_that_ends_before_the_place_is_refused(
    where: str, iterations: int, output: str | None, pipe: Any
) -> None:
    snapshot = taken(pipe, where, output=output)
    assert pipe.resume(snapshot) is not None
    os.environ["TURNS"] = str(iterations)
    with pytest.raises(InputError) as caught:
        pipe.resume(snapshot)
    assert str(caught.value) == f"The run is to go on after {where}, which it does not come to."


def test_a_loop_that_is_longer_now_goes_on_to_its_new_end(pipe: Any) -> None:
    snapshot = taken(pipe, "loop.step[2]")
    os.environ["TURNS"] = "7"
    assert pipe.resume(snapshot).total == 1 + 2 * 7 + 1 + 1


def test_a_variant_whose_loop_ends_before_its_beginning_is_refused(pipe: Any) -> None:
    base = pipe()
    os.environ["TURNS"] = "5 5 5 2"
    assert pipe.branch(base, at_step=3).total == base.total
    with pytest.raises(InputError) as caught:
        pipe.branch(base, at_step=3)
    assert str(caught.value) == "The run is to go on after loop.step[2], which it does not come to."


@pytest.mark.parametrize(
    "frames",
    [
        (Frame("nowhere"),),
        (Frame("nowhere", iteration=2),),
        (Frame("loop", iteration=1), Frame("loop.nowhere")),
        (Frame("loop", iteration=1), Frame("first")),
        (Frame("way", branch="left"), Frame("way.right")),
        (Frame("first", iteration=0),),
        (Frame("last", branch="left"),),
        (Frame("loop", iteration=1), Frame("loop.add", iteration=3)),
        (Frame("way", iteration=0),),
    ],
    ids=str,
)
@pytest.mark.parametrize("output", [None, "total"])
def test_a_place_that_the_run_does_not_have_is_refused(frames: Any, output: str | None, pipe: Any) -> None:
    snapshot = moved(taken(pipe, "first", output=output), *frames)
    with pytest.raises(InputError) as caught:
        pipe.resume(snapshot)
    assert str(caught.value) == f"The run is to go on after {words_of(frames)}, which it does not come to."


def test_a_branch_that_the_choice_does_not_have_is_refused(pipe: Any) -> None:
    snapshot = moved(taken(pipe, "first"), Frame("way", branch="middle"), Frame("way.middle"))
    with pytest.raises(InputError) as caught:
        pipe.resume(snapshot)
    assert str(caught.value) == "The run is to go on after way.middle, which it does not come to."


@pytest.mark.parametrize("name", ["loop", "first", "loop.step[2]"])
def test_an_error_of_a_block_is_not_taken_for_a_place_that_is_not_there(name: str, pipe: Any) -> None:
    snapshot = taken(pipe, "loop.step[2]")
    os.environ["FAILS"] = name
    with pytest.raises(KeyError) as caught:
        pipe.resume(snapshot)
    assert caught.value.args == (name,)


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([Frame("a")], "a"),
        ([Frame("a", iteration=2)], "a.step[2]"),
        ([Frame("a", iteration=2), Frame("a.b")], "a.step[2].b"),
        ([Frame("a", iteration=2), Frame("a.b", iteration=0)], "a.b.step[0]"),
        ([Frame("a", iteration=2), Frame("a.b", iteration=0), Frame("a.b.c")], "a.b.step[0].c"),
        ([Frame("way", branch="left"), Frame("way.left")], "way.left"),
        ([Frame("a", iteration=2), Frame("a.way", branch="left"), Frame("a.way.left")], "a.step[2].way.left"),
    ],
)
def test_a_place_in_words_is_the_innermost(frames: list[Frame], words: str) -> None:
    assert words_of(frames) == words
