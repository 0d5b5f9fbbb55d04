"""JSON of others: what is read as what, what is refused in words, and that what is written is read again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from brickwork import RepoError
from brickwork.state.limits import DEEPEST, LONGEST_NUMBER
from brickwork.state.strict_json import parse_json, read_json, written_json

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), plain, max_size=4))
def test_what_is_written_is_read_as_the_same(data: dict[str, Any]) -> None:
    assert parse_json(written_json(data, "it").encode(), "it") == data


@given(st.binary(max_size=40))
def test_any_bytes_are_data_or_an_error_of_ours(data: bytes) -> None:
    try:
        assert isinstance(parse_json(data, "it"), dict)
    except RepoError as error:
        assert str(error).startswith("it ")  # noqa: PT017


def test_a_byte_order_mark_and_ends_of_lines_of_windows_are_read() -> None:
    assert parse_json(b'\xef\xbb\xbf{\r\n  "a": 1\r\n}\r\n', "it") == {"a": 1}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"a": 1, "b": 2, "a": 3}', "it cannot be read: 'a' stands there twice"),
        (b'{"x": {"a": 1, "a": 3}}', "'a' stands there twice"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), f"it is nested deeper than {DEEPEST} levels"),
        (b'{"a":' * 9000, "it is nested deeper"),
        (b'{"a": ' + b"9" * (LONGEST_NUMBER + 1) + b"}", "a number has 401 digits; at most 400 are read"),
        (b'{"a": 0.' + b"9" * LONGEST_NUMBER + b"}", "a number has 402 digits"),
        (b'{"a": 1', "Expecting ',' delimiter"),
        (b'{"a": "\\ud800"}', "surrogates not allowed"),
        (b'{"\\udfff": 1}', "surrogates not allowed"),
        (b'{"a": "\xed\xa0\x80"}', "it is no text in UTF-8"),
        (b"\xff\xfe{\x00}\x00", "it is no text in UTF-8"),
        (b"[1]", "it holds no JSON object"),
        (b"", "Expecting value"),
    ],
)
def test_what_is_no_object_of_json_is_said(data: bytes, message: str) -> None:
    with pytest.raises(RepoError, match=message):
        parse_json(data, "it")


def test_depth_and_digits_up_to_the_limits_are_read() -> None:
    deep = b'{"a":' * DEEPEST + b"1" + b"}" * DEEPEST
    assert "a" in parse_json(deep, "it")
    assert parse_json(b'{"a": ' + b"9" * LONGEST_NUMBER + b"}", "it")["a"] == int("9" * LONGEST_NUMBER)
    assert parse_json(b'{"brackets": "[[[[' + b"[" * 999 + b'\\"{{{{"}', "it")["brackets"].endswith('"{{{{')
    assert parse_json(b'{"a": "\\ud83d\\ude00"}', "it") == {"a": "\U0001f600"}


def test_bytes_and_values_are_counted() -> None:
    with pytest.raises(RepoError, match="it has 30 bytes; at most 20 are read"):
        parse_json(b'{"a": "' + b"x" * 21 + b'"}', "it", largest=20)
    with pytest.raises(RepoError, match="it has 5 values; at most 4 are read"):
        parse_json(b'{"a": [1, 2, 3, 4]}', "it", most_items=4)
    assert parse_json(b'{"a": [1, 2, 3]}', "it", most_items=4) == {"a": [1, 2, 3]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"a": {1, 2}}, "it cannot be written: Object of type set"),
        ({"a": "\ud800"}, "it cannot be written: .*surrogates not allowed"),
        ({"a": 10**LONGEST_NUMBER}, "a number has 401 digits.* So it is not written"),
        ({"a": "x" * 100}, "it has 109 bytes; at most 100 are read. So it is not written"),
        ({1: 2, "1": 3}, "'1' stands there twice"),
    ],
)
def test_what_would_not_be_read_is_not_written(data: Any, message: str) -> None:
    with pytest.raises(RepoError, match=message):
        written_json(data, "it", largest=100 if "x" * 100 in data.values() else 10_000)


def test_what_is_deeper_than_is_read_is_not_written() -> None:
    data: dict[str, Any] = {}
    for _ in range(DEEPEST):
        data = {"a": data}
    with pytest.raises(RepoError, match=f"nested deeper than {DEEPEST} levels. So it is not written"):
        written_json(data, "it")
    for _ in range(5000):
        data = {"a": data}
    with pytest.raises(RepoError, match="cannot be written"):
        written_json(data, "it")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_only_ordinary_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, message in (
        (tmp_path / "pipe", "is no ordinary file"),
        (Path("/dev/zero"), "is no ordinary file"),
        (tmp_path, "is no ordinary file"),
        (tmp_path / "none", "There is no file"),
        (tmp_path / "a\0b", "cannot be read: embedded null byte"),
    ):
        with pytest.raises(RepoError, match=message):
            read_json(path)
