"""What a plan finds, sentence by sentence: each operand of what decides about it, and every name in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from toy_blocks import Anything, Iterations, Way, Writes, block, chain, foreign

from brickwork import (
    CompositionError,
    InputError,
    InputParam,
    OutputParam,
    SequentialPipelineBlocks,
)
from brickwork.engine.planning.dataflow import trace
from brickwork.engine.planning.plan_checks import find_warnings, late_writes


def plan(*given: str, **blocks: Any) -> Any:
    return SequentialPipelineBlocks.from_blocks_dict(blocks).plan(given)


def warnings(*given: str, **blocks: Any) -> list[str]:
    return [*plan(*given, **blocks).warnings]


def missing(*given: str, **blocks: Any) -> str:
    with pytest.raises(InputError) as caught:
        plan(*given, **blocks)
    return str(caught.value)


def faults(*given: str, **blocks: Any) -> tuple[str, ...]:
    with pytest.raises(CompositionError) as caught:
        plan(*given, **blocks)
    return tuple(caught.value.faults) or (str(caught.value),)


READ, WRITE = block({"x": int}), block(writes={"x": int})


def test_a_missing_value_is_named_with_who_needs_it() -> None:
    start = "one needs 'x' (int); it was not given, and no earlier block gives it."
    assert missing(one=READ) == f"{start} Pass x=..."
    assert missing(one=READ, two=READ, three=READ) == start.replace(";", " (and so do two, three);", 1) + " Pass x=..."


def test_the_nearest_value_is_named_with_its_writer_if_a_block_wrote_it() -> None:
    start = "one needs 'x_image' (int); it was not given, and no earlier block gives it."
    one = block({"x_image": int})
    near = block(writes={"x_images": int})
    assert missing(make=near, one=one) == f"{start} Nearest: 'x_images' (from make). Pass x_image=..."
    assert missing("x_images", one=one) == f"{start} Nearest: 'x_images'. Pass x_image=..."


def test_a_value_that_is_written_too_late_says_by_whom() -> None:
    assert missing(one=READ, two=READ, late=WRITE, later=WRITE) == (
        "one needs 'x' (int) (and so do two); it was not given, and no earlier block gives it. late writes it, but only later: "
        "move that before one, or one behind it, or pass x=..."
    )


def late(**blocks: Any) -> list[str]:
    composition = SequentialPipelineBlocks.from_blocks_dict(blocks)
    from brickwork.blocks.core.flattening import Flattening

    return [text for text, _ in late_writes(trace(composition.steps(Flattening(frozenset()), ""), []))]


def test_a_value_of_another_type_is_a_fault_with_both_types() -> None:
    assert faults(make=block(writes={"x": str}), read=READ) == (
        "read needs 'x' as int, and make gives str: str is not int. Convert it in a block between the two, or rename one of the values.",
    )


def test_a_type_is_only_hinted_at_if_either_side_is_foreign() -> None:
    takes, gives = foreign(takes=[InputParam("x", int, required=True)]), foreign(gives=[OutputParam("x", str)])
    expected = "read needs 'x' as int, and make gives str: str is not int."
    for make, read in ((gives, READ), (block(writes={"x": str}), takes), (gives, takes)):
        (warning,) = warnings(make=make, read=read)
        assert warning.startswith(expected)


def test_what_the_caller_gives_has_no_type_before_the_run() -> None:
    assert warnings("x", read=READ) == []


DEFAULTS = "'size' is 1 for one and 2 for two where nobody gives it. Give both the same default, or rename one."


def test_defaults_that_differ_are_a_fault_of_blocks_and_a_warning_of_foreign_ones() -> None:
    one, two = block(size=1), block(size=2)
    hinted = foreign(takes=[InputParam("size", int, default=2)])
    assert faults(one=one, two=two) == (DEFAULTS,)
    assert warnings(one=one, two=hinted) == [DEFAULTS]
    assert warnings(one=foreign(takes=[InputParam("size", int, default=1)]), two=two) == [DEFAULTS]


def test_defaults_are_compared_with_the_first_and_only_where_nobody_gives_the_value() -> None:
    one, two, three = block(size=1), block(size=2), block(size=3)
    assert [fault.partition(" where")[0] for fault in faults(one=one, two=two, again=one, three=three)] == [
        "'size' is 1 for one and 2 for two",
        "'size' is 1 for one and 3 for three",
    ]
    assert warnings("size", one=one, two=two) == []
    assert warnings(write=block(writes={"size": int}), one=one, two=two) == []
    assert warnings(one=one, two=block({"size": int | None}, size=None)) == []


@pytest.mark.parametrize("default", [np.arange(2), torch.arange(2)], ids=["array", "tensor"])
def test_defaults_that_have_no_single_answer_are_the_same_only_if_they_are_one_object(default: Any) -> None:
    same = foreign(takes=[InputParam("size", Any, default=default)])
    other = foreign(takes=[InputParam("size", Any, default=default + 1)])
    assert warnings(one=same, two=same) == []
    assert len(warnings(one=same, two=other)) == 1


def test_a_value_that_is_written_twice_and_read_once_is_work_for_nothing() -> None:
    expected = "make writes 'x', which nobody reads before it is written again. Is a block missing in between, or in the wrong place?"
    assert warnings(make=WRITE, again=WRITE, read=READ) == [expected]
    assert expected not in warnings(make=WRITE, read=READ, again=WRITE)
    assert warnings(make=WRITE, read=READ) == warnings(make=WRITE) == []


def test_a_variable_of_a_loop_ends_with_it_and_is_no_work_for_nothing() -> None:
    assert warnings(loop=Iterations.from_blocks_dict({"make": WRITE}), read=READ) == []


def test_a_value_that_is_written_after_its_only_readers_is_too_late() -> None:
    hint = block({"x": int | None}, x=None)
    expected = "make writes 'x' after one, two read it, and no later block reads what it writes. Move it before two, or leave it out."
    assert warnings(one=hint, two=hint, make=WRITE) == [expected]
    assert warnings(one=hint, make=WRITE, two=hint) == []


def test_who_changes_a_value_before_it_is_made_is_told_also_where_it_may_be_given() -> None:
    """As a block that changes the latents, put in before those that draw them."""
    change, draw = block({"x": int}, {"x": int}), block({"x": int | None}, {"x": int}, x=None)
    (warning,) = chain(change=change, draw=draw, read=READ).check().warnings
    assert warning == (
        "change needs 'x' (int); it was not given, and no earlier block gives it. draw writes it, but only later: move that before change, or "
        "change behind it, or pass x=..."
    )
    assert chain(look=READ, draw=draw, read=READ).check().warnings == (), (
        "what only reads it may well want what is given"
    )
    assert chain(change=change, again=change, read=READ).check().warnings == ()


def test_what_looks_at_the_callers_value_first_is_not_too_early() -> None:
    look, change = block({"x": int}), block({"x": int}, {"x": int})
    assert warnings("x", look=look, make=WRITE, change=change) == []
    assert warnings(first=WRITE, look=look, make=WRITE, change=change) == [
        "change writes 'x' after look read it, and no later block reads what it writes. Move it before look, or leave it out."
    ]
    assert len(warnings("x", look=look, change=change)) == 1


def test_what_came_of_a_choice_is_said_by_who_works_with_it() -> None:
    """Where it is made beside something that is needed: alone it is an order mistake, and so it is of who could come first."""
    choose = block({"x": int | None}, {"half": int}, x=None)
    beside, alone = block({"half": int}, {"x": int, "whole": int}), block({"half": int}, {"x": int})
    first = block({}, {"x": int, "whole": int})
    read = block({"whole": int})
    assert warnings(choose=choose, tell=beside, read=read) == []
    assert len(warnings(choose=choose, tell=alone, read=block({"half": int}))) == 1
    assert len(warnings(choose=choose, tell=beside)) == 1
    assert len(warnings(choose=choose, tell=first, read=read)) == 1
    assert len(warnings(choose=block({}, {"half": int}, x=1), tell=beside, read=read)) == 1


def test_a_block_that_writes_what_it_has_read_is_not_too_early() -> None:
    both = block({"x": int | None}, {"x": int}, x=None)
    assert warnings(one=both, two=WRITE) == [
        "one writes 'x', which nobody reads before it is written again. Is a block missing in between, or in the wrong place?"
    ]


def test_readers_in_another_branch_are_not_too_early() -> None:
    hint = block({"x": int | None}, x=None)
    way = Way.from_blocks_dict({"one": hint, "two": WRITE})
    assert warnings(first=block(writes={"way": str}), way=way) == []


def test_a_value_that_nobody_reads_and_one_of_nearly_the_same_name_are_one_misspelt() -> None:
    make, read = block(writes={"image_embeds": int}), block({"image_embed": int | None}, image_embed=None)
    expected = "make writes 'image_embeds', which nobody reads, and read reads 'image_embed'. Is one of them misspelt?"
    assert warnings(make=make, read=read) == [expected]
    assert warnings(read=read, make=make) == []
    assert warnings(make=make, read=block({"pictures": int | None}, pictures=None)) == []
    assert warnings(make=make, read=read, other=block({"image_embeds": int})) == []
    assert warnings("image_embeds", read=read) == []


def test_two_letters_that_changed_places_are_a_misspelling() -> None:
    def found(written: str, read: str, of: Any = int) -> list[str]:
        return warnings(make=block(writes={written: of}), read=block({read: int | None}, **{read: None}))

    assert found("imgae", "image") == [
        "make writes 'imgae', which nobody reads, and read reads 'image'. Is one of them misspelt?"
    ]
    assert len(found("latnets", "latents")) == 1
    assert len(found("imgae", "image", str)) == 1
    # Words of their own, letters that are apart, other letters, and longer.
    for written, read in (
        ("stpe", "step"),
        ("egami", "image"),
        ("imbge", "image"),
        ("mgaie", "image"),
        ("imagess", "image"),
    ):
        assert found(written, read) == [], written


def test_one_and_many_are_both_meant_where_their_types_cannot_meet() -> None:
    for name, other in (("image_mask", "image_masks"), ("image_masks", "image_mask")):
        read = block({name: int | None}, **{name: None})
        assert warnings(make=block(writes={other: list}), read=read) == []
        assert len(warnings(make=block(writes={other: int}), read=read)) == 1
    read = block({"image_mask": int | None}, image_mask=None)
    assert len(warnings(make=block(writes={"image_mesk": list}), read=read)) == 1


def test_names_that_only_a_number_tells_apart_are_both_meant() -> None:
    make = block(writes={"prompt_embeds_2": int, "prompt_embeds_3": int})
    assert warnings(make=make, read=block({"prompt_embeds": int | None}, prompt_embeds=None)) == []


def test_a_loop_variable_that_is_read_behind_the_loop_ends_with_it() -> None:
    loop = Iterations.from_blocks_dict({"body": block({"y": int}, {"y": int})})
    assert missing("y", loop=loop, read=block({"i": int})) == (
        "read needs 'i' (int); it was not given, and no earlier block gives it. It is a variable of the loop loop, and ends with it: "
        "have a block in the loop write it under another name. Or pass i=..."
    )


def test_a_value_of_one_branch_and_one_of_another_are_no_misspelling() -> None:
    make, read = block(writes={"image_embeds": int}), block({"image_embed": int | None}, image_embed=None)
    way = Way.from_blocks_dict({"one": make, "two": read})
    assert warnings(first=block(writes={"way": str}), way=way) == []


def test_a_read_in_a_loop_that_only_undeclared_code_may_serve_is_a_warning() -> None:
    def expected(*writers: str) -> str:
        return (
            "loop.read reads 'x', which no block declares as its output; it may be written undeclared by "
            f"{', '.join(writers)}. Declare it there, or the run may stop at the first read."
        )

    loop = Iterations.from_blocks_dict({"a": Anything, "b": Anything, "read": READ})
    assert warnings(loop=loop) == [expected("loop.a", "loop.b")]
    assert warnings("x", loop=loop) == []
    assert warnings(make=WRITE, loop=loop) == []
    assert warnings(loop=Iterations.from_blocks_dict({"a": Writes, "read": READ})) == [expected("loop.a")]
    assert missing(loop=Iterations.from_blocks_dict({"read": READ, "a": Writes})).startswith("loop.read needs 'x'")
    assert missing(loop=Iterations.from_blocks_dict({"a": Writes, "read": block({"y": int})})).startswith(
        "loop.read needs 'y'"
    )
    assert missing(loop=Iterations.from_blocks_dict({"a": Anything}), read=READ).startswith("read needs 'x'")


def test_what_is_written_undeclared_is_known_by_its_writer_and_not_certain() -> None:
    loop = Iterations.from_blocks_dict({"a": Writes, "read": READ})
    (read,) = [read for read in plan(loop=loop).flow.reads if read.param.name == "x"]
    (version,) = read.sources.versions
    assert (version.writer, version.number, version.declared, version.typed) == ("loop.a", 0, False, False)
    assert version.position == read.position - 1
    assert not read.sources.certain


def test_an_order_mistake_is_only_one_if_the_later_writer_does_not_read_the_value_itself() -> None:
    assert [text.partition(";")[0] for text in late(one=READ, make=WRITE)] == ["one needs 'x' (int)"]
    assert late(one=READ, change=block({"x": int}, {"x": int})) == []
    assert late(one=READ) == []
    assert len(late(one=READ, change=block({"x": int}, {"x": int}), make=WRITE)) == 1


TURN, BACK = block({"x": int}, {"half": int}), block({"half": int}, {"x": int})


def test_a_value_that_goes_round_is_no_order_mistake() -> None:
    assert late(one=TURN, two=BACK) == []
    assert late(loop=Iterations.from_blocks_dict({"one": TURN, "two": BACK})) == []
    between = block({"half": int}, {"other": int})
    assert late(one=TURN, between=between, two=block({"other": int}, {"x": int})) == []
    assert warnings("x", one=TURN, two=BACK) == []


def test_a_writer_that_could_do_without_the_reader_is_an_order_mistake() -> None:
    # It reads what was there before the reader, which only wrote it anew.
    step, denoise = block({"noise": int, "x": int}, {"x": int}), block({"x": int}, {"noise": int})
    (text,) = late(loop=Iterations.from_blocks_dict({"step": step, "denoise": denoise}))
    assert text.startswith(
        "loop.step needs 'noise' (int); it was not given, and no earlier block gives it. loop.denoise writes it,"
    )
    # It reads what another has made in between, which could come before the reader with it.
    between = block({"seed": int}, {"other": int})
    assert len(late(one=READ, between=between, two=block({"other": int}, {"x": int}))) == 1
    assert len(late(make=block(writes={"half": int}), one=TURN, two=BACK)) == 1


def test_a_default_that_is_changed_behind_its_reader_is_too_late_whatever_was_made_of_it() -> None:
    one, two = block({}, {"half": int}, x=1), BACK
    (text,) = warnings(one=one, two=two)
    assert text.startswith("two writes 'x' after one read it, and no later block reads what it writes.")


def test_all_kinds_of_warnings_come_together_in_one_order() -> None:
    composition = SequentialPipelineBlocks.from_blocks_dict(
        {
            "hint": foreign(takes=[InputParam("x", str), InputParam("size", int, default=1)]),
            "other": foreign(takes=[InputParam("size", int, default=2)]),
            "make": WRITE,
            "again": WRITE,
            "text": foreign(takes=[InputParam("x", str)]),
        }
    )
    found = find_warnings(composition.plan([]).flow)
    assert [text.partition(", ")[0].partition(" for ")[0] for text in found] == [
        "text needs 'x' as str",
        "'size' is 1",
        "make writes 'x'",
    ]
