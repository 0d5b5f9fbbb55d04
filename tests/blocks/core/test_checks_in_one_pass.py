"""A check looks at all workflows in one walk, and finds what looking at each of them alone finds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, ClassVar

import pytest
from attrs import define, field
from random_choices import composition
from toy_blocks import Iterations, Writes, block, chain

from brickwork import (
    AutoPipelineBlocks,
    Block,
    CompositionError,
    ConditionalPipelineBlocks,
    InputError,
    InputParam,
    ModularPipelineBlocks,
    Outputs,
    SequentialPipelineBlocks,
)
from brickwork.blocks.checks import choice_checks, composition_checks, other_branches
from brickwork.blocks.checks.shared_settings import group_warnings
from brickwork.blocks.core.conditional_flattening import AllWorkflows
from brickwork.blocks.core.flattening import OpenChoiceError, WorkflowSearch, walk
from brickwork.blocks.core.interface import odd_defaults
from brickwork.blocks.core.workflows import Workflow, made_workflow
from brickwork.engine.nodes import all_nodes
from brickwork.engine.planning.dataflow import trace
from brickwork.engine.planning.flow import Dataflow, Version
from brickwork.engine.planning.listings import MOST_LISTS
from brickwork.engine.planning.plan_checks import find_faults, find_warnings, late_writes

LISTED = 512


@define
class OneByOne:
    """Every workflow, found by deciding one question after the other, and looked at alone."""

    workflows: dict[tuple[str, ...], Workflow] = field(factory=dict)
    each: list[tuple[dict[str, bool], Workflow]] = field(factory=list)
    faults: set[str] = field(factory=set)
    warnings: set[str] = field(factory=set)
    of_use: set[str] = field(factory=set)

    @classmethod
    def of(cls, blocks: SequentialPipelineBlocks) -> OneByOne:
        found = cls()
        pending: list[dict[str, bool]] = [{}]
        while pending:
            decided = pending.pop(0)
            search = WorkflowSearch.of(decided)
            try:
                steps = blocks.steps(search, "")
            except OpenChoiceError as question:
                pending += [{**decided, question.name: False}, {**decided, question.name: True}]
                continue
            except InputError:
                continue
            given = tuple(name for name, is_given in decided.items() if is_given)
            workflow = Workflow("+".join(given) or "default", given, tuple(steps), frozenset(search.taken))
            found.workflows.setdefault(tuple(step.path for step in all_nodes(steps)), workflow)
            found.each.append((decided, workflow))
            found.of_use |= {text_of_dead(v) for v in workflow.flow.versions} - set(find_warnings(workflow.flow))
            found.faults |= set(find_faults(workflow.flow))
            found.warnings |= texts_of(workflow)
        parts = list(walk(blocks))
        every = AllWorkflows.of(blocks)
        # Types of branches are compared with all who read them, in any workflow.
        flow = trace(every.steps, (), every.possible)
        conflicts = [
            *composition_checks.component_conflicts(blocks, parts),
            *composition_checks._branch_conflicts(parts, flow),
        ]
        for text, certain in conflicts:
            (found.faults if certain else found.warnings).add(text)
        found.warnings -= found.of_use  # what is replaced in one workflow may be what another works with
        for text, certain in choice_checks.unknown_names(parts):
            (found.faults if certain else found.warnings).add(text)
        listed = ((path, block) for path, block in parts if block.has_lists)
        found.warnings |= {text for path, block in listed for text in odd_defaults(path, block)}
        found.warnings |= set(group_warnings(parts))
        return found

    def dead_branches(self, blocks: SequentialPipelineBlocks) -> set[tuple[str, str, str]]:
        """Choices with the branches that no call leads to, and why."""
        found: set[tuple[str, str, str]] = set()
        dead: list[str] = []
        every = {branch for _, workflow in self.each for branch in workflow.taken}
        for path, choice in walk(blocks):
            if not isinstance(choice, AutoPipelineBlocks) or stands_aside(blocks, path, every, dead):
                continue
            for number, name in enumerate(choice.sub_blocks):
                branch = f"{path}.{name}"
                before = [trigger for trigger in choice.block_trigger_inputs[:number] if trigger]
                ways = [
                    self.way(decided, flow.flow, path, before) for decided, flow in self.each if branch in flow.taken
                ]
                why = reason({way for way in ways if way != "refused"}) if ways else "ruled out"
                if ways and set(ways) == {"refused"}:
                    why = "refused"
                if why:
                    found.add((path, name, why))
                    dead.append(branch)
        return found

    def way(self, decided: dict[str, bool], flow: Dataflow, path: str, before: list[str]) -> str:
        """How a workflow speaks against a branch that it takes: by what it lacks, or by what was written before."""
        for name, missing in flow.missing.items():
            if decided.get(name) is False and any(p.type_hint is not None for p in missing.params.values()):
                return "refused"
        reads = [read.sources for trigger in before for read in flow.reads_at(path, trigger)]
        sure = [sources for sources in reads if all(v.typed and v.declared for v in sources.versions)]
        return "always" if any(s.certain for s in sure) else "mostly" if any(s.settled for s in sure) else ""

    def branch_values(self, blocks: SequentialPipelineBlocks) -> set[tuple[Any, ...]]:
        """Values that branches of one choice write in some workflows, and that are missing in others."""
        writers: dict[tuple[str, str], set[str]] = defaultdict(set)
        absent: dict[tuple[str, str], set[str]] = defaultdict(set)
        for decided, workflow in self.each:
            flow = workflow.flow
            for read in flow.reads:
                key = str(read.param.name), read.path
                if not decided.get(key[0]) and key[0] not in flow.missing:
                    writers[key] |= {v.writer for v in read.sources.versions if v.declared}
            for name, missing in flow.missing.items():
                for path in missing.when if not decided.get(name) else ():
                    absent[name, path] |= workflow.taken
        found: dict[tuple[str, str], list[set[str]]] = {}
        for (name, path), taken in absent.items():
            for writer in writers[name, path]:
                choice, branch = other_branches._choice_between(blocks, writer, path) or ("", "")
                lacking = {each.rpartition(".")[2] for each in taken if choice and each.rpartition(".")[0] == choice}
                here: Any = choice and blocks[choice]
                results = {output.name for output in here.sub_blocks[branch].intermediate_outputs} if here else set()
                lacking -= {each for each in lacking if other_branches.trigger_of(here, each) in results}
                if lacking:
                    for part, more in zip(
                        found.setdefault((name, choice), [set(), set(), set()]),
                        ({path}, {branch}, lacking),
                        strict=True,
                    ):
                        part.update(more)
        return {(*key, *map(frozenset, parts)) for key, parts in found.items()}


def text_of_dead(version: Version) -> str:
    return (
        f"{version.writer} writes {version.name!r}, which nobody reads before it is written again. "
        "Is a block missing in between, or in the wrong place?"
    )


def stands_aside(blocks: Any, path: str, taken: set[str], dead: list[str]) -> bool:
    here, done = blocks, ""
    for name in path.split("."):
        done = f"{done}.{name}" if done else name
        is_choice = isinstance(here, ConditionalPipelineBlocks)
        if getattr(here, "is_hand_written", False) or done in dead or (is_choice and done not in taken):
            return True
        here = here.sub_blocks[name]
    return False


def reason(ways: set[str]) -> str:
    """What workflows that are not refused have in common."""
    return "" if not ways or "" in ways else "mostly" if "mostly" in ways else "always"


WORDS = {
    "ruled out": "or an outer choice rules it out",
    "refused": "it is for calls without",
    "always": "always writes",
    "mostly": "where a loop takes no iteration",
}


def told_as_dead(text: str) -> tuple[str, str, str] | None:
    where, is_branch, rest = text.partition(": the branch ")
    why = [name for name, words in WORDS.items() if words in rest]
    return (where, rest.split("'")[1], why[0]) if is_branch and why else None


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
        every = AllWorkflows.of(blocks)
        values = other_branches.branch_values(blocks, every, trace(every.steps, (), every.possible))
        lone = {text for text, _ in other_branches.told(blocks, values)}
        assert set(report.warnings) >= lone
        parts = {(v.name, v.choice, frozenset(v.readers), frozenset(v.writing), frozenset(v.lacking)) for v in values}
        assert parts == expected.branch_values(blocks), seed
        dead = {text: found for text in report.warnings if (found := told_as_dead(text))}
        assert set(dead.values()) == expected.dead_branches(blocks), seed
        assert set(report.warnings) - lone - dead.keys() == expected.warnings, seed
        assert report.workflows == len(expected.workflows), seed
        for text, given in report.given.items():
            # The fewest inputs that lead to a finding are of a workflow that has it.
            workflow = made_workflow(blocks, None, given)
            assert not given or text in lone or text in {*find_faults(workflow.flow), *texts_of(workflow)}, (seed, text)


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
    hints = {f"c{i}": either(f"t{i}", block({"x": int | None, f"t{i}": int}, x=None)) for i in range(12)}
    blocks = chain(**hints, make=WRITE)
    (warning,) = blocks.check().warnings
    assert MOST_LISTS < 2**12
    early = ", ".join(f"c{i}.given" for i in range(12))
    assert warning == (
        f"make writes 'x' after {early} read it, and no later block reads what it writes. Move it before c11.given, or leave it out. "
        "Which of them it is hangs on the inputs."
    )
    assert len(chain(**{f"c{i}": hints[f"c{i}"] for i in range(3)}, make=WRITE).check().warnings) == 7


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


def test_what_a_caller_gives_in_place_of_a_branch_is_planned_once() -> None:
    switch = either("hot", block({"hot": int}, {"y": int}))
    pipe = Counted.from_blocks_dict({"switch": switch, "reads": block({"y": int})}).init_pipeline()
    before = len(Counted.walks)
    pipe.plan({"y": 1})
    assert len(Counted.walks) - before == 1


class Asked(ModularPipelineBlocks):
    """Counts how often it is asked what it reads."""

    asks: ClassVar[list[str]] = []

    @property
    def inputs(self) -> list[InputParam]:
        self.asks.append("inputs")
        return [InputParam("x")]


@pytest.mark.parametrize("levels", [1, 8])
def test_a_choice_in_choices_is_asked_once_what_it_reads(levels: int) -> None:
    nested: Any = Asked
    for level in range(levels):
        nested = either(f"t{level}", nested)
    blocks = nested()
    before = len(Asked.asks)
    assert blocks.input_names == ["x", *(f"t{level}" for level in range(levels))]
    assert len(Asked.asks) - before == 1


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
    assert report.faults == ()
    assert len([text for text in report.warnings if "which no block reads" not in text]) == 0
    # What a choice requires leaves fewer of them, which are not all counted.
    assert "in more than" in repr(report)
