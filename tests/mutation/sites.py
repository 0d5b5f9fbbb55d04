"""Where in a file code can be changed: nodes of its syntax tree, with the statement and function around each."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from attrs import evolve, frozen

Function = ast.FunctionDef | ast.AsyncFunctionDef
_ANNOTATIONS = {"annotation", "returns"}
_NOT_CODE = (ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal, ast.Assert)


@frozen(eq=False)
class Site:
    """A node that can be changed.

    Attributes:
        statement: the innermost one around it. function: the innermost one whose body it is in; None where it runs on import.
        in_message: whether it is part of a `raise`, whose plain text is for people.
        is_condition: whether `if`, `while` or `x if y else z` asks it.
        in_subscript: whether it stands between brackets, where a tuple is no list of alternatives.
    """

    node: ast.AST
    statement: ast.stmt
    function: Function | None = None
    in_message: bool = False
    is_condition: bool = False
    in_subscript: bool = False

    @property
    def lines(self) -> range:
        """Lines of the statement, or of its head where others are in it."""
        body = getattr(self.statement, "body", None)
        last = body[0].lineno - 1 if body else self.statement.end_lineno or self.statement.lineno
        return range(self.statement.lineno, max(last, self.statement.lineno) + 1)


def sites_of(tree: ast.Module) -> Iterator[Site]:
    """All places in a module where something computes: no annotations, docstrings, imports, `__all__`, asserts."""
    for statement in tree.body:
        yield from _of_statement(Site(statement, statement))


def _of_statement(site: Site) -> Iterator[Site]:
    statement = site.statement
    if isinstance(statement, _NOT_CODE) or _is_docstring(statement) or _is_for_type_checkers(statement):
        return
    if isinstance(statement, ast.Assign) and any(_is_name(target, "__all__") for target in statement.targets):
        return
    yield site
    inner = evolve(site, in_message=isinstance(statement, ast.Raise))
    for name, child in _children(statement):
        if isinstance(child, ast.stmt):
            function = statement if isinstance(statement, Function) and name == "body" else site.function
            yield from _of_statement(Site(child, child, function))
        elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
            yield from _of_case(child, inner)
        else:
            yield from _of_expression(evolve(inner, node=child, is_condition=name == "test"))


def _of_case(case: ast.ExceptHandler | ast.match_case, around: Site) -> Iterator[Site]:
    for _, child in _children(case):
        if isinstance(child, ast.stmt):
            yield from _of_statement(Site(child, child, around.function))
        else:
            yield from _of_expression(evolve(around, node=child))


def _of_expression(site: Site) -> Iterator[Site]:
    yield site
    # The parts of an f-string have no places of their own before Python 3.12.
    if isinstance(site.node, ast.JoinedStr):
        return
    for name, child in _children(site.node):
        if isinstance(child, ast.keyword) and child.arg == "repr":
            continue
        in_subscript = isinstance(site.node, ast.Subscript) and name == "slice"
        yield from _of_expression(evolve(site, node=child, is_condition=name == "test", in_subscript=in_subscript))


def _children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for name, value in ast.iter_fields(node):
        if name in _ANNOTATIONS:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield name, child


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_for_type_checkers(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and _is_name(statement.test, "TYPE_CHECKING")


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
