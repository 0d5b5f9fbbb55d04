"""A branch that no call can lead to is a warning, with what always chooses another, and what to do."""

from __future__ import annotations

from typing import Any

import pytest
from toy_blocks import Iterations, Way, auto, block, chain, foreign

from brickwork import InputParam, OutputParam

HOT = block({"hot": int}, {"y": int})
COOL = block({}, {"y": int})
GIVES = block({"seed": int}, {"hot": int})
READS = block({"hot": int})


SWITCH = auto("hot", None, warm=HOT, cool=COOL)


def told(**blocks: Any) -> list[str]:
    report = chain(**blocks).check()
    assert report.faults == ()
    return [text for text in report.warnings if "branch" in text]


def test_what_another_block_needs_in_every_case_leaves_no_other_branch() -> None:
    (warning,) = told(reads=READS, switch=SWITCH)
    assert warning == (
        "switch: the branch 'cool' can never run: it is for calls without 'hot', and reads needs 'hot' in each of them. Remove the "
        "branch, or give reads a default for 'hot'."
    )
    assert told(switch=SWITCH, reads=READS) == [warning]


@pytest.mark.parametrize(
    "reads",
    [
        block({"hot": int | None}),  # None is absent to the choice, and is what the block takes
        foreign([InputParam("hot", required=True)]),  # whose types nobody knows
        block({}, hot=1),
        auto("other", None, reads=block({"other": int, "hot": int}), rest=block({})),  # not in every case
        block({"seed": int}),
    ],
)
def test_what_can_be_left_out_leaves_all_branches(reads: Any) -> None:
    assert told(reads=reads, switch=SWITCH) == []


def test_of_branches_behind_a_dead_one_nothing_is_said() -> None:
    inner = auto("cold", "cold", one=block({"cold": int}), two=block({"cold": int}))
    (warning,) = told(reads=READS, switch=auto("hot", None, warm=HOT, cool=inner))
    assert warning.startswith("switch: the branch 'cool' can never run: it is for calls")


def test_what_a_block_before_always_writes_leaves_no_other_branch() -> None:
    (warning,) = told(gives=GIVES, switch=SWITCH)
    assert warning == (
        "switch: the branch 'cool' can never run: gives always writes 'hot' before, which selects 'warm'. Remove the branch, or give the "
        "choice another trigger than 'hot'."
    )


@pytest.mark.parametrize(
    "gives",
    [
        block({"seed": int}, {"hot": int | None}),
        foreign([InputParam("seed")], [OutputParam("hot", int)]),  # a hint that is not looked at in the run
        Way.from_blocks_dict({"b0": GIVES}),  # perhaps
        auto("seed", None, gives=GIVES, rest=block({})),  # where seed is given
        block({"seed": int}, {"cold": int}),
    ],
)
def test_what_is_perhaps_written_leaves_all_branches(gives: Any) -> None:
    assert told(gives=gives, switch=SWITCH) == []


def test_what_only_a_loop_writes_leaves_the_case_without_an_iteration() -> None:
    (warning,) = told(loop=Iterations.from_blocks_dict({"gives": GIVES}), switch=SWITCH)
    assert warning.startswith(
        "switch: the branch 'cool' only runs where a loop takes no iteration: else loop.gives has written 'hot', which selects 'warm'."
    )


def test_what_an_iteration_leaves_for_the_next_is_no_finding() -> None:
    assert told(loop=Iterations.from_blocks_dict({"switch": SWITCH, "gives": GIVES})) == []


def test_only_branches_behind_the_written_trigger_are_meant() -> None:
    switch = auto("cold", "hot", None, ice=block({"cold": int}, {"y": int}), warm=HOT, cool=COOL)
    (warning,) = told(gives=GIVES, switch=switch)
    assert warning.startswith("switch: the branch 'cool' can never run")
