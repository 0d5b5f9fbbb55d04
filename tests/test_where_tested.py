"""Every source of more than 100 lines has a test file at its own place, or a line in where_tested.toml that is true."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from rooms import ROOT, sources

TESTS = Path(__file__).parent
WHERE: dict[str, dict[str, str]] = tomllib.loads((TESTS / "where_tested.toml").read_text())
LONG = 100
SOURCES = {path.relative_to(ROOT).as_posix(): path for path in sources() if path.name != "__init__.py"}
MODULES = {name.removesuffix(".py").replace("/", "."): name for name in SOURCES}


def own_test(source: str) -> Path:
    """Where the test file of a source lies if it has one of its own."""
    path = Path(source)
    return TESTS / path.parent / f"test_{path.name}"


@cache
def defined(source: str) -> frozenset[str]:
    """Names of functions, methods, classes, fields and constants that a source defines, and its own."""
    found = {Path(source).stem}
    for node in ast.walk(ast.parse(SOURCES[source].read_text())):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.AnnAssign, ast.Assign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return frozenset(found)


@cache
def used(test: Path) -> frozenset[str]:
    """Names that a test file uses: as names, attributes, keyword arguments, or in texts of one word."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(test.read_text())):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.keyword):
            found.add(node.arg or "")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return frozenset(found)


@cache
def users() -> dict[str, set[str]]:
    """Each source, and those that import it or name it in a table of modules."""
    found: dict[str, set[str]] = {name: set() for name in SOURCES}
    for name, path in SOURCES.items():
        package = Path(name).parent.parts
        for node in ast.walk(ast.parse(path.read_text())):
            modules: list[str] = []
            if isinstance(node, ast.ImportFrom) and node.level:
                base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
                whole = ".".join(part for part in base if part)
                modules = [whole, *(f"{whole}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                modules = re.findall(r"[a-z_]+(?:\.[a-z_]+)+", node.value)
            for module in modules:
                if module in MODULES:
                    found[MODULES[module]].add(name)
    return found


@cache
def leading_to(source: str) -> frozenset[str]:
    """A source, those that use it, those that use these, and so on."""
    found: set[str] = set()
    pending = [source]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += users()[name]
    return frozenset(found)


def fault(source: str, test: str, name: str) -> str:
    """What is wrong with a line, or nothing."""
    if not (TESTS / test).exists():
        return f"there is no tests/{test}"
    if name not in used(TESTS / test):
        return f"tests/{test} does not use {name}"
    if not any(name in defined(other) for other in leading_to(source)):
        return f"{name} is defined neither in {source} nor in what uses it"
    return ""


@pytest.mark.parametrize(
    "source", [name for name, path in SOURCES.items() if len(path.read_text().splitlines()) > LONG]
)
def test_a_long_source_has_a_test_of_its_own_or_says_where_it_is_tested(source: str) -> None:
    assert own_test(source).exists() is not bool(WHERE.get(source)), (
        f"{source} needs {own_test(source).relative_to(ROOT)}, or a line in where_tested.toml; not both"
    )


@pytest.mark.parametrize("source", WHERE)
def test_a_line_names_a_source_and_tests_that_come_to_it(source: str) -> None:
    assert source in SOURCES, "the source is gone: so goes the line"
    assert [fault(source, test, name) for test, name in WHERE[source].items() if fault(source, test, name)] == []


def test_a_line_that_is_not_true_is_noticed() -> None:
    svg = "engine/planning/svg.py"
    assert fault(svg, "engine/planning/test_graph.py", "graph") == ""
    assert (
        fault(svg, "engine/planning/test_pictures.py", "graph") == "there is no tests/engine/planning/test_pictures.py"
    )
    assert fault(svg, "state/test_tensor_list.py", "graph") == "tests/state/test_tensor_list.py does not use graph"
    assert fault(svg, "state/test_tensor_list.py", "read_tensor_list") == (
        f"read_tensor_list is defined neither in {svg} nor in what uses it"
    )
