"""What a caller gives to other branches than the one that the run takes is said to change nothing."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from toy_blocks import chain, pipeline

from brickwork import Block, Outputs
from brickwork.blocks import ConditionalPipelineBlocks
from brickwork.engine.events import RunWarning
from brickwork.state.vocabulary import Generators


class Warm(Block):
    """Add what is hot."""

    class Out(Outputs):
        y: int

    def run(self, heat: float, more: int = 1) -> Out:
        return self.Out(y=round(heat) + more)


class Cool(Block):
    """Hand on a number."""

    class Out(Outputs):
        y: int

    def run(self, other: int = 2) -> Out:
        return self.Out(y=other)


class Double(Block):
    """Read what a branch reads, too."""

    class Out(Outputs):
        z: int

    def run(self, more: int) -> Out:
        return self.Out(z=2 * more)


class Halve(Block):
    """Write what a branch reads."""

    class Out(Outputs):
        more: int

    def run(self, other: int) -> Out:
        return self.Out(more=other // 2)


class Draw(Block):
    """Draw a number."""

    class Out(Outputs):
        y: int

    def run(self, generator: Generators | None = None) -> Out:
        return self.Out(y=0 if generator is None else 1)


class Switch(ConditionalPipelineBlocks):
    """Warm where there is heat: the value decides."""

    block_classes = [Warm, Cool]
    block_names = ["warm", "cool"]
    block_trigger_inputs = ["heat"]

    def select_block(self, heat: float) -> str:  # type: ignore[override]  # its values are named
        return "warm" if heat > 0 else "cool"


def said(pipe: Any, **given: Any) -> list[tuple[str, str]]:
    events: list[Any] = []
    pipe.configure(listeners=[events.append])
    pipe(**given)
    return [(event.path, event.text) for event in events if isinstance(event, RunWarning)]


def test_an_input_of_another_branch_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    pipe = pipeline(switch=Switch)
    with caplog.at_level(logging.WARNING):
        assert said(pipe, heat=0.0, more=3) == [("switch", "more changes nothing: 'cool' runs, and does not read it")]
    assert "switch: more changes nothing" in caplog.text
    assert said(pipe, heat=1.0, other=3) == [("switch", "other changes nothing: 'warm' runs, and does not read it")]
    assert said(pipe, heat=1.0, other=3, more=3) == [
        ("switch", "other changes nothing: 'warm' runs, and does not read it")
    ]


def test_a_choice_in_another_container_and_one_that_is_the_whole_are_named() -> None:
    assert [path for path, _ in said(pipeline(around=chain(switch=Switch)), heat=0.0, more=3)] == ["around.switch"]
    whole = Switch().init_pipeline()
    whole.configure(progress=False)
    assert [path for path, _ in said(whole, heat=0.0, more=3)] == ["Switch"]


@pytest.mark.parametrize(
    ("heat", "given"),
    [(1.0, {"more": 3}), (0.0, {"other": 3}), (0.0, {"more": None}), (0.0, {})],
    ids=["read", "read by the other", "nothing", "no input"],
)
def test_of_other_inputs_nothing_is_said(heat: float, given: dict[str, Any]) -> None:
    assert said(pipeline(switch=Switch), heat=heat, **given) == []


def test_nothing_is_said_of_random_numbers_that_nobody_asked_for() -> None:
    drawing = type("Drawing", (Switch,), {"block_classes": [Draw, Cool], "__module__": __name__})
    pipe = pipeline(switch=drawing)
    assert pipe(heat=1.0, output="y") == 1
    assert said(pipe, heat=0.0) == []


def test_nothing_is_said_of_what_another_block_reads_or_writes() -> None:
    assert said(pipeline(switch=Switch, after=Double), heat=0.0, more=3) == []
    assert said(pipeline(before=Halve, switch=Switch), heat=0.0, other=4) == []
