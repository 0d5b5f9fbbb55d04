"""requirements.toml names tests that are there, and no test is named by a row of a document that is elsewhere."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
REQUIREMENTS: dict[str, list[str]] = {
    row: tests
    for table in tomllib.loads((TESTS / "requirements.toml").read_text()).values()
    for row, tests in table.items()
}


def functions_of(file: Path) -> list[str]:
    """Names of the tests that a file defines."""
    tree = ast.parse(file.read_text())
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


@pytest.mark.parametrize("row", REQUIREMENTS)
def test_every_test_of_a_requirement_is_there(row: str) -> None:
    assert REQUIREMENTS[row]
    for test in REQUIREMENTS[row]:
        file, _, name = test.partition("::")
        assert (TESTS / file).exists(), f"{row}: there is no tests/{file}"
        assert name in functions_of(TESTS / file), f"{row}: tests/{file} has no {name}"


def test_names_of_tests_say_the_behaviour_and_no_row() -> None:
    names = {name: file for file in TESTS.rglob("test_*.py") for name in functions_of(file)}
    rows = "|".join(REQUIREMENTS)
    assert {name for name in names if re.match(rf"test_(?:{rows})(?:_|$)", name, re.IGNORECASE)} == set()
