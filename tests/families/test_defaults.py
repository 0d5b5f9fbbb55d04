"""Defaults of inputs that a family has in place of a block's."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from brickwork import Block, InputError, Outputs
from brickwork.families.contract import FamilyContract

FAMILY = FamilyContract("of-tests", "Tested", defaults={"steps": 28, "Half.share": 0.5, "given": 3})


class Whole(Block):
    """Say what was given."""

    class Out(Outputs):
        said: str

    def run(self, given: int, steps: int = 50, share: float = 1.0, words: str = "none") -> Out:
        return self.Out(said=f"{given} {steps} {share} {words}")


class Half(Whole):
    """The same, with another default in the family."""


def said(block: type[Any], **inputs: Any) -> str:
    found: str = block().init_pipeline()(**inputs, output="said")
    return found


def test_a_family_has_other_defaults_in_a_pipeline_and_alone() -> None:
    assert said(Whole, given=1) == "1 50 1.0 none"
    assert said(Whole.bind(FAMILY), given=1) == "1 28 1.0 none"
    assert Whole.bind(FAMILY)().run(given=1).said == "1 28 1.0 none"
    assert Whole.bind(FAMILY)().run(1).said == "1 28 1.0 none"
    assert Whole.bind(FAMILY)().run(1, 7).said == "1 7 1.0 none"


def test_a_default_of_one_block_counts_before_that_of_all() -> None:
    both = evolve(FAMILY, defaults={"share": 0.25, "Half.share": 0.5})
    assert said(Whole.bind(both), given=1) == "1 50 0.25 none"
    assert said(Half.bind(both), given=1) == "1 50 0.5 none"


def test_what_the_caller_gives_counts() -> None:
    assert said(Half.bind(FAMILY), given=1, steps=4, share=0.75) == "1 4 0.75 none"


def test_a_class_that_derives_from_a_bound_one_has_them_too() -> None:
    class Own(Whole.bind(FAMILY)):  # type: ignore[misc]  # made at run time
        """The same."""

    assert said(Own, given=1) == "1 28 1.0 none"


def test_a_required_input_stays_required() -> None:
    with pytest.raises(InputError, match="given"):
        said(Whole.bind(FAMILY))


def test_the_default_is_shown_as_the_inputs() -> None:
    steps = next(param for param in Whole.bind(FAMILY)().inputs if param.name == "steps")
    assert (steps.default, steps.required) == (28, False)
