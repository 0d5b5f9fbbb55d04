"""Messages say "a" or "an" as the name after it is said: `with_article` decides that, and no f-string does."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

import pytest
from rooms import ROOT, sources


def written_articles(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and expression of what follows on an article that stands in the text of an f-string."""
    for node in ast.walk(tree):
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        for text, value in itertools.pairwise(parts):
            words = str(text.value).lower() if isinstance(text, ast.Constant) else ""
            # What is shown as written (!r) is no word that is said.
            if (
                isinstance(value, ast.FormattedValue)
                and value.conversion == -1
                and f" {words}".endswith((" a ", " an ", "(a "))
            ):
                yield node.lineno, ast.unparse(value.value)


@pytest.mark.parametrize("text", ["is a {x}", "A {x}", "is an {x}", "1 (a {x})"])
def test_a_written_article_is_found(text: str) -> None:
    assert list(written_articles(ast.parse(f'f"{text}"'))) == [(1, "x")]


@pytest.mark.parametrize("text", ["data {x}", "is a {x!r}", "is {x}", "{x} a"])
def test_other_words_are_none(text: str) -> None:
    assert not list(written_articles(ast.parse(f'f"{text}"')))


def test_no_message_has_an_article_written_before_a_name() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} before {what}"
        for path in sources()
        for line, what in written_articles(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not found, f"write {{with_article(...)}} of state/errors.py: {found}"
