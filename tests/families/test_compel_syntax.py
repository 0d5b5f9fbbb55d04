"""Pieces and weights are those of compel 2.5.1, from whose parser the table was written."""

from __future__ import annotations

import pytest

from brickwork.families.prompt_reading import read_prompt

TABLE = {
    "a red++ cat": [("a", 1.0), ("red", 1.1**2), ("cat", 1.0)],
    "(a b)1.4 c": [("a b", 1.4), ("c", 1.0)],
    "well-known c- d": [("well-known", 1.0), ("c", 0.9), ("d", 1.0)],
    "a cat (close up), b": [("a cat close up , b", 1.0)],
    '"a b"++ (x (y)1.2 z)0.5': [("a b", 1.1**2), ("x", 0.5), ("y", 0.5 * 1.2), ("z", 0.5)],
    "(a = b)2 d+": [("(a = b)2", 1.0), ("d", 1.1)],
    "plain, text.x d+": [("plain, text.x", 1.0), ("d", 1.1)],
    "red,blue (a,b)1.2": [("red, blue", 1.0), ("a , b", 1.2)],
    "x,(y)1.2,z++": [("x,", 1.0), ("y", 1.2), (",", 1.0), ("z", 1.1**2)],
    "a--b c++d": [("a", 0.9**2), ("b", 1.0), ("c", 1.1**2), ("d", 1.0)],
    "un(be)1.2 d+": [("un(be)1.2", 1.0), ("d", 1.1)],
    "(a b d+": [("(a b", 1.0), ("d", 1.1)],
    "x) y+": [("x)", 1.0), ("y", 1.1)],
    "(a)-- b": [("a", 0.9**2), ("b", 1.0)],
    "C++ code": [("C", 1.1**2), ("code", 1.0)],
    "((a)1.2 b)1.3": [("a", 1.3 * 1.2), ("b", 1.3)],
    "(2 3)1.5": [("2 3", 1.5)],
    r"\(a\) b+": [("(a)", 1.0), ("b", 1.1)],
    "(b)-.5": [("b", 0.9), (".5", 1.0)],
    "(a b)2": [("a b", 2.0)],
    '"a': [('"a', 1.0)],
}


@pytest.mark.parametrize("text", TABLE)
def test_pieces_and_weights(text: str) -> None:
    (part,) = read_prompt(text, "compel").parts
    assert [(span.text, pytest.approx(span.weight)) for span in part] == TABLE[text]
