"""`check_block` finds each of these faults, with the right words, and lets right blocks pass."""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path
from typing import Annotated, Any

import declared_faults
import faulty_blocks
import hidden_faults
import pytest
import right_blocks
import torch
from faulty_blocks import (
    EditsInPlace,
    Halve,
    KeepsInAGlobal,
    Layer,
    OutOfRange,
    Twice,
    WrongShape,
)
from torch import Tensor

from brickwork import (
    AutoPipelineBlocks,
    Block,
    ComponentError,
    ComponentSpec,
    CompositionError,
    InputError,
    InputParam,
    Outputs,
)
from brickwork.testing import BlockFaultsError, BlockReport, check_block
from brickwork.testing.block_check import CHECKS

FAULTY = {**faulty_blocks.FAULTY, **hidden_faults.FAULTY, **declared_faults.FAULTY}
GIVEN = {**faulty_blocks.GIVEN, **hidden_faults.GIVEN}
RIGHT = {**faulty_blocks.RIGHT, **right_blocks.RIGHT, **declared_faults.RIGHT}


def name_of(block: Any) -> str:
    return block.__name__ if isinstance(block, type) else type(block).__name__


def test_a_check_grants_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRICKWORK_HOME", str(tmp_path))
    check_block(faulty_blocks.Halve)
    assert not (tmp_path / "brickwork.lock").exists()


def test_the_name_of_a_block_is_no_block() -> None:
    with pytest.raises(CompositionError, match="Give the class itself, or an object of it, and not its name"):
        check_block("Halve")


@pytest.mark.filterwarnings("ignore:old_double:FutureWarning")
@pytest.mark.rotating(3)
@pytest.mark.parametrize("block", FAULTY, ids=name_of)
def test_a_faulty_block_is_found_out(block: Any, request: pytest.FixtureRequest) -> None:
    check, words = FAULTY[block]
    # Most of the time; what is found only there is asked there.
    dear = set() if request.config.getoption("--long") else {"save and open", "threads", "device", "cache"}
    given: dict[str, Any] = copy.deepcopy(GIVEN.get(block, {}))
    report = check_block(block, raise_faults=False, skip=dear - {check}, examples=5, **given)
    assert [fault for fault in report.faults if fault.check == check and words in str(fault)], report
    assert check in report.checked


def test_each_kind_of_check_finds_something() -> None:
    assert {check for check, _ in FAULTY.values()} == {*CHECKS}


@pytest.mark.rotating(4)
@pytest.mark.parametrize("block", RIGHT, ids=name_of)
def test_a_right_block_passes(block: Any) -> None:
    report = check_block(block, examples=3, **RIGHT[block])
    assert report
    assert {*report.checked} | report.not_checked.keys() == {*CHECKS}


def test_the_error_lists_the_faults_as_sentences() -> None:
    with pytest.raises(AssertionError) as caught:
        check_block(EditsInPlace)
    error = caught.value
    assert isinstance(error, BlockFaultsError)
    assert error.faults == tuple(map(str, error.report.faults))
    assert str(error) == str(error.report)
    assert str(error).startswith("EditsInPlace: 1 fault in ")
    assert error.faults[0] == (
        "EditsInPlace.run changes its input latents in place. Expected: inputs stay as they are: the caller, earlier states and "
        "caches hold the same object. Got: latents (Tensor[2, 3, 6, 7] torch.float32, cpu) was changed. Make a new value and return "
        "that, as in `latents = latents + x` for `latents += x`."
    )


class ManyFaults(Block):
    """Three faults of three kinds."""

    class Out(Outputs):
        scale: Annotated[float, "no value"]

    def run(self, names: list[str], x: Annotated[Tensor, "no value"] | None = None) -> Out:
        names.clear()
        torch.manual_seed(4)
        return self.Out(scale=1.0)


def test_several_faults_are_said_together() -> None:
    found = {fault.check for fault in check_block(ManyFaults, raise_faults=False).faults}
    assert found == {"nothing edited", "chance", "inputs"}


def test_a_fault_that_single_inputs_show_is_said_with_the_smallest() -> None:
    class Rows(Block):
        class Out(Outputs):
            count: int

        def run(self, count: int) -> Out:
            if count > 2:
                raise ValueError("more than two")
            return self.Out(count=count)

    report = check_block(Rows, raise_faults=False, inputs={}, skip=["save and open"])
    assert "Rows fails with inputs that its declaration allows: count=3." in str(report)


def test_a_check_that_is_left_out_finds_nothing() -> None:
    report = check_block(EditsInPlace, skip=["nothing edited", "cache"])
    assert report.not_checked["nothing edited"] == "asked to be left out"
    assert "threads" in report.checked


def test_what_cannot_be_checked_after_a_fault_is_said() -> None:
    report = check_block(KeepsInAGlobal, raise_faults=False)
    assert report.not_checked["cache"].startswith("first mend what 'keeps nothing'")
    assert "not checked: cache (first mend" in str(report)


def test_a_fault_of_no_accepted_run_leaves_the_rest_out() -> None:
    report = check_block(WrongShape, raise_faults=False)
    assert report.not_checked["threads"] == "it does not run"
    assert not report


def test_given_inputs_are_used_as_they_are() -> None:
    class Sees(Block):
        class Out(Outputs):
            ok: bool

        def run(self, word: str, latents: Annotated[Tensor, "no value"]) -> Out:
            if word != "one" or latents.shape != (1, 2):
                raise AssertionError(word)
            return self.Out(ok=True)

    assert check_block(Sees, inputs={"word": "one", "latents": torch.ones(1, 2)}, skip=["save and open"])


def test_given_tensors_say_the_sizes_of_their_dimensions() -> None:
    with pytest.raises(BlockFaultsError, match="fails with inputs that its declaration allows"):
        check_block(Layer, components={"net": torch.nn.Linear(3, 3)}, inputs={"latents": torch.ones(2, 4, 4, 4)})


def refusal(error: type[Exception], block: Any, **given: Any) -> str:
    with pytest.raises(error) as caught:
        check_block(block, **given)
    return str(caught.value)


class Unknown(Block):
    class Out(Outputs):
        ok: bool

    def run(self, x: Tensor, what: Any, how: dict[str, Any] | None = None) -> Out:
        return self.Out(ok=how is None and x is not what)


def test_what_cannot_be_made_is_asked_for() -> None:
    said = refusal(InputError, Unknown)
    assert "Unknown needs x (Tensor), which cannot be made of its type: its shape is not said" in said
    assert "Give it: check_block(Unknown, inputs={'x': ...})" in said
    assert "Unknown needs what (any), which cannot be made of its type: its type says nothing of what is in it" in said
    assert check_block(Unknown, inputs={"x": torch.ones(1), "what": 3}, skip=["save and open"])


def test_an_input_that_there_is_not_is_refused() -> None:
    assert "Twice has no input 'latent'; it reads latents" in refusal(InputError, Twice, inputs={"latent": 1})


def test_a_component_that_is_not_given_is_asked_for() -> None:
    said = refusal(ComponentError, Layer)
    assert "Layer uses net, of which there is none" in said
    assert "components={'net': ...}" in said


class Scaled(Halve):
    description = "Only with a net."
    inputs = [InputParam("x", type_hint=float, required=True), InputParam("by", type_hint=int)]
    expected_components = [ComponentSpec("net", torch.nn.Module)]


class WithOrWithoutANet(AutoPipelineBlocks):
    block_classes = [Scaled, Halve]
    block_names = ["scaled", "plain"]
    block_trigger_inputs = ["by", None]


def test_an_input_that_asks_for_a_component_that_is_not_there_is_a_refusal() -> None:
    report = check_block(WithOrWithoutANet, components={"net": None}, skip=["save and open"])
    assert report
    assert "threads" in report.checked


def test_a_check_that_there_is_not_is_refused() -> None:
    assert "skip='thread' is no check. Did you mean 'threads'?" in refusal(InputError, Twice, skip=["thread"])


class RefusesAll(Block):
    class Out(Outputs):
        ok: bool

    def input_faults(self, given: Any) -> Any:
        return ["It is Monday."]

    def run(self, x: int) -> Out:
        return self.Out(ok=x > 0)


def test_a_block_that_refuses_all_inputs_says_that_some_must_be_given() -> None:
    said = refusal(InputError, RefusesAll)
    assert said.startswith("RefusesAll: it refuses all made inputs: It is Monday. Give some that fit: ")
    assert said.endswith("check_block(RefusesAll, inputs={'x': ...}).")


def test_without_hypothesis_the_line_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "hypothesis" else find(name, *more)
    )
    assert "pip install hypothesis" in refusal(InputError, Twice)


def test_a_report_reads_well() -> None:
    report = check_block(Halve)
    assert isinstance(report, BlockReport)
    assert str(report).splitlines()[0] == "Halve: no faults in 15 checks"
    assert str(check_block(OutOfRange, raise_faults=False)).startswith("OutOfRange: 1 fault in ")


def test_shared_generators_are_as_they_were() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    check_block(Twice)
    assert torch.equal(torch.get_rng_state(), before)
