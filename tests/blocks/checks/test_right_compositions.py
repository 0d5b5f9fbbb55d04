"""Compositions that somebody wrote from the pages alone: what is right is let through, and what is not is answered in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
import pytest
import torch
from diffusers.modular_pipelines import ModularPipelineBlocks as PeerBlocks
from toy_blocks import chain

from brickwork import (
    AutoPipelineBlocks,
    Block,
    CompositionError,
    ConditionalPipelineBlocks,
    DeclarationError,
    InputError,
    ModularPipeline,
    Outputs,
    RunError,
    Scope,
)


class FromPath(Block):
    class Out(Outputs):
        image: int

    def run(self, path: str) -> Out:
        return self.Out(image=len(path))


class Pick(AutoPipelineBlocks):
    block_classes = [FromPath]
    block_names = ["path"]
    block_trigger_inputs = ["path"]


class Use(Block):
    class Out(Outputs):
        used: int

    def run(self, image: int) -> Out:
        return self.Out(used=image + 1)


class UseOrNot(Use):
    def run(self, image: int = 5) -> Use.Out:
        return self.Out(used=image + 1)


class Sets(Block):
    class Out(Outputs):
        strength: float

    def run(self, strength: float = 0.5) -> Out:
        return self.Out(strength=strength)


class Halve(Block):
    class Out(Outputs):
        x: float

    def run(self, x: float, strength: float = 0.5) -> Out:
        return self.Out(x=x * strength)


class Show(Block):
    def run(self, x: float) -> None:
        assert x is not None


@pytest.mark.parametrize("use", [Use, UseOrNot])
def test_what_a_branch_writes_is_given_where_it_is_not_taken(use: type[Block]) -> None:
    pipe = chain(pick=Pick, use=use).init_pipeline()
    assert [pipe(image=2, output="used"), pipe(path="abc", output="used")] == [3, 4]
    with pytest.raises(InputError, match="'image' is no input of this pipeline"):
        pipe(path="abc", image=2, output="used")  # the branch writes over it
    inside = Scope.from_blocks_dict({"pick": Pick}, outputs={"image": "image"})
    assert chain(inside=inside, use=use).init_pipeline()(image=2, output="used") == 3


class Facts(TypedDict):
    size: int


class Measure(Block):
    class Out(Outputs):
        facts: Facts

    def run(self, x: int) -> Out:
        return self.Out(facts={"size": x})


class ReadFacts(Block):
    class Out(Outputs):
        size: int

    def run(self, facts: Mapping[str, Any]) -> Out:
        return self.Out(size=facts["size"])


def test_a_typed_dict_is_a_dict() -> None:
    blocks = chain(measure=Measure, read=ReadFacts)
    assert (blocks.check().faults, blocks.check().warnings) == ((), ())
    assert blocks.init_pipeline()(x=3, output="size") == 3


class First(Block):
    class Out(Outputs):
        one: int

    def run(
        self, array: np.ndarray = np.ones(3), tensor: torch.Tensor = torch.ones(2), none: float = float("nan"),
        many: tuple[int, ...] = (1, 2),
    ) -> Out:  # fmt: skip
        return self.Out(one=1)


class Second(Block):
    class Out(Outputs):
        two: int

    def run(
        self, array: np.ndarray = np.ones(3), tensor: torch.Tensor = torch.ones(2), none: float = float("nan"),
        many: tuple[int, ...] = (1, 2),
    ) -> Out:  # fmt: skip
        return self.Out(two=2)


class Third(Block):
    class Out(Outputs):
        three: int

    def run(self, array: np.ndarray = np.zeros(3), tensor: torch.Tensor = torch.ones(3)) -> Out:
        return self.Out(three=3)


def test_equal_defaults_are_one() -> None:
    assert chain(first=First, second=Second).check().faults == ()
    faults = chain(first=First, third=Third).check().faults
    assert len(faults) == 2
    assert faults[0].startswith("'array' is ")
    assert faults[1].startswith("'tensor' is ")


def test_what_lets_a_value_into_a_scope_does_not_speak_for_an_order() -> None:
    own = Scope.from_blocks_dict({"halve": Halve}, inputs={"x": "x"}, outputs={"x": "y"})
    assert chain(first=Halve, own=own, last=Halve).check().warnings == ()


class ByValue(ConditionalPipelineBlocks):
    block_classes = [Halve]
    block_names = ["halve"]
    block_trigger_inputs = ["x"]

    def select_block(self, x: float) -> str | None:
        return "halve" if x > 1 else None


def test_a_choice_may_look_at_what_its_branch_changes() -> None:
    assert chain(first=Halve, choice=ByValue).check().warnings == ()


def test_a_result_that_is_not_promised_is_refused() -> None:
    class Loses(Block):
        def run(self, x: float) -> None:
            return x * 2  # type: ignore[return-value]

    with pytest.raises(RunError, match=r"Loses\.run says '-> None' and returned 2\.0 .*class Out\(Outputs\)"):
        chain(loses=Loses).init_pipeline()(x=1.0)


def test_a_block_that_says_nothing_of_its_result_is_told_both_ways() -> None:
    with pytest.raises(
        DeclarationError, match=r"no return annotation; write a class Out\(Outputs\).*nothing says so: '-> None'"
    ):

        class Undecided(Block):
            def run(self, x: float):  # type: ignore[no-untyped-def]
                return x

    with pytest.raises(DeclarationError, match=r"returns .*declares no Out\(Outputs\): write a class Out\(Outputs\)"):

        class Plain(Block):
            def run(self, x: float) -> float:  # type: ignore[override]
                return x


def test_options_by_position_are_answered_in_words() -> None:
    class Scale(Block):
        by: float = 2.0

        class Out(Outputs):
            x: float

        def run(self, x: float) -> Out:
            return self.Out(x=x * self.by)

    with pytest.raises(DeclarationError, match=r"^Scale takes its options by name\. Write Scale\(by=\.\.\.\)\.$"):
        Scale(3.0)  # type: ignore[misc]
    with pytest.raises(DeclarationError, match=r"^Show takes its options by name\. It has none: "):
        Show(3.0)  # type: ignore[misc]


def test_an_input_that_a_scope_keeps_to_itself_is_told_how_to_come_in() -> None:
    own = Scope.from_blocks_dict({"sets": Sets, "halve": Halve}, inputs={"x": "x"}, outputs={"x": "y"})
    pipe = chain(own=own).init_pipeline()
    words = (
        r"'strength' is no input of this pipeline\. It is private in the scope own.*inputs=\{'strength': 'strength'\}"
    )
    with pytest.raises(InputError, match=words):
        pipe(x=1.0, strength=0.3)
    with pytest.raises(InputError, match="'strenth' is no input of this pipeline. (?!It is private)"):
        pipe(x=1.0, strenth=0.3)


def test_a_block_of_diffusers_is_told_how_to_come_in() -> None:
    class Raw(PeerBlocks):
        pass

    with pytest.raises(CompositionError, match=r"which is no block\. It is one of diffusers': adopt\(Raw\)"):
        chain(halve=Halve).insert_before("halve", "raw", Raw)
    with pytest.raises(CompositionError, match=r"which is no block\. Derive it from Block\."):
        chain(halve=Halve).insert_before("halve", "raw", 3)  # type: ignore[arg-type]


def test_a_slip_in_an_attribute_is_no_attribute(tiny_pipe: ModularPipeline) -> None:
    made: Any = tiny_pipe
    with pytest.raises(
        InputError, match="A pipeline has no 'schedular', and no run would read it. Did you mean 'scheduler'"
    ):
        made.schedular = tiny_pipe.scheduler
    with pytest.raises(InputError, match="Did you mean 'guidance_scale'"):
        made.guidence_scale = 3.0
    made.remark = "mine"
    assert made.remark == "mine"
