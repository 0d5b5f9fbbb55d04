"""Which modules of the package import which, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path


def imports(name: str, files: Mapping[str, Path], *, deferred: bool = False, typing: bool = False) -> set[str]:
    """Modules among the files that a module imports: when it is imported itself, in functions too, or for type checkers alone."""
    path = files[name]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found: set[str] = set()
    for node, kind in _relative_imports(path):
        if kind in {"top", *_kinds(deferred, typing)}:
            if typing and kind != "typing":
                continue
            base = package[: len(package) - node.level + 1]
            whole = ".".join([*base, *(node.module or "").split(".")]).rstrip(".")
            found |= {each if (each := f"{whole}.{alias.name}".lstrip(".")) in files else whole for alias in node.names}
    return found & files.keys() - {name}


def _kinds(deferred: bool, typing: bool) -> set[str]:
    return {kind for kind, is_wanted in (("deferred", deferred), ("typing", typing)) if is_wanted}


@cache
def _relative_imports(path: Path) -> list[tuple[ast.ImportFrom, str]]:
    statements = _statements(ast.parse(path.read_text()), "top")
    return [(node, kind) for node, kind in statements if isinstance(node, ast.ImportFrom) and node.level]


def _statements(tree: ast.AST, kind: str) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.iter_child_nodes(tree):
        inner = kind
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            inner = "typing"
        elif isinstance(node, (ast.FunctionDef, ast.Lambda)) and kind == "top":
            inner = "deferred"
        yield node, inner
        yield from _statements(node, inner)
