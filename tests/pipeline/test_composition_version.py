"""Plans are kept until their own composition is edited, wherever in it, and by nobody else's edits."""

from __future__ import annotations

import copy
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from in_threads import in_threads
from toy_blocks import Add, Double, Twice, chain

from brickwork import (
    Block,
    CompositionError,
    InsertableDict,
    Outputs,
    SequentialPipelineBlocks,
)
from brickwork.blocks.core.container import SubBlocks
from brickwork.pipeline.composition_version import CompositionVersion


def nested() -> SequentialPipelineBlocks:
    inner = chain(add=Add, double=Double)
    return chain(first=Add, middle=chain(loop=Twice.from_blocks_dict({"inner": inner})))


INNER = "middle.loop.inner"
EDITS: dict[str, Callable[[SubBlocks], object]] = {
    "insert": lambda inner: inner.insert("more", Double, 0),
    "insert_before": lambda inner: inner.insert_before("add", "more", Double),
    "insert_after": lambda inner: inner.insert_after("add", "more", Double),
    "replace": lambda inner: inner.replace("add", Double),
    "set": lambda inner: inner.__setitem__("add", Double),
    "set a new one": lambda inner: inner.__setitem__("more", Double),
    "setdefault": lambda inner: inner.setdefault("more", Double),
    "update": lambda inner: inner.update(add=Double),
    "update in place": lambda inner: inner.__ior__({"more": Double}),
    "pop": lambda inner: inner.pop("add"),
    "popitem": lambda inner: inner.popitem(),
    "del": lambda inner: inner.__delitem__("add"),
    "clear and fill": lambda inner: (inner.clear(), inner.update(more=Double)),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("place", ["", "middle", "middle.loop", INNER])
def test_every_edit_at_every_depth_discards_the_plans(edit: str, place: str) -> None:
    container = chain(add=Add, double=Double)
    pipe = (chain(add=Add, double=Double) if not place else nested()).init_pipeline()
    if place:
        pipe.blocks[place].sub_blocks["placed"] = container  # type: ignore[index, attr-defined]
        container = pipe.blocks[f"{place}.placed"]  # type: ignore[index]
    else:
        container = pipe.blocks  # type: ignore[assignment]
    before, result = pipe.plan(["x"]), pipe(x=3, output="x")
    assert pipe.plan(["x"]) is before
    EDITS[edit](container.sub_blocks)  # type: ignore[arg-type]
    assert pipe.plan(["x"]) is not before
    assert pipe(x=3, output="x") == pipe.blocks.init_pipeline()(x=3, output="x") != result


BY_PATH: dict[str, Callable[[Any], object]] = {
    "insert_before": lambda whole: whole.insert_before(f"{INNER}.add", "more", Double),
    "insert_after": lambda whole: whole.insert_after(f"{INNER}.add", "more", Double),
    "replace": lambda whole: whole.replace(f"{INNER}.add", Double),
    "set": lambda whole: whole.__setitem__(f"{INNER}.add", Double),
    "set a new one": lambda whole: whole.__setitem__(f"{INNER}.more", Double),
    "setdefault": lambda whole: whole.setdefault(f"{INNER}.more", Double),
    "update": lambda whole: whole.update({f"{INNER}.add": Double}),
    "update in place": lambda whole: whole.__ior__({f"{INNER}.more": Double}),
    "pop": lambda whole: whole.pop(f"{INNER}.add"),
    "del": lambda whole: whole.__delitem__(f"{INNER}.add"),
}


@pytest.mark.parametrize("edit", BY_PATH)
def test_edits_by_a_path_discard_the_plans(edit: str) -> None:
    pipe = nested().init_pipeline()
    before, result = pipe.plan(["x"]), pipe(x=3, output="x")
    BY_PATH[edit](pipe.blocks.sub_blocks)  # type: ignore[attr-defined]
    assert pipe.plan(["x"]) is not before
    assert pipe(x=3, output="x") == pipe.blocks.init_pipeline()(x=3, output="x") != result


def test_setdefault_leaves_what_is_there() -> None:
    pipe = nested().init_pipeline()
    before = pipe.plan(["x"])
    there = pipe.blocks.sub_blocks.setdefault(f"{INNER}.add", Double)  # type: ignore[attr-defined]
    assert there is pipe.blocks[f"{INNER}.add"]  # type: ignore[index]
    assert isinstance(there, Add)
    assert pipe.plan(["x"]) is before


@pytest.mark.parametrize("edit", EDITS)
def test_edits_of_other_compositions_discard_nothing(edit: str) -> None:
    definition = nested()
    pipe, other = definition.init_pipeline(), definition.init_pipeline()
    before, version = pipe.plan(["x"]), CompositionVersion.of(pipe.blocks)
    for edited in (definition, other.blocks):
        EDITS[edit](edited[INNER].sub_blocks)  # type: ignore[index, attr-defined]
    other(x=1)
    chain(a=Add).init_pipeline()(x=1)
    assert pipe.plan(["x"]) is before
    assert version.holds(pipe.blocks)
    assert not CompositionVersion.of(other.blocks).holds(pipe.blocks)


def test_a_container_in_two_parents_is_edited_for_both_and_for_no_third() -> None:
    shared = chain(add=Add)
    pipes = [chain(first=Add, there=chain(second=Add)).init_pipeline() for _ in range(3)]
    for pipe in pipes[:2]:
        pipe.blocks["there"].sub_blocks["shared"] = shared  # type: ignore[index, attr-defined]
    pipes[0].blocks.sub_blocks["again"] = shared  # type: ignore[attr-defined]
    plans = [pipe.plan(["x"]) for pipe in pipes]
    assert [pipe(x=0, output="x") for pipe in pipes] == [4, 3, 2]
    shared.insert("more", Add(amount=10), 0)
    assert [pipe.plan(["x"]) is plan for pipe, plan in zip(pipes, plans, strict=True)] == [False, False, True]
    assert [pipe(x=0, output="x") for pipe in pipes] == [24, 13, 2]


def test_other_blocks_in_a_container_are_seen() -> None:
    pipe = nested().init_pipeline()
    inner: Any = pipe.blocks[INNER]  # type: ignore[index]
    given = [chain(add=Add(amount=5)).sub_blocks, InsertableDict({"add": Add(amount=7)}), SubBlocks({"add": Double()})]
    for blocks in given:
        before = pipe.plan(["x"])
        inner.sub_blocks = blocks
        assert pipe.plan(["x"]) is not before
    inner.sub_blocks = given[1]
    before = pipe.plan(["x"])
    assert pipe.plan(["x"]) is before
    given[1]["more"] = Double()  # a dict that notes no edits
    assert pipe.plan(["x"]) is not before
    vars(pipe)["blocks"] = chain(only=Add)  # as the package itself does
    assert pipe(x=1, output="x") == 2


def test_a_refused_edit_discards_nothing() -> None:
    pipe = nested().init_pipeline()
    before = pipe.plan(["x"])
    for wrong in (
        lambda: pipe.blocks.insert("9", Add, 0),  # type: ignore[attr-defined]
        lambda: pipe.blocks[INNER].pop("none"),  # type: ignore[index, attr-defined]
        lambda: pipe.blocks.replace("first", 3),  # type: ignore[attr-defined]
        lambda: pipe.blocks[INNER].sub_blocks.insert("me", pipe.blocks["middle"], 0),  # type: ignore[index, attr-defined]
    ):
        with pytest.raises(CompositionError):
            wrong()
    assert pipe.plan(["x"]) is before


def test_a_copy_has_edits_of_its_own() -> None:
    pipe = nested().init_pipeline()
    version = CompositionVersion.of(pipe.blocks)
    for copied in (copy.deepcopy(pipe), copy.copy(pipe)):
        assert copied(x=1, output="x") == pipe(x=1, output="x")
        before = copied.plan(["x"])
        copied.blocks.pop(f"{INNER}.add")  # type: ignore[attr-defined]
        assert copied.plan(["x"]) is not before
    assert version.holds(pipe.blocks)
    assert "version" not in (copy.deepcopy(pipe.blocks.sub_blocks).__getstate__() or {})  # type: ignore[attr-defined]


def test_nothing_keeps_a_composition_alive() -> None:
    pipe: Any = nested().init_pipeline()
    pipe(x=1)
    part = weakref.ref(pipe.blocks[INNER])
    pipe.blocks.pop(INNER)
    pipe.blocks["middle.loop"].sub_blocks["add"] = Add
    pipe(x=1)
    gc.collect()
    assert part() is None
    shared = chain(add=Add)
    whole = weakref.ref(pipe.blocks)
    pipe.blocks.sub_blocks["shared"] = shared
    pipe(x=1)
    del pipe
    gc.collect()
    assert whole() is None
    assert list(shared.sub_blocks) == ["add"]


class Waiting(Block):
    """Wait in the first run, or while the first plan is made, until it is let go on."""

    class Out(Outputs):
        x: int

    def run(self, x: int) -> Out:
        self.first_waits("run")
        return self.Out(x=x)

    def steps(self, *args: Any) -> Any:
        self.first_waits("plan")
        return super().steps(*args)

    def first_waits(self, what: str) -> None:
        if self.when == what and not type(self).reached.is_set():
            type(self).reached.set()
            assert type(self).let_go.wait(30)

    when: str = "run"


@pytest.mark.parametrize("when", ["run", "plan"])
def test_an_edit_during_a_run_in_another_thread_is_seen_at_the_next_run(when: str) -> None:
    pipe: Any = chain(add=Add, wait=Waiting(when=when)).init_pipeline()
    if when == "run":
        pipe.plan(["x"])
    Waiting.reached, Waiting.let_go = threading.Event(), threading.Event()
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(pipe(x=5, output="x")))
    thread.start()
    assert Waiting.reached.wait(30)
    pipe.blocks.replace("add", Double)
    assert pipe(x=5, output="x") == 10
    Waiting.let_go.set()
    thread.join(30)
    assert found == [6]  # as it was when that run began
    # What the other thread worked out of the blocks before the edit is in nobody's way.
    assert pipe(x=5, output="x") == 10


def test_edits_from_many_threads_are_all_seen() -> None:
    pipe: Any = chain(add=Add, inner=chain(one=Add)).init_pipeline()
    pipe(x=0)
    lock = threading.Lock()

    def job(number: int) -> int:
        with lock:  # the dict itself is edited by one at a time
            pipe.blocks["inner"].sub_blocks.insert(f"more_{number}", Add(amount=100), 0)
            before = sum(name.startswith("more") for name in pipe.blocks["inner"].sub_blocks)
            result: int = pipe(x=0, output="x")
        assert result == 2 + 100 * before
        return result

    assert sorted(in_threads(job, 24)) == [2 + 100 * (number + 1) for number in range(24)]
