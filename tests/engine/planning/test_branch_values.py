"""Of a choice in the run the plan says where a required value may be missing; the run that lacks it says who would have written it."""

from __future__ import annotations

from typing import Any

import pytest
from toy_blocks import Add, Iterations, Way, block, chain, foreign

from brickwork import AutoPipelineBlocks, ConditionalPipelineBlocks, InputParam, RunError

WRITES = block({}, {"y": int})
OTHER = block({}, {"z": int})
READS = block({"y": int})


MAYBE = Way.from_blocks_dict({"warm": WRITES, "cool": OTHER})


class Sure(Way):
    """A choice in the run that always takes a branch."""

    default_block_name = "cool"


def told(*given: str, **blocks: Any) -> list[str]:
    return [text for text in chain(**blocks).plan(given).warnings if "nobody gives it" in text]


def test_the_branch_that_writes_it_and_the_others_are_named() -> None:
    assert told("way", way=Sure.from_blocks_dict({"warm": WRITES, "cool": OTHER}), reads=READS) == [
        (
            "reads needs 'y' (int), which of the branches of way only 'warm' writes; where 'cool' runs, nobody gives it. Let every branch of "
            "way write 'y', write it before way, or pass y=..."
        )
    ]


def test_a_choice_that_may_take_no_branch_says_so() -> None:
    (warning,) = told(way=Way.from_blocks_dict({"warm": WRITES, "cool": WRITES, "ice": OTHER}), reads=READS)
    assert "only 'warm' and 'cool' write; where none of them or 'ice' run, nobody gives it" in warning


def test_a_branch_in_which_another_choice_may_leave_it_out_is_named_on_both_sides() -> None:
    inner = Sure.from_blocks_dict({"warm": WRITES, "cool": OTHER})
    (warning,) = told("way", way=Sure.from_blocks_dict({"in": inner, "cool": WRITES}), reads=READS)
    assert "only 'in' and 'cool' write; where 'in' runs, nobody gives it" in warning


@pytest.mark.parametrize(
    "blocks",
    [
        {"way": Sure.from_blocks_dict({"warm": WRITES, "cool": WRITES}), "reads": READS},
        {"first": WRITES, "way": MAYBE, "reads": READS},
        {"way": MAYBE, "reads": block({}, y=1)},
        {
            "loop": Iterations.from_blocks_dict({"way": Sure.from_blocks_dict({"warm": WRITES, "cool": WRITES})}),
            "reads": READS,
        },
        {
            "loop": Iterations.from_blocks_dict({"a": WRITES}),
            "way": Way.from_blocks_dict({"warm": WRITES}),
            "reads": READS,
        },
        # A choice that always takes a branch need not say so.
        {"way": Way.from_blocks_dict({"warm": WRITES, "cool": WRITES}), "reads": READS},
        # A branch of another choice may be taken just then.
        {"way": MAYBE, "again": Way.from_blocks_dict({"warm": READS})},
        # It is there before, if a branch reads it.
        {"way": Way.from_blocks_dict({"warm": block({"y": int}, {"y": int}), "cool": OTHER}), "reads": READS},
        {"way": Way.from_blocks_dict({"warm": chain(a=READS, b=WRITES), "cool": OTHER}), "reads": READS},
        {"way": Way.from_blocks_dict({"warm": block({}, {"way": int}), "cool": OTHER}), "reads": block({"way": int})},
    ],
)
def test_what_is_there_in_every_case_or_may_be_is_no_warning(blocks: dict[str, Any]) -> None:
    assert told(**blocks) == []


def test_what_the_caller_gives_is_there() -> None:
    way = MAYBE
    assert told("y", way=way, reads=READS) == []
    assert len(told(way=way, reads=READS)) == 1


def test_readers_in_loops_and_in_a_branch_of_the_same_choice() -> None:
    way = MAYBE
    assert len(told(loop=Iterations.from_blocks_dict({"way": way, "reads": READS}))) == 1
    assert len(told(outer=Way.from_blocks_dict({"warm": chain(way=way, reads=READS)}))) == 1
    # In the first iteration nobody gives it, so the caller must.
    carried = Iterations.from_blocks_dict({"reads": READS, "way": way})
    assert [text for text in chain(loop=carried).check().warnings if "nobody gives it" in text] == []


def test_a_reader_by_properties_is_meant_as_well() -> None:
    way = MAYBE
    assert len(told(way=way, reads=foreign([InputParam("y", int, required=True)]))) == 1


class Maybe(ConditionalPipelineBlocks):
    """Make y where x is one."""

    block_classes = [block({}, {"y": int})]
    block_names = ["make"]
    block_trigger_inputs = ["x"]

    def select_block(self, x: int) -> str | None:
        return "make" if x == 1 else None


def test_the_run_names_the_reader_and_who_would_have_written_it() -> None:
    words = r"^reads needs 'y', which no block has written in this run: maybe.make would write it, and did not run. Pass y=..., or write"
    with pytest.raises(RunError, match=words):
        chain(add=Add, maybe=Maybe, reads=READS).init_pipeline()(x=1)


def test_a_choice_that_is_open_for_some_inputs_only() -> None:
    class Auto(AutoPipelineBlocks):
        block_classes = [block({"t": int}, {"s": int | None}), OTHER]
        block_names = ["given", "rest"]
        block_trigger_inputs = ["t", None]

    class OnS(AutoPipelineBlocks):
        block_classes = [block({"s": int}, {"y": int}), OTHER]
        block_names = ["warm", "cool"]
        block_trigger_inputs = ["s", None]

    report = chain(auto=Auto, on_s=OnS, reads=READS).check()
    in_run = [
        text
        for text in report.warnings
        if "which of the branches of on_s only 'warm' writes; where 'cool' runs" in text
    ]
    assert [report.given[text] for text in in_run] == [("t",)]
