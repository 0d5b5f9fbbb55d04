"""Choices by values that the caller decides are looked at by the branch that will run, and all others as before."""

from __future__ import annotations

from typing import Any

import pytest

from brickwork import Block, InputError, ModularPipeline, Outputs, SequentialPipelineBlocks
from brickwork.blocks.core.choice import ConditionalPipelineBlocks


class Ones(Block):
    """Take a number below ten."""

    class Out(Outputs):
        result: int

    def input_faults(self, given: Any) -> Any:
        if given.get("number", 0) > 9:
            yield "number is for tens"

    def run(self, number: int) -> Out:
        return self.Out(result=number)


class Tens(Block):
    """Take a number from ten on."""

    class Out(Outputs):
        result: int

    def input_faults(self, given: Any) -> Any:
        if given.get("number", 0) < 10:
            yield "number is for ones"

    def run(self, number: int) -> Out:
        return self.Out(result=10 * number)


class ByKind(ConditionalPipelineBlocks):
    block_classes = [Ones, Tens]
    block_names = ["ones", "tens"]
    block_trigger_inputs = ["kind"]

    def select_block(self, kind: str | None = None) -> str:  # type: ignore[override]  # its values are named
        return {"o": "ones", "t": "tens"}.get((kind or "ones")[0], "nothing")


class Kind(Block):
    """Decide in the run."""

    class Out(Outputs):
        kind: str

    def run(self) -> Out:
        return self.Out(kind="tens")


def pipeline(**blocks: Any) -> ModularPipeline:
    made = SequentialPipelineBlocks.from_blocks_dict(blocks).init_pipeline()
    made.configure(progress=False)
    return made


@pytest.mark.parametrize(
    ("given", "result"),
    [({"kind": "ones", "number": 3}, 3), ({"kind": "tens", "number": 30}, 300), ({"number": 4}, 4)],
)
def test_the_branch_that_runs_says_what_it_takes(given: dict[str, Any], result: int) -> None:
    assert pipeline(choice=ByKind)(**given, output="result") == result


@pytest.mark.parametrize(
    ("given", "said", "unsaid"),
    [
        ({"kind": "ones", "number": 30}, "number is for tens", "for ones"),
        ({"kind": "tens", "number": 3}, "number is for ones", "for tens"),
    ],
)
def test_its_faults_are_found_before_the_run(given: dict[str, Any], said: str, unsaid: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        pipeline(choice=ByKind)(**given)
    assert unsaid not in str(caught.value)


def test_what_the_run_decides_is_looked_at_for_every_branch() -> None:
    with pytest.raises(InputError, match="number is for tens"):
        pipeline(kind=Kind, choice=ByKind)(number=30)


def test_a_value_that_decides_for_nothing_that_is_there_leaves_all_to_the_run() -> None:
    with pytest.raises(InputError, match="number is for ones"):
        pipeline(choice=ByKind)(kind="x", number=3)


def test_a_value_of_the_wrong_type_is_said_and_not_selected_by() -> None:
    with pytest.raises(InputError, match="kind is 3"):
        pipeline(choice=ByKind)(kind=3, number=3)
