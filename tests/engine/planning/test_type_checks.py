"""Inputs that two blocks want in two types, and values that may be more than a block takes."""

from __future__ import annotations

import abc
from typing import Annotated, Any, Literal, Protocol

import pytest
import torch

from brickwork import Block, ConditionalPipelineBlocks, Outputs, SequentialPipelineBlocks
from brickwork.state import Value


class Net:
    """A class."""


class BigNet(Net):
    """A narrower one."""


class Base(abc.ABC):
    """An abstract class, whose every object is of another."""

    @abc.abstractmethod
    def do(self) -> None: ...


class Made(Base):
    """One of them."""

    def do(self) -> None: ...


class Does(Protocol):
    """What can do something."""

    def do(self) -> None: ...


def taker(hint: Any, default: Any = ...) -> type[Block]:
    """A block that reads a thing."""

    def run(self: Any, thing: Any = default) -> None: ...

    run.__annotations__ = {"thing": hint, "return": None}
    if default is ...:
        run.__defaults__ = None
    return type("Taker", (Block,), {"__doc__": "Take.", "run": run})


def giver(hint: Any) -> type[Block]:
    """A block that writes a thing."""
    out = type("Out", (Outputs,), {"__annotations__": {"thing": hint}})

    def run(self: Any, seed: int) -> Any: ...

    run.__annotations__ = {"seed": int, "return": out}
    return type("Giver", (Block,), {"__doc__": "Give.", "Out": out, "run": run})


def report(**blocks: Any) -> Any:
    return SequentialPipelineBlocks.from_blocks_dict(blocks).check()


@pytest.mark.parametrize(
    ("written", "read", "may"),
    [
        (int | None, int, "None"), (int | str, int, "str"), (int | str | None, int, "str or None"), (Net, BigNet, "Net"),
        (int, bool, "int"), (Literal["a", "b"], Literal["a"], "'b'"), (Net | None, BigNet, "Net or None"),
    ],
)  # fmt: skip
def test_what_may_be_more_than_a_block_takes_is_warned_of(written: Any, read: Any, may: str) -> None:
    found = report(giver=giver(written), taker=taker(read))
    assert not found.faults
    (warning,) = found.warnings
    assert warning.startswith("taker needs 'thing' as ")
    assert f"and giver may give {may}: it declares " in warning
    assert "change what giver declares" in warning


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (int | None, int | None), (int, int | None), (int, float), (BigNet, Net), (Any, int), (int, Any), (object, Net),
        (Base, Made), (Does, Made), (Made, Does), (list, list[int]), (torch.Tensor, Annotated[torch.Tensor, Value("b c")]),
        (Annotated[float, Value(low=0)], float), (str, Literal["a"]), (Literal["a"], str), (int | None, float | None),
    ],
)  # fmt: skip
def test_what_fits_or_is_not_known_is_not_warned_of(written: Any, read: Any) -> None:
    found = report(giver=giver(written), taker=taker(read))
    assert (found.faults, found.warnings) == ((), ())


def test_an_input_that_two_blocks_must_be_given_in_two_types_is_a_fault() -> None:
    assert report(one=taker(int), two=taker(int), three=taker(str)).faults == (
        (
            "one needs 'thing' as int and three as str, and the caller gives it once: int is not str. Rename one of the two, or "
            "convert it in a block between them."
        ),
    )


def test_an_input_that_one_of_them_can_do_without_is_warned_of() -> None:
    found = report(one=taker(int), two=taker(str | None, None))
    assert not found.faults
    assert [warning[:57] for warning in found.warnings] == ["one needs 'thing' as int and two as str | None, and the c"]


@pytest.mark.parametrize(("one", "two"), [(int, int | str), (int, float), (Any, str), (Net, BigNet)])
def test_types_that_some_value_has_are_no_fault(one: Any, two: Any) -> None:
    found = report(one=taker(one), two=taker(two))
    assert (found.faults, found.warnings) == ((), ())


def test_what_a_block_between_writes_is_no_input_of_the_caller() -> None:
    assert not report(one=taker(int), giver=giver(str), two=taker(str)).faults


def test_branches_of_which_the_run_takes_one_may_want_different_types_and_have_different_defaults() -> None:
    class Pick(ConditionalPipelineBlocks):
        block_classes = [taker(int, 1), taker(str, "a")]
        block_names = ["number", "text"]
        block_trigger_inputs = ["mode"]

        def select_block(self, mode: str) -> str:
            return mode

    class Mode(Block):
        class Out(Outputs):
            mode: str

        def run(self) -> Out:
            return self.Out(mode="text")

    found = report(mode=Mode, pick=Pick())
    assert (found.faults, found.warnings) == ((), ())
