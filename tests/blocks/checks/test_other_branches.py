"""A value that some branches of a choice by inputs write, and others do not, is told by the check and by the call that lacks it."""

from __future__ import annotations

from typing import Any

import pytest
from toy_blocks import Add, Iterations, auto, block, chain

from brickwork import InputError, Scope, SequentialPipelineBlocks

HOT = block({"hot": int}, {"y": int})
COLD = block({"cold": int}, {"y": int})
OTHER = block({}, {"z": int})
READS = block({"y": int})


SWITCH = auto("hot", None, warm=HOT, cool=OTHER)


def told(**blocks: Any) -> tuple[str, ...]:
    report = chain(**blocks).check()
    assert report.faults == ()
    return report.warnings


def missing(blocks: SequentialPipelineBlocks, *given: str) -> str:
    with pytest.raises(InputError) as caught:
        blocks.plan(given)
    return str(caught.value)


def test_the_check_says_who_needs_it_which_branch_writes_it_and_which_does_not() -> None:
    assert told(switch=SWITCH, reads=READS) == (
        (
            "reads needs 'y' (int), which of the branches of switch only 'warm' ('hot' is given) writes; where 'cool' ('hot' is not given) "
            "runs, nobody gives it. Let switch.cool write 'y', too, or pass y=... there."
        ),
    )


def test_several_readers_writers_and_others_are_one_warning_each_choice() -> None:
    switch = auto("hot", "cold", "z", None, warm=HOT, cool=COLD, last=block({"z": int}), none=OTHER)
    (warning,) = told(switch=switch, reads=READS, again=READS)
    assert warning == (
        "reads needs 'y' (int) (and so do again), which of the branches of switch only 'warm' ('hot' is given) and 'cool' ('cold' is "
        "given) write; where 'last' ('z' is given) or 'none' ('hot' and 'cold' and 'z' are not given) runs, nobody gives it. Let "
        "switch.last and switch.none write 'y', too, or pass y=... there."
    )


def test_the_inputs_that_lead_there_are_in_the_report() -> None:
    blocks = chain(switch=auto("hot", "cold", warm=HOT, ice=block({"cold": int})), reads=READS)
    report = blocks.check()
    assert report.given[report.warnings[0]] == ("cold",)


@pytest.mark.parametrize(
    "blocks",
    [
        {"switch": auto("hot", None, warm=HOT, cool=block({}, {"y": int})), "reads": READS},
        {
            "first": block({}, {"y": int}),
            "switch": auto("hot", None, warm=block({"y": int}, {"y": int}), cool=OTHER),
            "reads": READS,
        },
        {"switch": SWITCH, "reads": block({}, y=1)},
        {"switch": SWITCH, "reads": auto("hot", None, reads=block({"hot": int, "y": int}), rest=OTHER)},
        # The caller gives it in any case, and a branch changes it.
        {"switch": auto("hot", None, warm=block({"hot": int, "y": int}, {"y": int}), cool=OTHER), "reads": READS},
        {"early": READS, "switch": SWITCH, "reads": READS},
        # Who gives one result of a branch gives the others with it.
        {
            "switch": auto("y", None, given=READS, make=block({}, {"y": int, "z": int})),
            "reads": block({"z": int}),
        },
        # The trigger and the value are two ways to give one thing.
        {"switch": auto("hot", warm=HOT), "reads": READS},
        {"switch": SWITCH, "reads": auto("y", None, reads=READS, rest=block({}))},
    ],
)
def test_what_is_meant_so_is_no_warning(blocks: dict[str, Any]) -> None:
    assert [text for text in told(**blocks) if "nobody gives it" in text] == []


def test_choices_in_choices_and_loops() -> None:
    deep = auto("go", None, inside=chain(one=SWITCH, add=block({"go": int})), rest=block({}, {"y": int}))
    (warning,) = told(outer=deep, reads=READS)
    assert (
        "which of the branches of outer only 'inside' ('go' is given) and 'rest' ('go' is not given) write" in warning
    )
    assert "where 'inside' ('go' is given) runs, nobody gives it" in warning
    looped = Iterations.from_blocks_dict({"switch": SWITCH, "reads": READS})
    assert told(loop=looped)[0].startswith(
        "loop.reads needs 'y' (int), which of the branches of loop.switch only 'warm'"
    )


def test_a_call_that_lacks_it_names_the_branch_and_what_leads_there() -> None:
    blocks = chain(switch=SWITCH, reads=READS)
    assert missing(blocks) == (
        "reads needs 'y' (int); it was not given, and no earlier block gives it. switch.warm writes it, which runs where 'hot' is given. "
        "Pass hot=..., or let the branch that runs write 'y', too. Or pass y=..."
    )
    blocks.plan(["hot"])
    blocks.plan(["y"])


def test_of_two_branches_that_would_write_it_both_are_named() -> None:
    text = missing(chain(switch=auto("hot", "cold", None, warm=HOT, ice=COLD, rest=OTHER), reads=READS))
    assert (
        "switch.warm writes it, which runs where 'hot' is given; switch.ice writes it, which runs where 'cold' is given."
        in text
    )
    assert "Pass hot=... or cold=..." in text


def test_a_default_that_would_write_it_has_nothing_to_pass() -> None:
    text = missing(chain(switch=auto("z", None, other=block({"z": int}), rest=block({}, {"y": int})), reads=READS), "z")
    assert text.endswith("switch.rest writes it, which runs where 'z' is not given. Or pass y=...")


def test_a_choice_behind_the_reader_or_in_a_branch_that_does_not_run_is_not_named() -> None:
    assert "switch" not in missing(chain(reads=READS, switch=SWITCH, add=Add), "x")
    around = auto("hot", None, warm=HOT, cool=READS)
    assert "switch" not in missing(chain(switch=around)).partition("needs")[2]
    hidden = auto("go", None, inside=SWITCH, rest=block({}))
    assert missing(chain(outer=hidden, reads=READS)).count("writes it") == 1
    assert "outer.inside writes it, which runs where 'go' is given" in missing(chain(outer=hidden, reads=READS))


def test_what_stands_where_no_branch_replaces_it_is_no_work_for_nothing() -> None:
    first = block({}, {"y": int})
    assert told(first=first, switch=auto("hot", warm=HOT), reads=READS) == ()
    assert told(first=first, switch=auto("hot", warm=HOT)) == ()
    (warning,) = told(first=first, switch=auto("hot", None, warm=HOT, cool=block({}, {"y": int})), reads=READS)
    assert warning.startswith("first writes 'y', which nobody reads before it is written again.")


def _scoped(*triggers: str | None, **blocks: Any) -> Scope:
    return Scope.from_blocks_dict({"switch": auto(*triggers, **blocks)}, inputs={"hot": "heat"}, outputs={"y": "level"})


def test_of_a_scope_whose_branch_did_not_run_it_is_said_so_and_not_that_it_comes_later() -> None:
    blocks = chain(s=_scoped("hot", warm=HOT), reads=block({"level": int}))
    assert missing(blocks) == (
        "reads needs 'level' (int); it was not given, and no earlier block gives it. s.switch.warm writes it (as 'y'), which runs where "
        "'hot' is given (In s 'hot' is 'heat'.). Pass heat=..., or let the branch that runs write 'y', too. Or pass level=..."
    )
    assert blocks.check().warnings == ()


def test_the_check_names_what_the_other_branch_of_a_scope_would_have_to_write() -> None:
    (warning,) = told(s=_scoped("hot", None, warm=HOT, cool=OTHER), reads=block({"level": int}))
    assert warning == (
        "reads needs 'level' (int), which of the branches of s.switch only 'warm' ('hot' is given) writes; where 'cool' ('hot' is not "
        "given) runs, nobody gives it. Let s.switch.cool write 'y', too, or pass level=... there."
    )


def test_what_a_scope_lets_out_behind_its_reader_is_still_said_to_come_later() -> None:
    blocks = chain(reads=block({"level": int}), s=_scoped("hot", warm=HOT))
    assert "s/outputs writes it, but only later: move that before reads" in missing(blocks, "heat")


def test_a_reader_within_the_scope_says_that_the_branch_does_not_run() -> None:
    inside = Scope.from_blocks_dict(
        {"switch": auto("hot", warm=HOT), "reads": block({"y": int}, {"z": int})}, outputs={"z": "z"}
    )
    (fault,) = chain(s=inside).check().faults
    assert fault == (
        "s.reads needs 'y' (int), and where s.switch.warm does not run, no block of the scope s gives it. Write it in every branch, or let "
        "it in under its name outside: inputs={'y': ...}."
    )
