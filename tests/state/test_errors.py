"""The error tree."""

from __future__ import annotations

import pickle

import pytest

import brickwork
from brickwork.state.errors import article, capital_article, did_you_mean, faults_as_data, named_thing, with_article


def test_input_errors_are_also_what_python_programmers_expect() -> None:
    assert issubclass(brickwork.InputError, ValueError)
    assert issubclass(brickwork.InputError, TypeError)
    assert issubclass(brickwork.InputError, brickwork.BrickworkError)


def test_one_fault_stands_alone_and_several_are_listed() -> None:
    assert str(brickwork.InputError.of("Heading", ["only one"])) == "only one"
    error = brickwork.InputError.of("Heading", ["first", "second"])
    assert str(error) == "Heading: 2 faults\n  - first\n  - second"
    assert error.faults == ("first", "second")


def test_a_fault_says_which_inputs_it_is_about_and_keeps_that_in_an_error() -> None:
    fault = brickwork.Fault("a and b exclude each other.", "a", "b")
    assert (fault, fault.input, fault.inputs) == ("a and b exclude each other.", "a", ("a", "b"))
    assert (brickwork.Fault("no input").input, brickwork.Fault("no input").inputs) == (None, ())
    error = brickwork.InputError.of("Heading", [fault, "text"])
    assert faults_as_data(error) == [{"input": "a", "text": str(fault)}, {"input": None, "text": "text"}]
    copy = pickle.loads(pickle.dumps(fault))
    assert (copy, copy.inputs) == (fault, ("a", "b"))


def test_an_error_without_faults_is_one_fault_whose_text_is_spelled_out() -> None:
    assert faults_as_data(ValueError("a\x1b[2K")) == [{"input": None, "text": "a\\x1b[2K"}]


def test_a_far_name_lists_what_there_is() -> None:
    assert did_you_mean("xyz", ["alpha", "beta"]) == "There are: alpha, beta."
    assert did_you_mean("alpa", ["alpha", "beta"]) == "Did you mean 'alpha'?"
    assert did_you_mean("x", []) == "There are none."


@pytest.mark.parametrize(
    "hidden", ["\x1b[2K", "\x07", "\r", "\x9b1A", "\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\x00"]
)
def test_names_of_others_in_a_message_move_no_cursor_and_turn_no_text(hidden: str) -> None:
    error = brickwork.RepoError.of("Heading", [f"a{hidden}b", "c\td"])
    assert hidden not in str(error)
    assert f"a{hidden.encode('unicode_escape').decode()}b" in str(error)
    assert str(error).endswith("\n  - c\td")
    assert str(brickwork.TrustError("größer, 名前")) == "größer, 名前"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("int", "an"),
        ("str", "a"),
        ("ndarray", "a"),
        ("AutoencoderKL", "an"),
        ("EulerDiscreteScheduler", "an"),
        ("Image", "an"),
        ("UNet2DConditionModel", "a"),
        ("UniPCMultistepScheduler", "a"),
        ("UMT5EncoderModel", "a"),
        ("unet", "a"),
        ("Upsample2D", "an"),
        ("LMSDiscreteScheduler", "an"),
        ("LCMScheduler", "an"),
        ("SDXLDecode", "an"),
        ("XLabsAdapter", "an"),
        ("VQModel", "a"),
        ("FLUXDecode", "a"),
        ("LoRA", "a"),
        ("NoneType", "a"),
        ("OneStep", "a"),
        ("", "a"),
    ],
)
def test_a_class_has_the_article_that_is_said_before_it(word: str, said: str) -> None:
    assert article(word) == said
    assert with_article(word) == f"{said} {word}"
    assert capital_article(word) == f"{said.capitalize()} {word}"


def test_a_thing_in_the_wrong_place_has_its_article() -> None:
    assert named_thing([]) == "a list"
    assert named_thing(Exception()) == "an Exception"
