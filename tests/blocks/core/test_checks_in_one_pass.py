"""A check looks at all workflows in one walk, and finds what looking at each of them alone finds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import pytest
from attrs import define, field
from random_choices import composition
from toy_blocks import Iterations, Writes, block, chain

from brickwork import AutoPipelineBlocks, Block, CompositionError, InputError, Outputs, SequentialPipelineBlocks
from brickwork.blocks.core import composition_checks
from brickwork.blocks.core.flattening import OpenChoiceError, WorkflowSearch
from brickwork.blocks.core.workflows import Workflow, made_workflow
from brickwork.engine.nodes import all_nodes
from brickwork.engine.planning.listings import MOST_LISTS
from brickwork.engine.planning.plan_checks import find_faults, find_warnings, late_writes

LISTED = 512


@define
class OneByOne:
    """Every workflow, found by deciding one question after the other, and looked at alone."""

    workflows: dict[tuple[str, ...], Workflow] = field(factory=dict)
    taken: set[str] = field(factory=set)
    faults: set[str] = field(factory=set)
    warnings: set[str] = field(factory=set)

    @classmethod
    def of(cls, blocks: SequentialPipelineBlocks) -> OneByOne:
        found = cls()
        pending: list[dict[str, bool]] = [{}]
        while pending:
            decided = pending.pop(0)
            walk = WorkflowSearch.of(decided)
            try:
                steps = blocks.steps(walk, "")
            except OpenChoiceError as question:
                pending += [{**decided, question.name: False}, {**decided, question.name: True}]
                continue
            except InputError:
                continue
            given = tuple(name for name, is_given in decided.items() if is_given)
            workflow = Workflow("+".join(given) or "default", given, tuple(steps), frozenset(walk.taken))
            found.workflows.setdefault(tuple(step.path for step in all_nodes(steps)), workflow)
            found.taken |= workflow.taken
            found.faults |= set(find_faults(workflow.flow))
            found.warnings |= texts_of(workflow)
        checks = [*composition_checks._component_conflicts(blocks), *composition_checks._branch_conflicts(blocks)]
        for text, certain in checks:
            (found.faults if certain else found.warnings).add(text)
        found.warnings |= set(composition_checks._unreachable(blocks, found.taken))
        found.faults |= set(composition_checks._unknown_triggers(blocks))
        return found


def texts_of(workflow: Workflow) -> set[str]:
    return {*find_warnings(workflow.flow), *(text for text, _ in late_writes(workflow.flow))}


def interface(workflow: Workflow) -> tuple[Any, ...]:
    names = ([param.name for param in params] for params in (workflow.required, workflow.optional, workflow.outputs))
    return workflow.name, workflow.given, *names, workflow.components


def seeds(long: bool) -> Iterable[int]:
    return range(200 if long else 30)


def test_one_walk_finds_what_every_workflow_alone_shows(request: pytest.FixtureRequest) -> None:
    for seed in seeds(request.config.getoption("--long")):
        blocks = composition(seed)
        report, expected = blocks.check(), OneByOne.of(blocks)
        assert set(report.faults) == expected.faults, seed
        assert set(report.warnings) == expected.warnings, seed
        assert report.workflows == len(expected.workflows), seed
        for text, given in report.given.items():
            # The fewest inputs that lead to a finding are of a workflow that has it.
            workflow = made_workflow(blocks, None, given)
            assert not given or text in {*find_faults(workflow.flow), *texts_of(workflow)}, (seed, text)


def test_workflows_keep_their_names_order_and_interfaces(request: pytest.FixtureRequest) -> None:
    for seed in list(seeds(request.config.getoption("--long")))[::2]:
        blocks = composition(seed, choices=5)
        expected = [interface(workflow) for workflow in OneByOne.of(blocks).workflows.values()]
        assert len(expected) <= LISTED
        names = blocks.available_workflows
        assert isinstance(names, list)
        assert [interface(blocks.workflow(name)) for name in names] == expected, seed


READ = block({"x": int})
WRITE_TEXT = block(writes={"x": str})
WRITE = block(writes={"x": int})


def either(trigger: str, given: type[Block], otherwise: type[Block] | None = None) -> type[AutoPipelineBlocks]:
    """A choice by one input."""
    blocks = [given] if otherwise is None else [given, otherwise]
    names = ["given", "otherwise"][: len(blocks)]
    body = {"block_classes": blocks, "block_names": names, "block_trigger_inputs": [trigger, None][: len(blocks)]}
    return type("Either", (AutoPipelineBlocks,), body)


def test_twenty_independent_choices_raise_no_false_alarm() -> None:
    takes = [block({f"t{i}": int}, {f"v{i}": int}) for i in range(20)]
    makes = [block(writes={f"v{i}": int}) for i in range(20)]
    uses = [block({f"v{i}": int}) for i in range(20)]
    choices = {f"c{i}": either(f"t{i}", takes[i], makes[i]) for i in range(20)}
    blocks = chain(**choices, **{f"u{i}": use for i, use in enumerate(uses)})
    report = blocks.check()
    assert (report.faults, report.warnings, report.workflows) == ((), (), 2**20)
    assert repr(report) == "0 faults, 0 warnings in 1048576 workflows"


def rare() -> SequentialPipelineBlocks:
    """The text of the start is only still there at the end where all of twenty inputs are given."""
    idle = [block({f"t{i}": int}) for i in range(20)]
    return chain(start=WRITE_TEXT, **{f"c{i}": either(f"t{i}", idle[i], WRITE) for i in range(20)}, read=READ)


def test_a_fault_of_one_combination_in_a_million_is_found_and_says_which() -> None:
    report = rare().check()
    (fault,) = report.faults
    assert fault.startswith("read needs 'x' as int, and start gives str: str is not int.")
    given = tuple(f"t{i}" for i in range(20))
    assert report.given[fault] == given
    words = f"(Where {' and '.join(given)} are given.)"
    assert words in repr(report)
    with pytest.raises(CompositionError) as caught:
        rare().init_pipeline()
    assert str(caught.value) == f"{fault} {words}"
    assert rare().workflow("+".join(given)).given == given


def test_names_of_many_workflows_are_made_as_they_are_asked_for() -> None:
    names = rare().available_workflows
    assert len(names) == 2**20
    assert list(names[:4]) == ["default", "t19", "t18", "t18+t19"]
    assert (names[1], names[-(2**20)]) == ("t19", "default")
    assert "t3+t7" in names
    assert "t7+t3" not in names
    assert "t3+nothing" not in names
    assert repr(names) == "<1048576 workflows: 'default', 't19', 't18', ...>"
    with pytest.raises(CompositionError, match="There is no workflow 't3-t7'"):
        rare().get_workflow("t3-t7")
    blocks = rare().get_workflow("t3+t7")
    assert list(blocks.sub_blocks)[:3] == ["start", "c0", "c1"]


def test_more_lists_of_steps_than_can_be_told_are_one() -> None:
    hint = block({"x": int | None}, x=None)
    blocks = chain(**{f"c{i}": either(f"t{i}", hint) for i in range(12)}, make=WRITE)
    (warning,) = blocks.check().warnings
    assert MOST_LISTS < 2**12
    early = ", ".join(f"c{i}.given" for i in range(12))
    assert warning == (
        f"make writes 'x' after {early} read it, and no later block reads what it writes. Move it before c0.given, or leave it out. "
        "Which of them it is hangs on the inputs."
    )
    assert len(chain(**{f"c{i}": either(f"t{i}", hint) for i in range(3)}, make=WRITE).check().warnings) == 7


def test_what_is_written_undeclared_in_a_loop_over_a_value_and_never_read_is_no_error_of_the_check() -> None:
    assert chain(make=WRITE, loop=Iterations.from_blocks_dict({"a": Writes})).check().faults == ()


class Counted(SequentialPipelineBlocks):
    """Counts how often steps are made of it."""

    walks: ClassVar[list[str]] = []

    def steps(self, flattening: Any, path: str) -> Any:
        self.walks.append(path)
        return super().steps(flattening, path)


class Scaled(Block):
    by: int = 1
    sizes: tuple[Any, ...] = ()

    class Out(Outputs):
        x: int

    def run(self, x: int) -> Out: ...


MAYBE = either("t", Scaled)


def counted(**options: Any) -> SequentialPipelineBlocks:
    return Counted.from_blocks_dict({"one": Scaled(**options), "two": MAYBE})


def walks_of(blocks: SequentialPipelineBlocks) -> int:
    before = len(Counted.walks)
    blocks.check()
    return len(Counted.walks) - before


def test_what_was_checked_is_not_walked_again() -> None:
    assert walks_of(counted()) == 1
    assert walks_of(counted()) == 0
    before = len(Counted.walks)
    counted().init_pipeline()
    assert len(Counted.walks) == before
    assert counted().check() is counted().check()


def test_an_edit_and_another_option_are_walked() -> None:
    blocks = counted(by=2)
    assert walks_of(blocks) == 1
    blocks.insert("three", WRITE_TEXT, 0)
    assert walks_of(blocks) == 1
    assert len(blocks.check().faults) == 1
    blocks.pop("three")
    assert walks_of(blocks) == 0
    assert blocks.check().faults == ()
    assert walks_of(counted(by=3)) == 1
    assert walks_of(counted(by=2, sizes=(1,))) == 1
    assert walks_of(counted(by=2, sizes=(True,))) == 1
    assert walks_of(counted(by=2, sizes=(1,))) == 0


def test_a_choice_that_was_given_another_trigger_is_walked() -> None:
    blocks = Counted.from_blocks_dict({"two": either("t", Scaled)})
    assert walks_of(blocks) == 1
    type(blocks["two"]).block_trigger_inputs = ["other"]  # type: ignore[attr-defined]  # it is a choice
    assert walks_of(blocks) == 1
    assert blocks.available_workflows == ["default", "other"]


def test_what_lies_on_a_block_and_is_no_plain_data_is_looked_at_anew() -> None:
    blocks = counted(by=5)
    blocks.note = object()  # type: ignore[attr-defined]  # that is the test
    assert walks_of(blocks) == 1
    assert walks_of(blocks) == 1


def test_only_so_many_reports_are_kept() -> None:
    for number in range(composition_checks._MOST_KNOWN + 1):
        assert walks_of(counted(by=100 + number)) == 1
    assert len(composition_checks._KNOWN) == composition_checks._MOST_KNOWN
    assert walks_of(counted(by=100)) == 1


def test_what_a_branch_requires_is_asked_for_next_to_its_trigger() -> None:
    # In the order of the questions the conditions would have a million nodes: all triggers first, and then what each requires.
    plain = {f"p{i}": either(f"m{i}", Scaled, Scaled) for i in range(20)}
    strict = {f"s{i}": either(f"m{i}", Scaled, Scaled) for i in range(20)}
    for number, made in enumerate(strict.values()):
        made.block_requires = {"given": [f"i{number}"]}
    report = chain(**plain, **strict).check()
    assert (report.faults, report.warnings) == ((), ())
    # What a choice requires leaves fewer of them, which are not all counted.
    assert "in more than" in repr(report)
