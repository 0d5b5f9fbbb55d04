"""Lists of a block that declares by properties, and that hold something else than they should."""

from __future__ import annotations

from typing import Any

import pytest

from brickwork import (
    ComponentSpec,
    ConfigSpec,
    DeclarationError,
    InputParam,
    ModularPipelineBlocks,
    OutputParam,
    SequentialPipelineBlocks,
)


def listed(**lists: Any) -> type[ModularPipelineBlocks]:
    """A block with these lists in its class."""

    def __call__(self: Any, components: Any, state: Any) -> Any:
        return components, state

    return type("Painter", (ModularPipelineBlocks,), {"description": "Paint.", "__call__": __call__, **lists})


def faults_of(**lists: Any) -> tuple[str, ...]:
    with pytest.raises(DeclarationError) as caught:
        SequentialPipelineBlocks.from_blocks_dict({"painter": listed(**lists)}).init_pipeline()
    return caught.value.faults


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        ({"inputs": ["seed"]}, "painter: inputs holds 'seed' (a str), which is no InputParam; write InputParam('seed')."),
        ({"inputs": "seed"}, "painter: inputs is 'seed' (a str); it must be a list of InputParam."),
        ({"inputs": None}, "painter: inputs is None; it must be a list of InputParam."),
        ({"inputs": InputParam("seed")}, "painter: inputs is one InputParam; it must be a list: [InputParam(...)]."),
        ({"inputs": [InputParam()]}, "painter: inputs holds an InputParam whose name is None; give it a name, as text."),
        ({"inputs": [InputParam(3)]}, "painter: inputs holds an InputParam whose name is 3; give it a name, as text."),
        ({"intermediate_outputs": [OutputParam("")]}, "intermediate_outputs holds an OutputParam whose name is ''; give it a"),
        ({"intermediate_outputs": [InputParam("image")]}, "intermediate_outputs holds an InputParam, which is no OutputParam; write OutputParam('image')."),
        ({"expected_components": [dict]}, "expected_components holds the class dict, which is no ComponentSpec; write"),
        ({"expected_components": [ComponentSpec(type_hint=dict)]}, "expected_components holds a ComponentSpec whose name is None"),
        ({"expected_configs": [ComponentSpec("net", dict)]}, "expected_configs holds a ComponentSpec, which is no ConfigSpec; write ConfigSpec('net')."),
        ({"expected_configs": ["strong"]}, "expected_configs holds 'strong' (a str), which is no ConfigSpec; write ConfigSpec('strong')."),
        ({"inputs": [InputParam(kwargs_type=3)]}, "inputs holds one with kwargs_type=3; it must be text, the name of a group."),
    ],
)  # fmt: skip
def test_a_wrong_list_says_what_it_holds_and_what_to_write(lists: dict[str, Any], said: str) -> None:
    (fault,) = faults_of(**lists)
    assert said in fault


def test_all_wrong_lists_of_all_blocks_are_told_at_once() -> None:
    kinds = {"one": listed(inputs=["seed"], expected_configs=["strong"]), "two": listed(inputs=None)}
    with pytest.raises(DeclarationError) as caught:
        SequentialPipelineBlocks.from_blocks_dict(kinds).check()
    assert [fault.partition(" ")[0] for fault in caught.value.faults] == ["one:", "one:", "two:"]


def test_a_plan_says_it_too() -> None:
    with pytest.raises(DeclarationError, match="Painter: inputs holds 'seed'"):
        listed(inputs=["seed"])().plan()


@pytest.mark.parametrize(
    ("param", "said"),
    [
        (InputParam("seed", required=True, default=3), "Painter: the input 'seed' is required and has the default 3, which nobody"),
        (InputParam("light", type_hint=float, default="much"), "the default of 'light' is 'much' (a str); it must be float. Change"),
    ],
)  # fmt: skip
def test_a_default_that_says_nothing_or_is_not_of_its_type_is_warned_of(param: InputParam, said: str) -> None:
    (warning,) = listed(inputs=[param])().check().warnings
    assert said in warning


@pytest.mark.parametrize(
    "lists",
    [
        {"inputs": [InputParam("size", type_hint=int)]},
        {"inputs": (InputParam("light", type_hint=float, default=1), InputParam(kwargs_type="denoiser_input_fields"))},
        {"inputs": [InputParam.template("num_inference_steps", required=True)]},
        {"expected_configs": [ConfigSpec("strong")], "expected_components": [ComponentSpec("net", "any:Net")]},
    ],
)
def test_lists_as_they_should_be_are_taken(lists: dict[str, Any]) -> None:
    report = listed(**lists)().check()
    assert (report.faults, report.warnings) == ((), ())
