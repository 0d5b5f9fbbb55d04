"""docs/extending.md names every class of the package that others derive from or implement."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import room_map


def is_left_open(cls: ast.ClassDef) -> bool:
    """Whether a class leaves something to who derives from it, or only says what others must have."""
    protocol = any(ast.unparse(base).startswith("Protocol") for base in cls.bases)
    marked = any(keyword.arg == "is_base" for keyword in cls.keywords)
    marked |= any(isinstance(s, ast.AnnAssign) and ast.unparse(s.target) == "_is_framework_base" for s in cls.body)
    methods = [statement for statement in cls.body if isinstance(statement, ast.FunctionDef)]
    return protocol or marked or any(raises_not_implemented(method) for method in methods)


def raises_not_implemented(method: ast.FunctionDef) -> bool:
    last = method.body[-1]
    return isinstance(last, ast.Raise) and last.exc is not None and "NotImplementedError" in ast.unparse(last.exc)


def classes_of(tree: ast.Module) -> Iterator[str]:
    yield from (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and is_left_open(node))


def test_every_class_to_derive_from_is_on_the_page() -> None:
    page = set(re.findall(r"\w+", (room_map.ROOT / "docs" / "extending.md").read_text()))
    files = room_map.module_files()
    found = {name: module for module, path in files.items() for name in classes_of(ast.parse(path.read_text()))}
    assert len(found) > 15
    missing = {name: module for name, module in found.items() if name not in page}
    assert missing == {}, "describe them in docs/extending.md, or say in its last section whose own they are"


def test_a_class_that_leaves_a_method_open_is_found() -> None:
    source = """
class Open:
    def run(self):
        '''Do it.'''
        raise NotImplementedError("define run")
class Shape(Protocol):
    x: int
class Marked:
    _is_framework_base: ClassVar[bool] = True
class Base(Marked, is_base=True):
    pass
class Closed(Open):
    def run(self):
        if not self:
            raise NotImplementedError
        return 1
"""
    assert list(classes_of(ast.parse(source))) == ["Open", "Shape", "Marked", "Base"]
