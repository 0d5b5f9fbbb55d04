"""What a listener is shown of a step is to look at: what it would change is refused, with what to type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from brickwork import Block, InputError, LoopSequentialPipelineBlocks, ModularPipeline, Outputs, RunError
from brickwork.engine.events import Event, StepFinished


class Half(Block):
    """Halve a tensor."""

    class Out(Outputs):
        x: torch.Tensor

    def run(self, x: torch.Tensor, kept: list[Any] | None = None) -> Out:
        return self.Out(x=x / 2)


class Twice(LoopSequentialPipelineBlocks):
    """Loop two times."""

    class Vars(Outputs):
        i: int

    def iterate(self) -> Iterator[Vars]:
        yield from (self.Vars(i=i) for i in range(2))


def looped() -> ModularPipeline:
    pipe = Twice.from_blocks_dict({"half": Half}).init_pipeline()
    pipe.configure(progress=False)
    return pipe


def listening(act: Callable[[Any], object]) -> ModularPipeline:
    """Return a pipeline of which a listener does something with the values of each step."""

    def listener(event: Event) -> None:
        if isinstance(event, StepFinished):
            act(event.values)

    pipe = looped()
    pipe.configure(listeners=[listener])
    return pipe


@pytest.mark.parametrize(
    "write",
    [
        lambda values: values.__setitem__("x", 5),
        lambda values: values.__delitem__("x"),
        lambda values: values.pop("x"),
        lambda values: values.popitem(),
        lambda values: values.clear(),
        lambda values: values.update(x=5),
        lambda values: values.setdefault("y", 5),
        lambda values: values.__ior__({"x": 5}),
    ],
)
def test_values_of_a_step_cannot_be_set_and_a_block_is_named_that_can(write: Callable[[Any], object]) -> None:
    with pytest.raises(InputError, match=r"to look at.*pipe\.blocks\.insert_after\('half', 'mine', MyBlock\)"):
        listening(write)(x=torch.ones(2))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda values: values["x"].zero_(), r"x \(Tensor"),
        (lambda values: values["x"][0].mul_(2), r"x \(Tensor"),
        (lambda values: values["kept"].append(1), r"kept \("),
        (lambda values: values["kept"][0].zero_(), r"kept\[0\] \("),
    ],
)
def test_a_listener_that_changes_a_value_in_place_ends_the_run(change: Callable[[Any], object], named: str) -> None:
    with pytest.raises(RunError, match=rf"(?s)step 0.*changed in place: {named}.*insert_after.*\.clone\(\)"):
        listening(change)(x=torch.ones(2), kept=[torch.ones(1)])


def test_who_takes_events_from_a_stream_is_told_the_same() -> None:
    stream = looped().stream(x=torch.ones(2))
    event = next(event for event in stream if isinstance(event, StepFinished))
    event.values["x"].zero_()
    with pytest.raises(RunError, match="changed in place: x"):
        next(stream)


@pytest.mark.parametrize(
    "look",
    [
        lambda values: (values["x"] * 0, values.get("y"), "x" in values, list(values), len(values), dict(values)),
        lambda values: values["x"].clone().zero_(),
        lambda values: repr(values),
    ],
)
def test_looking_changes_nothing(look: Callable[[Any], object]) -> None:
    assert torch.equal(listening(look)(x=torch.ones(2), output="x"), torch.full((2,), 0.25))


def test_values_of_a_step_are_printed_by_shape() -> None:
    seen: list[str] = []
    listening(lambda values: seen.append(repr(values)))(x=torch.ones(2))
    assert "x: Tensor[2] torch.float32" in seen[0]
