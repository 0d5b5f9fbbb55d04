"""The tables of docs/families.md are those of the tests."""

from __future__ import annotations

import ast

import family_page
from rooms import ROOT


def test_the_tables_are_those_of_the_tests() -> None:
    assert family_page.written() == family_page.PAGE.read_text(), "run tests/support/family_page.py"


def test_the_smallest_family_takes_at_most_sixty_lines() -> None:
    """Of contract and preset, without docstrings and empty lines."""
    counted = 0
    for name in ("families/ddpm.py", "presets/ddpm/__init__.py"):
        source = (ROOT / name).read_text()
        tree = ast.parse(source)
        texts = [node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
        silent = {line for node in texts for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
        lines = enumerate(source.splitlines(), start=1)
        counted += sum(1 for number, line in lines if line.strip() and number not in silent)
    assert counted <= 60
