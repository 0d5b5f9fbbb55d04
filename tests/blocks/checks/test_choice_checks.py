"""A choice that cannot choose, and names in it that nobody knows, are found by the check, and said with what to write."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from toy_blocks import Add, Double, Iterations, Start, block, chain

from brickwork import (
    AutoPipelineBlocks,
    CompositionError,
    ConditionalPipelineBlocks,
    DeclarationError,
    InputError,
    RunError,
    SequentialPipelineBlocks,
)

HOT = block({"hot": int}, {"y": int})
COOL = block({}, {"y": int})
NAMES = ["warm", "cool"]


def auto(*triggers: Any, **fields: Any) -> Any:
    """A choice by inputs of two blocks; `warm` reads hot."""
    body = {
        "block_classes": [HOT, COOL],
        "block_names": NAMES,
        "block_trigger_inputs": [*triggers],
        "__module__": __name__,
    }
    return type("Switch", (AutoPipelineBlocks,), {**body, **fields})


def pick(*triggers: Any, **fields: Any) -> Any:
    """A choice by values of two blocks."""
    body = {
        "block_classes": [Add, Double],
        "block_names": NAMES,
        "block_trigger_inputs": [*triggers],
        "__module__": __name__,
    }
    return type("Pick", (ConditionalPipelineBlocks,), {**body, **fields})


def faults(**blocks: Any) -> tuple[str, ...]:
    return chain(**blocks).check().faults


def by_x(self: Any, x: int) -> str | None:
    return "warm" if x else None


def test_a_choice_without_select_block_says_what_to_define() -> None:
    (fault,) = faults(pick=pick("x"))
    assert fault == (
        "pick: Pick has no select_block, so nothing says which of its blocks runs. Define select_block(self, x), which returns the "
        "name of one: 'warm', 'cool'; or derive it from AutoPipelineBlocks to choose by which inputs are given."
    )


def test_a_select_block_of_a_base_or_of_the_object_is_one() -> None:
    base = pick("x", select_block=by_x)
    assert faults(pick=type("Derived", (base,), {})) == ()
    single = pick("x")()
    single.select_block = lambda x: "warm"
    assert faults(pick=single) == ()


def test_a_default_that_is_no_branch_names_the_nearest() -> None:
    (fault,) = faults(pick=pick("x", select_block=by_x, default_block_name="wram"))
    assert fault == "pick: default_block_name is 'wram', which is no branch of it. Did you mean 'warm'?"
    assert faults(pick=pick("x", select_block=by_x, default_block_name="warm")) == ()


def test_a_choice_by_inputs_has_its_default_among_the_triggers() -> None:
    assert faults(switch=auto("hot", None, default_block_name="cool")) == ()  # as diffusers' own choices say of theirs
    (fault,) = faults(switch=auto("hot", None, default_block_name="warm"))
    assert fault.startswith(
        "switch: default_block_name is 'warm', which a choice by inputs does not look at. Give the default the"
    )


def test_what_select_block_takes_and_the_triggers_must_be_the_same() -> None:
    def by_heat(self: Any, heat: int) -> str: ...

    not_taken, not_given = faults(pick=pick("x", select_block=by_heat))
    assert (
        "block_trigger_inputs lists 'x', which select_block does not take by that name. Write select_block(self, heat, x)"
        in not_taken
    )
    assert "select_block takes 'heat', which is not in block_trigger_inputs" in not_given
    assert "Write block_trigger_inputs = ['x', 'heat']" in not_given


def test_a_select_block_that_takes_all_and_one_with_a_setting_of_its_own_are_right() -> None:
    def by_any(self: Any, **values: Any) -> str: ...

    def by_setting(self: Any, x: int, above: int = 3) -> str: ...

    def by_position(self: Any, x: int, /) -> str: ...

    assert faults(pick=pick("x", "y", select_block=by_any)) == ()
    assert faults(pick=pick("x", select_block=by_setting)) == ()
    assert "does not take by that name" in faults(pick=pick("x", select_block=by_position))[0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"block_trigger_inputs": [["hot"], None]}, "holds ['hot'] (list); a trigger is the name of one input"),
        ({"block_trigger_inputs": [1, None]}, "holds 1 (int)"),
        ({"block_trigger_inputs": "xy"}, "is 'xy'; write a list of names of inputs"),
        ({"block_trigger_inputs": b"xy"}, "is b'xy'; write a list of names of inputs"),
        ({"block_requires": {"warm": "cold"}}, "has 'cold' (str) for 'warm'; write the list ['cold']"),
        ({"block_requires": {"warm": 3}}, "has 3 (int) for 'warm'; write a list of names of inputs"),
        ({"block_requires": {"warm": ["hot", 3]}}, "has 3 (int) for 'warm'; write a list"),
        ({"block_requires": ["cold"]}, "is ['cold']; write a dict"),
        ({"default_block_name": Add}, "write the name of one of its blocks: 'warm', 'cool'"),
    ],
)
def test_what_is_no_list_of_names_is_refused_when_the_class_is_made(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        auto("hot", None, **fields)
    assert str(caught.value).startswith("Switch.")
    assert words in str(caught.value)


def test_what_select_block_needs_is_asked_for_before_the_run() -> None:
    blocks = chain(pick=pick("heat", select_block=lambda self, heat: "warm"))
    assert blocks.init_pipeline()(x=1, output="x") == 2  # without a type, None says that it is absent

    def typed(self: Any, heat: int) -> str: ...

    with pytest.raises(InputError, match=r"pick needs 'heat' \(int\); it was not given"):
        chain(pick=pick("heat", select_block=typed)).plan(["x"])

    def optional(self: Any, heat: int | None) -> str: ...

    chain(pick=pick("heat", select_block=optional)).plan(["x"])


def test_what_select_block_needs_has_a_type() -> None:
    def by_text(self: Any, x: str) -> str: ...

    (fault, *_) = faults(first=Start, pick=pick("x", select_block=by_text))
    assert fault.startswith("pick needs 'x' as str, and first gives int: int is not str.")


def test_what_is_missing_for_select_block_in_a_branch_is_said_in_the_run() -> None:
    def inner(self: Any, heat: int) -> str: ...

    def outer(self: Any, x: int) -> str:
        return "warm"

    nested = pick("x", select_block=outer, block_classes=[pick("heat", select_block=inner), Add])
    with pytest.raises(
        RunError, match=r"^pick.warm: select_block needs 'heat' \(int\), which nobody gives in this run. Pass heat=..."
    ):
        chain(pick=nested).init_pipeline()(x=1)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (["warm"], r"chose \['warm'\] \(list\); the branches are warm, cool. Return the name of one of them, or None."),
        (1, r"chose 1 \(int\)"),
        ("wram", "chose 'wram'; the branches are warm, cool. Did you mean 'warm'?"),
        ("ice", "chose 'ice'; the branches are warm, cool. Return the name"),
    ],
)
def test_what_select_block_gives_must_be_a_branch(chosen: object, words: str) -> None:
    with pytest.raises(RunError, match=words):
        chain(pick=pick("x", select_block=lambda self, x: chosen)).init_pipeline()(x=1)


def test_a_trigger_that_nobody_reads_is_a_warning_with_what_the_branch_reads() -> None:
    (warning,) = chain(switch=auto("heat", None)).check().warnings
    assert warning == (
        "switch: the branch 'warm' hangs on 'heat', which no block reads, so a call that gives it gives it to nobody. The branch reads "
        "'hot': name one of these in block_trigger_inputs, or let a block of the branch take 'heat'."
    )
    assert chain(switch=auto("hot", None)).check().warnings == ()


def test_a_well_known_trigger_that_nobody_reads_is_no_misspelling_and_one_that_is_like_it_is() -> None:
    """A choice of one step alone, which stands for what a block beside it does with the image."""
    masked = block({"masked_image_latents": int})
    report = chain(switch=auto("mask_image", None, block_classes=[masked, COOL])).check()
    assert report.faults == ()
    assert "hangs on 'mask_image', which no block reads, so a call" in report.warnings[0]
    (fault,) = faults(switch=auto("masked_image", None, block_classes=[masked, COOL]))
    assert fault.endswith(
        "hangs on 'masked_image', which no block reads or writes. Did you mean 'masked_image_latents'?"
    )


def test_a_trigger_that_only_its_branch_writes_is_a_warning_and_one_of_another_block_is_none() -> None:
    switch = auto("y", None, block_classes=[HOT, block({}, {"z": int})])
    (warning,) = chain(switch=switch).check().warnings
    assert "which no block reads and only switch.warm in that branch writes" in warning
    before = block({"seed": int}, {"heat": int | None})
    assert chain(before=before, switch=auto("heat", None)).check().warnings == ()


def test_a_trigger_of_a_branch_that_reads_nothing() -> None:
    switch = auto("heat", None, block_classes=[COOL, COOL])
    (warning,) = chain(switch=switch).check().warnings
    assert "Name an input of the branch in block_trigger_inputs" in warning


class Lasting(Iterations):
    """A loop with an input of its own."""

    def iterate(self, times: int = 2) -> Any: ...


def test_what_a_loop_or_a_choice_by_values_reads_is_no_unknown_trigger() -> None:
    loop = Lasting.from_blocks_dict({"cool": COOL})
    report = chain(switch=auto("times", None, block_classes=[loop, COOL])).check()
    assert (report.faults, report.warnings) == ((), ())
    inner = pick("mode", select_block=lambda self, mode: "warm")
    assert chain(switch=auto("mode", None, block_classes=[inner, Add])).check().warnings == ()


def test_requirements_that_nobody_knows() -> None:
    assert faults(switch=auto("hot", None, block_requires={"wram": ["hot"]})) == (
        "switch: block_requires names 'wram', which is no branch of it. Did you mean 'warm'?",
    )
    (fault,) = faults(switch=auto("hot", None, block_requires={"warm": ["hto"]}))
    assert fault == "switch: the branch 'warm' hangs on 'hto', which no block reads or writes. Did you mean 'hot'?"
    (fault,) = faults(switch=auto("hot", None, block_requires={"warm": ["colder"]}), other=block({"cold": int}))
    assert fault.endswith("hangs on 'colder', which no block reads or writes. Did you mean 'cold'?")
    # Without a near name the call says what is needed.
    assert faults(switch=auto("hot", None, block_requires={"warm": ["zzz"]})) == ()


def test_a_requirement_that_is_a_trigger_elsewhere_is_known() -> None:
    blocks = chain(switch=auto("hot", None, block_requires={"warm": ["go"]}), other=auto("go", None))
    assert blocks.check().faults == ()


class Flow(SequentialPipelineBlocks):
    """Workflows of its own."""

    block_classes: ClassVar[Any] = [auto("hot", None)]
    block_names: ClassVar[Any] = ["switch"]


def test_a_workflow_that_an_unknown_input_leads_to() -> None:
    blocks = Flow()
    blocks.workflow_map = {"warm": ("hot",), "cool": ()}
    assert blocks.check().faults == ()
    blocks.workflow_map = {"warm": ("hto",), "cool": ()}
    assert blocks.check().faults == (
        "Flow: workflow_map says 'hto' leads to 'warm', which is no input of it. Did you mean 'hot'?",
    )
    blocks.workflow_map = {"warm": ("zzz",)}
    report = blocks.check()
    assert report.faults == ()
    assert report.warnings[0].endswith("is no input of it. Leave it out, or write 'warm': () for what runs without it.")


def test_a_workflow_whose_block_was_taken_out_is_warned_of() -> None:
    other = auto("garden", None, block_classes=[block({"garden": int}, {"y": int}), COOL])
    kind: Any = type(
        "Two",
        (SequentialPipelineBlocks,),
        {"block_classes": [auto("hot", None), other], "block_names": ["switch", "other"]},
    )
    blocks = kind()
    blocks.workflow_map = {"warm": ("hot",), "home": ("garden",)}
    blocks.sub_blocks.pop("switch")
    report = blocks.check()
    assert report.faults == ()
    assert report.warnings == (
        "Two: workflow_map offers 'warm', and nothing reads 'hot' any more: the block that did was taken out. Leave 'warm' out of workflow_map, too.",
    )


def test_a_class_in_itself_is_refused_by_name() -> None:
    kind: Any = type("Round", (SequentialPipelineBlocks,), {"block_classes": [Add], "block_names": ["add"]})
    outer: Any = type("Outer", (SequentialPipelineBlocks,), {"block_classes": [kind], "block_names": ["inner"]})
    kind.block_classes = [outer]
    with pytest.raises(
        CompositionError, match=r"^Round would contain itself, at 'add.inner': take it out of block_classes"
    ):
        kind()
    with pytest.raises(CompositionError, match="Outer would contain itself, at 'inner.add'"):
        outer()
