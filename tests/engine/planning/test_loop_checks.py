"""What looks wrong with loops: values that no iteration changes, work for nothing, loop variables, and what `count` takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
import torch
from toy_blocks import Anything, Iterations, Way, block, chain, foreign, pipeline

from brickwork import (
    AutoPipelineBlocks,
    Block,
    InputError,
    InputParam,
    LoopSequentialPipelineBlocks,
    OutputParam,
    Outputs,
    Scope,
)
from brickwork.state import Value

Grid = Annotated[torch.Tensor, Value("b c h w", "Numbers.", dtype="float")]
Scaled = Annotated[torch.Tensor, Value("b channels h w", "The same, scaled.", dtype="float")]
Row = Annotated[torch.Tensor, Value("b n", "A row each.", dtype="float")]

START = block({"seed": int}, {"x": Grid})
PREDICT = block({"x": Grid, "i": int}, {"noise": Grid})
STEP = block({"noise": Grid, "x": Grid}, {"x": Grid})
DECODE = block({"x": Grid}, {"image": Grid})
SAME = "Every iteration of loop begins with the same 'x': no block in it writes 'x'"
LOST = (
    f"{SAME}, and decode reads what was there before the loop. loop.predict makes 'noise' of it, which nobody reads. Is the block "
    "missing that makes the next 'x' of 'noise', or in the wrong place?"
)


def looped(**parts: Any) -> Any:
    return Iterations.from_blocks_dict(parts)


def said(**parts: Any) -> list[str]:
    """What is said of a composition between a start and a decoder, beside that inputs are missing."""
    report = chain(**{"start": START, **parts, "decode": DECODE}).check()
    return [*report.faults, *report.warnings]


def test_a_loop_without_the_step_that_changes_its_value_is_said() -> None:
    assert said(loop=looped(predict=PREDICT)) == [LOST]
    assert said(loop=looped(predict=PREDICT, step=STEP)) == []


def test_of_a_value_that_the_caller_gives_it_is_said_as_well_but_not_of_one_that_may_be_absent() -> None:
    assert said(start=block(), loop=looped(predict=PREDICT)) == [LOST]
    maybe = block({"i": int, "x": Grid | None}, {"noise": Grid}, x=None)
    assert said(start=block(), loop=looped(predict=maybe)) == []
    assert said(loop=looped(predict=maybe)) == [LOST]


def test_a_value_made_by_way_of_another_is_lost_as_well() -> None:
    scale, predict = block({"x": Grid}, {"scaled": Scaled}), block({"scaled": Scaled}, {"noise": Grid})
    assert said(loop=looped(scale=scale, predict=predict)) == [LOST]


def test_what_is_not_made_of_the_value_or_could_not_be_the_next_one_is_meant() -> None:
    show = block({"x": Grid})
    assert said(loop=looped(show=show, counter=block({"i": int}, {"noise": Grid}))) == []
    assert said(loop=looped(measure=block({"x": Grid}, {"score": Row}))) == []
    assert said(loop=looped(append=block({"x": Grid, "i": int}))) == []


@pytest.mark.parametrize("kind", [int, float, bool, str])
def test_a_number_that_is_made_of_another_is_a_result(kind: type) -> None:
    counter, later = block({"step": kind, "i": int}, {"count": kind}), block({"step": kind})
    assert chain(loop=looped(counter=counter), later=later).check().warnings == ()
    made = block({"step": kind, "i": int}, {"count": Any})
    assert chain(loop=looped(made=made), later=later).check().warnings == ()


def test_of_hints_of_foreign_code_one_must_say_what_it_is() -> None:
    def hinted(takes: Any, gives: Any) -> list[str]:
        predict = foreign([InputParam("x", takes, required=True)], [OutputParam("noise", gives)])
        return said(loop=looped(predict=predict))

    assert hinted(Grid, Grid) == hinted(None, Grid) == hinted(torch.Tensor, None) == [LOST]
    assert hinted(None, None) == hinted(Any, None) == []


def test_what_is_read_behind_the_loop_is_not_lost() -> None:
    assert said(loop=looped(predict=PREDICT), show=block({"noise": Grid})) == []
    assert chain(start=START, loop=looped(predict=PREDICT)).check().warnings == ()


def test_a_value_that_somebody_makes_anew_behind_the_loop_is_not_what_it_began_with() -> None:
    assert said(loop=looped(predict=PREDICT), again=START) == []


def test_foreign_code_that_may_write_any_name_may_have_changed_it() -> None:
    assert said(loop=looped(predict=PREDICT, any=Anything)) == []


def test_a_step_behind_the_loop_belongs_into_it() -> None:
    assert said(loop=looped(predict=PREDICT), step=STEP) == [
        f"{SAME}, and step, behind the loop, makes the next one of the last 'noise' alone. Move step into loop, behind loop.predict."
    ]


def test_what_a_prediction_remembers_for_itself_is_no_change() -> None:
    remembers = block({"x": Grid, "memory": Row | None}, {"noise": Grid, "memory": Row}, memory=None)
    assert said(loop=looped(predict=remembers)) == [LOST]


@pytest.mark.parametrize(
    "parts",
    [
        {"predict": block({"x": Grid, "sum": Grid | None}, {"noise": Grid, "sum": Grid}, sum=None)},
        {"predict": block({"x": Grid, "sum": Row | None}, {"noise": Scaled, "sum": Row}, sum=None)},
        {"predict": PREDICT, "adder": block({"sum": Row | None}, {"sum": Row}, sum=None)},
        {
            "predict": block({"x": Grid, "sum": Row | None}, {"noise": Grid, "sum": Row}, sum=None),
            "show": block({"sum": Row}),
        },
    ],
    ids=["of the same shape", "the lost one of another", "of another block", "that another block reads"],
)
def test_what_else_is_carried_may_be_what_the_loop_is_for(parts: dict[str, Any]) -> None:
    assert said(loop=looped(**parts)) == []


def test_where_a_branch_alone_has_the_step_the_inputs_that_leave_it_out_lead_to_the_finding() -> None:
    maybe = type(
        "Maybe",
        (AutoPipelineBlocks,),
        {"block_names": ["step"], "block_classes": [STEP], "block_trigger_inputs": ["on"]},
    )
    report = chain(start=START, loop=looped(predict=PREDICT, maybe=maybe), decode=DECODE).check()
    assert LOST in report.warnings
    turned = type(
        "Turned",
        (AutoPipelineBlocks,),
        {
            "block_names": ["off", "step"],
            "block_classes": [block({"off": int}), STEP],
            "block_trigger_inputs": ["off", None],
        },
    )
    report = chain(start=START, loop=looped(predict=PREDICT, turned=turned), decode=DECODE).check()
    assert report.given[LOST] == ("off",)


def test_a_prediction_that_the_step_does_not_read_is_said() -> None:
    blind = block({"x": Grid}, {"x": Grid})
    expected = (
        "loop.predict makes 'noise' of 'x' in every iteration of loop, which nobody reads, and loop.step changes 'x' without it. "
        "Should loop.step read 'noise'?"
    )
    assert said(loop=looped(predict=PREDICT, step=blind)) == [expected]
    # A result of the iteration, something that only goes to listeners, and one of two predictions.
    assert said(loop=looped(step=blind, predict=PREDICT)) == []
    assert said(loop=looped(predict=block({"x": Grid}, {"preview": Scaled}), step=blind)) == []
    other = block({"x": Grid}, {"guess": Grid})
    assert said(loop=looped(predict=PREDICT, other=other, step=STEP)) == []
    assert said(loop=looped(predict=PREDICT, step=blind, any=Anything)) == []


def test_a_loop_for_nothing_is_one_whose_values_are_written_again_unread() -> None:
    change = block({"x": Grid}, {"x": Grid})
    expected = (
        "loop.change writes 'x', which nobody behind the loop loop reads before it is written again. Is a block missing in between, "
        "or in the wrong place?"
    )
    assert said(loop=looped(change=change), again=START) == [expected]
    assert said(loop=looped(change=change), show=block({"x": Grid}), again=START) == []
    assert said(loop=looped(change=change, side=block({"x": Grid})), again=START) == []
    assert said(loop=looped(change=block({"x": Grid}, {"x": Grid, "total": int})), again=START) == []


def test_a_block_that_writes_a_loop_variable_is_said() -> None:
    words = (
        "the blocks behind it read that, until the next iteration begins with the loop's own. Rename one of the two."
    )
    report = chain(loop=looped(setter=block({}, {"i": int, "y": int}))).check()
    assert report.warnings == (f"loop.setter writes 'i', which is the loop variable of loop: {words}",)
    hinted = foreign(gives=[OutputParam("i", int)])
    assert len(chain(loop=looped(setter=hinted)).check().warnings) == 1
    nested = chain(loop=looped(inner=looped(adder=block({"i": int}, {"y": int})))).check()
    assert nested.warnings == (
        "loop.inner yields 'i', and so does loop around it: the blocks in loop.inner cannot read that of loop. Rename one of the two.",
    )
    both = chain(loop=looped(inner=looped(setter=block({}, {"i": int})))).check().warnings
    assert [text.partition(",")[0] for text in both] == ["loop.inner yields 'i'", "loop.inner.setter writes 'i'"]


def test_a_variable_that_nobody_reads_is_no_work_for_nothing() -> None:
    body = block({"y": int}, {"y": int})
    assert chain(one=looped(body=body), two=looped(body=body)).check().warnings == ()


def test_a_value_that_a_loop_carries_is_no_order_mistake() -> None:
    first, second = block({"total": int, "i": int}, {"half": int}), block({"half": int}, {"total": int})
    assert chain(loop=looped(first=first, second=second)).check().warnings == ()
    middle = block({"half": int}, {"more": int})
    carried = looped(first=first, middle=middle, second=block({"more": int}, {"total": int}))
    assert chain(loop=carried).check().warnings == ()
    with pytest.raises(
        ValueError, match=r"loop\.second writes it for the next iteration: pass total=\.\.\. for the first\.$"
    ):
        chain(loop=looped(first=first, second=second)).plan([])


def test_a_writer_that_could_stand_before_its_reader_is_one_also_in_a_loop() -> None:
    scale, predict = block({"x": Grid}, {"scaled": Grid}), block({"scaled": Grid}, {"noise": Grid})
    turned = looped(predict=predict, scale=scale, step=STEP)
    assert [text.partition(" writes it")[0][-10:] for text in said(loop=turned)] == ["loop.scale"]
    # What both need from outside does not bind them, given by a block or by the caller.
    for start in (START, block()):
        (text,) = said(start=start, loop=looped(step=STEP, predict=PREDICT))
        assert "loop.predict writes it, but only later: move that before loop.step" in text
    optional = block({"total": int, "i": int}, {"half": int})
    late = block({"half": int | None}, {"total": int}, half=None)
    assert len(chain(loop=looped(first=optional, second=late)).check().warnings) == 1


def counting(takes: dict[str, Any], counts: dict[str, Any], **defaults: Any) -> Any:
    """A loop whose `iterate` and `count` take inputs of these types; a default is for `count`."""
    names: dict[str, Any] = {"Vars": type("Vars", (Outputs,), {"__annotations__": {"i": int}, "__module__": __name__})}
    for method, params in (("iterate", takes), ("count", counts)):
        given = ", ".join(
            f"{name}={defaults[name]!r}" if method == "count" and name in defaults else name for name in params
        )
        exec(f"def {method}(self, {given}): ...", names)
        names[method].__annotations__ = dict(params)
        names[method].__module__ = __name__
    body = {key: names[key] for key in ("Vars", "iterate", "count")}
    made: Any = type("Counting", (LoopSequentialPipelineBlocks,), {**body, "__module__": __name__})
    return made.from_blocks_dict({"body": block({"total": int}, {"total": int})})


HEAD = "`count` of loop takes"


@pytest.mark.parametrize(
    ("loop", "fault", "warning"),
    [
        (counting({"times": int}, {"times": int}), "", ""),
        (counting({"times": int, "by": int}, {"times": int}), "", ""),
        (
            counting({"times": int}, {"tiems": int}),
            (
                f"{HEAD} 'tiems', which no block before the loop gives and its `iterate` does not take: that takes 'times'. "
                "Did you mean 'times'? Nobody can give it."
            ),
            "",
        ),
        (
            counting({}, {"tiems": int}, tiems=3),
            "",
            (
                f"{HEAD} 'tiems', which no block before the loop gives and its `iterate` does not take: that takes nothing. "
                "Let both take the same."
            ),
        ),
        (
            counting({"times": int}, {"total": int}),
            "",
            (
                f"{HEAD} 'total', which no block before the loop gives and its `iterate` does not take: that takes 'times'. "
                "Let both take the same."
            ),
        ),
        (
            counting({"times": int}, {"times": str}),
            "",
            f"{HEAD} 'times' as str, and its `iterate` as int. Let both take the same.",
        ),
        (
            counting({"times": int}, {"times": int}, times=4),
            "",
            f"{HEAD} 'times' that is 4 where nobody gives it, and for its `iterate` required. Let both take the same.",
        ),
    ],
)
def test_count_takes_what_iterate_takes(loop: Any, fault: str, warning: str) -> None:
    report = chain(loop=loop).check()
    assert (report.faults, report.warnings) == ((fault,) if fault else (), (warning,) if warning else ())


def test_count_may_take_what_a_block_before_the_loop_gives_and_it_is_kept_for_it() -> None:
    blocks = chain(first=block({"size": int}, {"number": int}), loop=counting({"times": int}, {"number": int}))
    assert blocks.check().warnings == ()
    plan = blocks.plan(["size", "times", "total"])
    assert "number" in plan.live_after(["total"])["first"]


def test_every_loop_of_a_plan_is_known_with_the_positions_of_its_body() -> None:
    inner = looped(one=block({"y": int}), two=block({"y": int}))
    plan = chain(first=block(), outer=looped(head=block(), inner=inner), last=block()).plan(["y"])
    spans = [(loop.path, loop.position, loop.end) for loop in plan.flow.loops]
    assert spans == [("outer", 1, 5), ("outer.inner", 3, 5)]


def test_a_loop_in_a_branch_that_the_run_chooses_is_looked_at() -> None:
    way = Way.from_blocks_dict({"one": chain(loop=looped(predict=PREDICT), show=DECODE)})
    (text,) = chain(start=block({"seed": int}, {"x": Grid, "way": str}), way=way).check().warnings
    assert text == LOST.replace("of loop ", "of way.one.loop ").replace("decode reads", "way.one.show reads").replace(
        "loop.predict", "way.one.loop.predict"
    )
    apart = Way.from_blocks_dict({"one": looped(predict=PREDICT), "two": DECODE})
    assert chain(start=block({"seed": int}, {"x": Grid, "way": str}), way=apart).check().warnings == ()


ENDED = (
    "reads needs 'i' (int); it was not given, and no earlier block gives it. It is a variable of the loop loop, and ends with it: have a "
    "block in the loop write it under another name. Or pass i=..."
)


def test_a_loop_variable_that_is_read_behind_the_loop_is_warned_of() -> None:
    counts, reads = looped(counts=block({"i": int}, {"n": int})), block({"i": int})
    assert chain(loop=counts, reads=reads).check().warnings == (ENDED,)
    assert chain(loop=counts, maybe=block({"i": int}, i=0)).check().warnings == ()
    assert chain(i=block({}, {"i": int}), loop=counts, reads=reads).check().warnings == ()


def test_within_a_scope_a_variable_that_is_read_behind_its_loop_is_a_fault() -> None:
    parts = {"loop": looped(counts=block({"i": int}, {"n": int})), "reads": block({"i": int})}
    (fault,) = chain(s=Scope.from_blocks_dict(parts, outputs={"n": "n"})).check().faults
    assert fault == (
        "s.reads needs 'i' (int), and no block of the scope s gives it there. It is a variable of the loop s.loop, and ends with it: have a "
        "block in the loop write it under another name. Or let it in under its name outside: inputs={'i': ...}."
    )


def test_before_the_loop_its_variable_is_an_input_like_any_other() -> None:
    blocks = chain(reads=block({"i": int}), loop=looped(counts=block({"i": int}, {"n": int})))
    assert blocks.check().warnings == ()
    with pytest.raises(InputError) as caught:
        blocks.plan([])
    assert "variable of the loop" not in str(caught.value)


class Outer(LoopSequentialPipelineBlocks):
    """Yields 100, 101."""

    class Vars(Outputs):
        i: int

    def iterate(self) -> Iterator[Vars]:
        yield from (self.Vars(i=100 + i) for i in range(2))


class Inner(LoopSequentialPipelineBlocks):
    """Yields 200, 201, or nothing."""

    class Vars(Outputs):
        i: int

    def iterate(self, i: int = 0, times: int = 2) -> Iterator[Vars]:
        yield from (self.Vars(i=200 + i % 100 + each) for each in range(times))


class Note(Block):
    """Note what it reads."""

    name: str

    class Out(Outputs):
        notes: tuple[tuple[str, int], ...]

    def run(self, i: int = 0, notes: tuple[tuple[str, int], ...] = ()) -> Out:
        return self.Out(notes=(*notes, (self.name, i)))


class Write(Block):
    """Write what loops yield."""

    class Out(Outputs):
        i: int

    def run(self) -> Out:
        return self.Out(i=300)


@pytest.mark.parametrize("times", [0, 1, 2])
@pytest.mark.parametrize("given", [{}, {"i": 1}], ids=["no i", "an i before"])
@pytest.mark.parametrize("writes", [False, True], ids=["", "a block writes it"])
def test_loops_in_one_another_that_yield_one_name_run_as_the_plan_says(
    times: int, given: dict[str, int], writes: bool
) -> None:
    names = ["first", "within", "behind", "last"]
    notes = {name: Note(name=name) for name in names}
    inner = Inner.from_blocks_dict({"within": notes["within"], **({"write": Write} if writes else {})})
    outer = Outer.from_blocks_dict({"first": notes["first"], "inner": inner, "behind": notes["behind"]})
    pipe = pipeline(outer=outer, last=notes["last"])
    state = pipe(**given, times=times)
    plan = pipe.plan([*given, "times"])
    paths = {"first": "outer.first", "within": "outer.inner.within", "behind": "outer.behind", "last": "last"}
    writers = {name: plan.flow.givers(paths[name], "i") for name in names}
    own = ["the caller"] if given else []
    assert writers == {"first": ["outer"], "within": ["outer.inner"], "behind": ["outer"], "last": own}
    of = {"outer": (100, 200), "outer.inner": (200, 300), "the caller": (1, 2)}
    for name, value in state.notes:
        assert any(low <= value < high for low, high in (of[each] for each in writers[name])) or value == 0 == len(own)
    counts = [(name, sum(each == name for each, _ in state.notes)) for name in names]
    assert counts == [("first", 2), ("within", 2 * times), ("behind", 2), ("last", 1)]
    assert state.values.get("i") == given.get("i")


def test_a_loop_variable_that_a_block_writes_ends_with_the_loop_all_the_same() -> None:
    pipe = pipeline(outer=Outer.from_blocks_dict({"write": Write, "note": Note(name="one")}))
    assert "i" not in pipe.plan([]).outputs
    assert "i" not in pipe().values
