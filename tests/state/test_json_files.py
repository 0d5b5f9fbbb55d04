"""Strict JSON: what two readers could take for different things is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from brickwork import RepoError
from brickwork.state.strict_json import read_json


def read(folder: Path, text: str | bytes) -> Any:
    path = folder / "x.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_json(path)


def test_an_object_is_read_as_it_is(tmp_path: Path) -> None:
    data = {"a": [1, 2.5, None, True, "ä"], "b": {"c": {}}}
    assert read(tmp_path, '{"a": [1, 2.5, null, true, "ä"], "b": {"c": {}}}') == data


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"a": 1, "b": 2, "a": 3}', "'a'"),
        ('{"b": 1, "a": 2, "a": 3, "b": 4}', "'a', 'b'"),
        ('{"x": [{"inner": 1, "other": 2, "inner": 1}]}', "'inner'"),
        ('{"a": 1, "\\u0061": 2}', "'a'"),
    ],
)
def test_a_key_that_stands_there_twice_is_named(text: str, names: str, tmp_path: Path) -> None:
    with pytest.raises(RepoError) as caught:
        read(tmp_path, text)
    assert f"x.json cannot be read: {names} stands there twice" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xff{}", "is no text in UTF-8"),
        ("[1]", "holds no JSON object"),
        ("{", "cannot be read"),
        ('{"a": ' + "[" * 200 + "]" * 200 + "}", "is nested deeper than"),
    ],
)
def test_what_is_no_object_is_refused_with_its_file(text: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(RepoError, match=rf"x\.json.* {message}"):
        read(tmp_path, text)


def test_brackets_in_text_are_no_nesting(tmp_path: Path) -> None:
    assert read(tmp_path, '{"a": "' + "[" * 500 + '\\""}')["a"] == "[" * 500 + '"'


def test_a_file_that_is_larger_than_asked_for_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": "' + "b" * 1993 + '"}')
    assert len(read_json(tmp_path / "x.json", 2002)["a"]) == 1993
    with pytest.raises(RepoError, match="2,002 bytes; at most 2,001 are read"):
        read_json(tmp_path / "x.json", 2001)
