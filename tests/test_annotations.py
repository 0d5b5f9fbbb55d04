"""What arguments of the package are annotated with, read from the source: few say `Any`, which asks nothing and tells nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUTSIDE = {"tests", "training", "benchmarks", "examples"}
"""Folders of the repository that are not the package's."""
ROOMS = sorted({path.parent.name for path in ROOT.glob("*/__init__.py")} - OUTSIDE)
LARGEST_SHARE = 0.08
"""Of arguments that are exactly `Any`; the code bases that this package is measured against have 0 to 8 %."""


def arguments(tree: ast.AST) -> Iterator[ast.arg]:
    """Annotated arguments of every function, `*args` and `**kwargs` among them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            every = node.args
            found = [*every.posonlyargs, *every.args, *every.kwonlyargs, every.vararg, every.kwarg]
            yield from (arg for arg in found if arg and arg.annotation and arg.arg not in {"self", "cls"})


def is_any(annotation: ast.expr | None) -> bool:
    """Whether an annotation is exactly `Any`, also as a string or as `typing.Any`."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    return annotation is not None and ast.unparse(annotation) in {"Any", "typing.Any"}


def counted(room: str = "") -> tuple[int, int]:
    """Number of arguments that are exactly `Any` in a room or in all, and of those with an annotation."""
    found = [
        is_any(argument.annotation)
        for each in ROOMS
        if each == room or not room
        for path in (ROOT / each).rglob("*.py")
        for argument in arguments(ast.parse(path.read_text()))
    ]
    return sum(found), len(found)


def test_few_arguments_are_exactly_any() -> None:
    table = {room: "{} of {}".format(*counted(room)) for room in ROOMS}
    vague, every = counted()
    assert every > 3000, table  # otherwise the files were not found
    assert vague / every < LARGEST_SHARE, table


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(a: Any, b: 'Any', *c: typing.Any, d: int = 1, **e: Any): ...", [True, True, True, False, True]),
        ("class A:\n    def f(self: Any, a: Any | None, b: dict[str, Any], c): ...", [False, False]),
        ("async def f(a: Any, /): ...", [True]),
    ],
)  # fmt: skip
def test_any_is_counted_wherever_an_argument_can_stand(source: str, expected: list[bool]) -> None:
    found = sorted(arguments(ast.parse(source)), key=lambda argument: argument.arg)
    assert [is_any(argument.annotation) for argument in found] == expected
