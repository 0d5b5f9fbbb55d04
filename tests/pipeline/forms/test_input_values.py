"""Texts of a command line become values by JSON schemas."""

from __future__ import annotations

from typing import Any

import pytest

from brickwork.pipeline.forms.input_values import (
    choices,
    converted,
    is_switch,
    joined,
    kind_words,
    names_a_file,
    takes_several,
)

TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
WHOLE = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
NUMBERS = {"anyOf": [{"type": "array", "items": {"type": "number"}}, {"type": "null"}]}
NUMBER_OR_NUMBERS = {"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}}]}
SIZE = {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "integer"}], "items": False}
FORM = {"enum": ["pil", "np"], "default": "pil"}
IMAGE = {"anyOf": [{"x-type": "Image"}, {"type": "array", "items": {}}, {"x-type": "Tensor"}]}
ANYTHING: dict[str, Any] = {}
OBJECT = {"type": "object"}
NESTED = {"anyOf": [{"anyOf": [{"type": "boolean"}, {"type": "null"}]}, {"type": "integer"}]}


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("a cat", TEXTS, "a cat"),
        ("5", TEXTS, "5"),
        ("-3", WHOLE, -3),
        ("0.5", NUMBER_OR_NUMBERS, 0.5),
        ("1,2.5", NUMBERS, [1.0, 2.5]),
        ("[1,2]", NUMBERS, [1.0, 2.0]),
        ("4,8", SIZE, (4, 8)),
        ("(4, 8)", SIZE, (4, 8)),
        ("np", FORM, "np"),
        ("yes", {"type": "boolean"}, True),
        ("Off", {"type": "boolean"}, False),
        ("a.png", IMAGE, "a.png"),
        ('{"scale": 0.5}', OBJECT, {"scale": 0.5}),
        ("[1, 2]", ANYTHING, [1, 2]),
        ("text", ANYTHING, "text"),
        ("7", NESTED, 7),
        ("true", NESTED, True),
    ],
)
def test_a_text_is_a_value_of_its_schema(text: str, schema: dict[str, Any], value: object) -> None:
    found = converted(text, schema)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "schema", "said"),
    [
        ("five", WHOLE, "'five' is no INTEGER."),
        ("1.5", WHOLE, "'1.5' is no INTEGER."),
        ("x", NUMBER_OR_NUMBERS, "'x' is no NUMBER."),
        ("1,x", NUMBERS, "'1,x' is no NUMBER."),
        ("1,2,3", SIZE, "'1,2,3' is no N,N."),
        ("4", SIZE, "'4' is no N,N."),
        ("jpg", FORM, "'jpg' is no [pil|np]."),
        ("perhaps", {"type": "boolean"}, "'perhaps' is no TRUE|FALSE."),
        ("[1]", OBJECT, "'[1]' is no JSON."),
        ("{", OBJECT, "'{' is no JSON."),
    ],
)
def test_another_text_is_refused_with_what_it_should_be(text: str, schema: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as caught:
        converted(text, schema)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("values", "schema", "value"),
    [
        (("a",), TEXTS, "a"),
        (("a", "b"), TEXTS, ["a", "b"]),
        ((1.0,), NUMBERS, [1.0]),
        (([1.0, 2.0], 3.0), NUMBERS, [1.0, 2.0, 3.0]),
        ((1.0,), NUMBER_OR_NUMBERS, 1.0),
    ],
)
def test_an_option_that_is_given_again_makes_a_list(
    values: tuple[Any, ...], schema: dict[str, Any], value: object
) -> None:
    assert joined(values, schema) == value


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (TEXTS, "TEXT"),
        (WHOLE, "INTEGER"),
        (NUMBER_OR_NUMBERS, "NUMBER"),
        (SIZE, "N,N"),
        (FORM, "[pil|np]"),
        (IMAGE, "FILE"),
        (ANYTHING, "VALUE"),
        (OBJECT, "JSON"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, "NUMBER"),
        ({"anyOf": [{"type": "string"}, {"x-type": "Image"}]}, "TEXT"),
        ({"anyOf": [{"type": "string"}, {"enum": ["auto"]}]}, "TEXT"),
    ],
)
def test_help_says_in_capitals_what_may_be_given(schema: dict[str, Any], words: str) -> None:
    assert kind_words(schema) == words


def test_what_a_schema_is_of() -> None:
    assert (takes_several(TEXTS), takes_several(WHOLE), takes_several(SIZE)) == (True, False, False)
    assert is_switch({"anyOf": [{"type": "boolean"}, {"type": "null"}]})
    assert not is_switch(NESTED)
    assert not is_switch({"anyOf": [{"type": "null"}]})
    assert (names_a_file(IMAGE), names_a_file(TEXTS), names_a_file(ANYTHING)) == (True, False, False)
    assert choices({"anyOf": [{"enum": ["a", None]}, {"type": "array", "items": {"enum": [2]}}]}) == ["a", "2"]
