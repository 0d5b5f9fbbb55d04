"""What callers give in the place of a path or of names."""

from __future__ import annotations

from pathlib import Path

import pytest

from brickwork import InputError
from brickwork.state.given import given_name, given_names, given_path


def test_a_path_is_text_or_a_path() -> None:
    assert given_path("a/b", "the folder") == given_path(Path("a/b"), "the folder") == Path("a/b")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (3, "the folder is 3 (int)"),
        (None, "the folder is None (NoneType)"),
        (["a"], "the folder is a list"),
        ("", "the folder is empty"),
    ],
)
def test_what_is_no_path_is_refused(value: object, words: str) -> None:
    with pytest.raises(InputError) as caught:
        given_path(value, "the folder")
    assert str(caught.value) == f"{words}; it is a path, as text or a Path."


def test_names_are_one_or_several() -> None:
    assert given_name("a", "x") == "a"
    assert given_names("ab", "x") == ["ab"]
    assert (
        given_names(("a", "b"), "x")
        == given_names(iter("ab"), "x")
        == given_names({"a": 1, "b": 2}.keys(), "x")
        == ["a", "b"]
    )


@pytest.mark.parametrize("value", [3, None, b"a", {"a": 1}])
def test_what_holds_no_names_is_refused(value: object) -> None:
    with pytest.raises(InputError, match=r"^names is .*; it is a name, or a list of names\.$"):
        given_names(value, "names")


def test_what_is_no_name_is_refused() -> None:
    with pytest.raises(InputError, match=r"^names holds 3 \(int\); each is a name, as text\.$"):
        given_names(["a", 3], "names")
    with pytest.raises(InputError, match=r"^workflow is 3 \(int\); it is a name, as text\.$"):
        given_name(3, "workflow")
