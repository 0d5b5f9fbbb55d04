"""The page of placement without a GPU names tests that are there, as pytest knows them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def names_in(file: str) -> set[str]:
    """Names of the tests of a file; those of a class with it before them, as in `TestOrder::test_it`."""
    body = ast.parse((ROOT / file).read_text()).body
    classes = {each.name: each.body for each in body if isinstance(each, ast.ClassDef)}
    functions = [("", body), *((f"{name}::", inner) for name, inner in classes.items())]
    return {
        f"{prefix}{each.name}" for prefix, inner in functions for each in inner if isinstance(each, ast.FunctionDef)
    }


def test_what_went_wrong_once_has_a_test_each() -> None:
    page = (ROOT / "tests/support/placement.md").read_text()
    rows = re.findall(r"^\| (\d*) \|.*\| (.*) \|$", page, re.MULTILINE)
    assert [int(number) for number, _ in rows if number] == [*range(1, 24)]
    named = [re.fullmatch(r"`(tests/\S+\.py)::(\S+)`", cell) for _, cell in rows]
    assert [row for row, name in zip(rows, named, strict=True) if name is None] == []
    known = {file: names_in(file) for file in {name[1] for name in named if name}}
    assert [name[0] for name in named if name and name[2] not in known[name[1]]] == []


def test_methods_are_named_with_their_class() -> None:
    known = names_in("tests/registry/devices/test_torch_memory.py")
    method = "test_memory_is_always_allocated_on_the_stream_that_computes"
    assert f"TestOrder::{method}" in known
    assert method not in known
