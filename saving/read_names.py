"""Which names a definition reads of its module: those of annotations, and of annotations that are text, too."""

from __future__ import annotations

import ast
import builtins
import contextlib
import symtable
from collections.abc import Iterator

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_OF_PYTHON = frozenset({"builtins", "_io", "io", "_sitebuiltins"})


def global_names(source: str) -> list[str]:
    """Return names that a definition reads of its module, annotations included, and does not get from Python."""
    tree = ast.parse(source)
    read = _read_globals(symtable.symtable(source, "<definition>", "exec"))
    found = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in read]
    annotated = _annotated(tree, frozenset(), frozenset())
    return [name for name in dict.fromkeys([*found, *annotated]) if not _is_of_python(name)]


def _is_of_python(name: str) -> bool:
    """Return whether every Python has a name; shells put further ones beside those, such as `display`."""
    if not hasattr(builtins, name):
        return False
    value = getattr(builtins, name)
    return (getattr(value, "__module__", None) or type(value).__module__) in _OF_PYTHON


def _read_globals(table: symtable.SymbolTable) -> set[str]:
    """Return the names that are looked up in the module, in any scope: what a comprehension or an argument binds is none."""
    is_module = table.get_type() == "module"
    own = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (is_module or s.is_global())}
    return own.union(*map(_read_globals, table.get_children()))


def _annotated(node: ast.AST, around: frozenset[str], here: frozenset[str]) -> Iterator[str]:
    """Yield the names in annotations within a node that no class or function binds where they stand.

    A block names its class `Out` as a result, and IPython has an `Out` in every notebook.

    Args:
        around: names that functions around it bind. here: those that stand at its place, of a class around it, too.
    """
    annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
    if isinstance(annotation, ast.AST):
        yield from (name for name in _names_in(annotation) if name not in here)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            # Functions and classes within a class do not see its names.
            types = _type_parameters(child)
            yield from _annotated(child, around | types, around | types | _bound(child.body))
        elif isinstance(child, _FUNCTIONS):
            yield from _of_function(child, around, here | _type_parameters(child))
        else:
            yield from _annotated(child, around, here)


def _of_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, around: frozenset[str], here: frozenset[str]
) -> Iterator[str]:
    """Yield those of a function: of its arguments and result, which stand where it stands, and of what is within it."""
    arguments = [node.args, getattr(node, "returns", None)]
    for annotation in [each for each in arguments if each is not None]:
        is_text = isinstance(annotation, ast.expr)
        found = _names_in(annotation) if is_text else _annotated(annotation, around, frozenset())
        yield from (name for name in found if name not in here)
    body = node.body if isinstance(node.body, list) else [node.body]
    given = frozenset(each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg))
    within = around | _type_parameters(node) | given | _bound(body)
    for each in body:
        yield from _annotated(ast.Module([each], []) if isinstance(each, ast.stmt) else each, within, within)


def _bound(body: list[ast.stmt] | list[ast.expr]) -> frozenset[str]:
    """Return the names that statements bind in their own scope, not those of scopes within it."""
    found: set[str] = set()
    pending: list[ast.AST] = [*body]
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {(each.asname or each.name).partition(".")[0] for each in node.names}
        elif isinstance(node, ast.AnnAssign) and node.value is None:
            continue  # says a type, and binds nothing
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif not isinstance(node, (ast.Lambda, *_COMPREHENSIONS)):
            pending += ast.iter_child_nodes(node)
    return frozenset(found)


def _type_parameters(node: ast.AST) -> frozenset[str]:
    return frozenset(each.name for each in getattr(node, "type_params", ()))


def _names_in(annotation: ast.AST) -> Iterator[str]:
    """Yield the names of an annotation, and of those in it that are text; texts of a `Literal` are values."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        with contextlib.suppress(SyntaxError):
            annotation = ast.parse(annotation.value, mode="eval").body
    pending = [annotation]
    while pending:
        part = pending.pop(0)
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.isidentifier():
            yield part.value
        if isinstance(part, ast.Subscript) and ast.unparse(part.value).endswith("Literal"):
            pending.append(part.value)
        else:
            pending += ast.iter_child_nodes(part)
