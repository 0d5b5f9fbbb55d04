"""The words that cross blocks are public: what each means is written down, and a change of one is seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brickwork import InputParam, OutputParam
from brickwork.state import vocabulary
from brickwork.state.template_words import INPUT_WORDS, OUTPUT_WORDS
from brickwork.state.types import type_words
from brickwork.state.vocabulary import Value, value_of

WORDS = Path(__file__).with_name("vocabulary.txt")


def written() -> str:
    """One line for each type of a value, and for each word as blocks that read or write it have it."""
    types = {
        name: value for name, hint in vars(vocabulary).items() if not name.startswith("_") and (value := value_of(hint))
    }
    lines = [f"type {name} {value}" for name, value in sorted(types.items())]
    lines += [f"in {name} {InputParam.template(name)!r} group={word.kwargs_type}" for name, word in INPUT_WORDS.items()]
    lines += [
        f"out {name} {OutputParam.template(name)!r} group={word.kwargs_type}" for name, word in OUTPUT_WORDS.items()
    ]
    return "\n".join(lines) + "\n"


def test_every_word_means_what_it_meant() -> None:
    assert written() == WORDS.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "inside", "outside", "words"),
    [
        (Value(low=0, high=1), [0, 1, 0.5, True], [-0.1, 1.1, float("nan")], "between 0 and 1"),
        (Value(low=0, high=1, open=True), [0.5], [0, 1], "between 0 and 1, and neither"),
        (Value(low=1), [1, 10**9], [0.9, float("inf")], "1 or more"),
        (Value(low=1, open=True), [1.1], [1], "more than 1"),
        (Value(high=5), [5, -(10**9)], [5.1, float("-inf")], "between 0 and 5"),
        (Value(low=0, high=1), [np.float32(0.5)], [np.float32(2)], "between 0 and 1"),
    ],
)
def test_a_number_is_within_its_bounds(value: Value, inside: list[Any], outside: list[Any], words: str) -> None:
    assert [value.problem(number) for number in inside] == [None] * len(inside)
    assert [value.problem(number) for number in outside] == [f"is {number}; it must be {words}" for number in outside]


def test_the_first_number_of_a_list_that_is_not_is_named() -> None:
    value = Value(low=0, high=1)
    assert value.problem([0, 0.5]) is value.problem((0, [1])) is None
    assert value.problem([0, 2, 3]) == "holds 2; each must be between 0 and 1"


def test_what_is_no_number_and_what_has_no_bounds_is_fine() -> None:
    assert Value(low=0).problem("text") is None
    assert Value(low=0).problem(None) is None
    assert Value().problem(float("nan")) is None
    assert type_words(None) == "any"
