"""Strict YAML: where each part stands, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from brickwork import RepoError
from brickwork.registry.hub.strict_yaml import parse_yaml, scalar, written

TEXT = """\
# words
a: 1
list:
  - x: one
    y: [2, {z: 'three'}]
  - plain
last: ~
"""


def test_every_part_has_its_value_and_its_place() -> None:
    found = parse_yaml(TEXT.encode(), "x.yaml")
    assert found.data == {"a": 1, "list": [{"x": "one", "y": [2, {"z": "three"}]}, "plain"], "last": None}
    assert found.places == {
        (): (2, 1), ("a",): (2, 1), ("list",): (3, 1), ("list", 0): (4, 5), ("list", 0, "x"): (4, 5), ("list", 0, "y"): (5, 5),
        ("list", 0, "y", 0): (5, 9), ("list", 0, "y", 1): (5, 12), ("list", 0, "y", 1, "z"): (5, 13), ("list", 1): (6, 5), ("last",): (7, 1),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a:\n  b: 1\n  c: {d: 2}\n  b: 3", "line 4, column 3: the key 'b' stands there twice, first in line 2"),
        ("- {x: 1}\n- {x: 1, x: 2}", "line 2, column 10: the key 'x' stands there twice, first in line 2"),
        ("a: [1\nb", "line 3, column 1"),
        ("a: 'open", "line 1, column 9"),
        ("a: \x07", "is no YAML"),
        ("&x a: 1", "line 1, column 1: a key is a plain word or text"),
        ("!t a: 1", "line 1, column 1: a key is a plain word or text"),
        ("a: &x 1", r"line 1, column 4: anchors (&name) are not read"),
        ("a: !t 1", r"line 1, column 4: tags (!t) are not read; there is plain data only"),
        ("a: *x", r"line 1, column 4: aliases (*name) are not read"),
        ("%TAG !e! tag:e,2000:\n---\na: 1", "tags are not read"),
        ("a: 1\n--- \nb: 2", "line 2, column 1: there is a second document"),
        ("<<: 1", "line 1, column 1: merge keys (<<) are not read"),
        ("[" * 42 + "]" * 42, "line 1, column 42: it is nested deeper than 40 levels"),
    ],
)
def test_a_fault_is_said_with_its_place(text: str, fault: str) -> None:
    with pytest.raises(RepoError) as caught:
        parse_yaml(text.encode(), "x.yaml")
    assert str(caught.value).startswith("x.yaml")
    assert fault in str(caught.value)


def test_what_is_quoted_is_text_and_a_quoted_sign_is_a_key() -> None:
    assert parse_yaml(b"'<<': '1'\nb: \"~\"\nc: |\n  1\n", "x").data == {"<<": "1", "b": "~", "c": "1\n"}
    assert parse_yaml(b"", "x").data is None
    assert parse_yaml(("[" * 40 + "]" * 40).encode(), "x").data


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-7", -7), ("0o17", 15), ("0x1F", 31), ("1.5", 1.5), ("1e3", 1000.0), ("true", True), ("null", None), ("yes", "yes"),
     ("0b1", "0b1"), ("1_000", "1_000"), ("9" * 100, int("9" * 100)), ("9" * 101, "9" * 101)],
)  # fmt: skip
def test_a_plain_word_is_what_yaml_1_2_says(text: str, value: Any) -> None:
    found = scalar(text)
    assert (found, type(found)) == (value, type(value))


def test_text_that_would_be_read_as_something_else_is_quoted() -> None:
    assert written({"a": "1", "b": "x", "c": 1, "d": "null", "e": [True, "true"]}) == (
        "a: '1'\nb: x\nc: 1\nd: 'null'\ne:\n- true\n- 'true'\n"
    )
    shared = [1]
    assert written({"a": shared, "b": shared}) == "a:\n- 1\nb:\n- 1\n"
