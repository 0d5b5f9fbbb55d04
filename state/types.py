"""Turning written annotations into types, and types into words."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, ForwardRef, Literal, Union, get_args, get_origin

from .errors import DeclarationError, nearest
from .type_advice import unknown_name
from .vocabulary import value_of


@cache
def _type_checking_imports(module: str) -> Mapping[str, tuple[str, str | None]]:
    """Return what a module imports for type checkers only: the name to the module that it is from, and its name there."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError, KeyError, SyntaxError):
        return {}
    package = getattr(sys.modules[module], "__package__", None) or module.rpartition(".")[0]
    found: dict[str, tuple[str, str | None]] = {}
    for node in _statements(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for statement in _statements(node):
                if isinstance(statement, ast.ImportFrom):
                    source = "." * statement.level + (statement.module or "")
                    absolute = importlib.util.resolve_name(source, package) if statement.level else source
                    found.update({a.asname or a.name: (absolute, a.name) for a in statement.names})
                elif isinstance(statement, ast.Import):
                    found.update({a.asname or a.name.partition(".")[0]: (a.name, None) for a in statement.names})
    return found


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Return the statements in a tree as `ast.walk` does, without the expressions in them, which are most of a module."""
    pending = deque([tree])
    while pending:
        node = pending.popleft()
        yield node
        pending += [each for each in ast.iter_child_nodes(node) if isinstance(each, _HOLDS_STATEMENTS)]


_HOLDS_STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.match_case)


class _Names(dict[str, Any]):
    """Namespace of annotations: a class's own names, then what its module imports for type checkers only."""

    def __init__(self, owner: type | Callable[..., Any]) -> None:
        super().__init__(vars(owner) if isinstance(owner, type) else {})
        self.module = owner.__module__
        # Code that was run by exec() may name a module that is nowhere.
        self.of_module = vars(sys.modules[self.module]) if self.module in sys.modules else {}

    def __missing__(self, name: str) -> Any:
        if name in self.of_module:
            raise KeyError(name)
        source, attribute = _type_checking_imports(self.module)[name]
        module = importlib.import_module(source)
        return getattr(module, attribute) if attribute else sys.modules[source.partition(".")[0]]


def resolve_hint(hint: Any, owner: type | Callable[..., Any]) -> Any:
    """Return the type that an annotation of `owner` (a class or function) means, importing what it names.

    Raises:
        DeclarationError: a name in it is unknown.
    """
    # With `from __future__ import annotations` a type in quotes is text of text.
    for _ in range(_MOST_QUOTES):
        hint = _evaluated(hint, owner) if isinstance(hint, str) else hint
    if isinstance(hint, ForwardRef):
        if hint.__forward_module__ is None:
            return resolve_hint(hint.__forward_arg__, owner)
        return getattr(importlib.import_module(str(hint.__forward_module__)), hint.__forward_arg__)
    return _resolve_parts(hint, owner)


_MOST_QUOTES = 2


def _evaluated(hint: str, owner: type | Callable[..., Any]) -> Any:
    """Return what an annotation that is text means."""
    names = _Names(owner)
    said = f"{owner.__qualname__}: the annotation {hint!r}"
    try:
        return eval(hint, names.of_module, names)
    except NameError as error:
        known = {*names.of_module, *_type_checking_imports(owner.__module__)}
        raise DeclarationError(
            f"{said} names {error.name!r}, which its module does not import. {unknown_name(str(error.name), known)}"
        ) from None
    except AttributeError as error:
        near = nearest(str(error.name), dir(error.obj))
        advice = f" Did you mean {near!r}?" if near else ""
        raise DeclarationError(f"{said} cannot be read: {error}.{advice}") from None
    except (SyntaxError, TypeError) as error:
        raise DeclarationError(
            f"{said} cannot be read: {error}. Write a type, such as int, list[str] or int | None."
        ) from None


def _resolve_parts(hint: object, owner: type | Callable[..., Any]) -> Any:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is None or origin is Literal or not parts:
        return hint
    if origin is Annotated:
        return Annotated[(resolve_hint(parts[0], owner), *parts[1:])]
    if origin in (Union, types.UnionType):
        return Union[tuple(resolve_hint(part, owner) for part in parts)]  # noqa: UP007 - built at run time
    if any(isinstance(part, (list, tuple)) for part in parts):
        return hint
    resolved = tuple(resolve_hint(part, owner) if part is not Ellipsis else part for part in parts)
    return hint if resolved == parts else origin[resolved]


def type_words(hint: object) -> str:  # noqa: PLR0911 - one line per kind of type
    """Describe a type for people: `Tensor[b c h w]`, `str | list[str] | None`."""
    if hint is None or hint is Any:
        return "any"
    if isinstance(hint, str):
        return hint
    if isinstance(hint, ForwardRef):
        return hint.__forward_arg__
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        value = value_of(hint)
        inner = type_words(parts[0])
        return f"{inner}[{value.shape}]" if value and value.shape and "|" not in inner else inner
    if origin in (Union, types.UnionType):
        return " | ".join("None" if part is type(None) else type_words(part) for part in parts)
    if origin is Literal:
        return " | ".join(repr(part) for part in parts)
    if origin is not None and parts:
        inner = ", ".join("..." if part is Ellipsis else type_words(part) for part in parts)
        return f"{getattr(origin, '__name__', origin)}[{inner}]"
    return getattr(hint, "__name__", str(hint))


def strip_metadata(hint: object) -> Any:
    """Return a type without `Annotated` metadata and without None."""
    if get_origin(hint) is Annotated:
        return strip_metadata(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        parts = [part for part in get_args(hint) if part is not type(None)]
        if len(parts) == 1:
            return strip_metadata(parts[0])
    return hint


def plain_type(hint: object) -> Any:
    """Return a type without any `Annotated` metadata, as a person would write it."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return plain_type(parts[0])
    if origin in (Union, types.UnionType):
        return Union[tuple(plain_type(part) for part in parts)]  # noqa: UP007 - built at run time
    return hint


def is_type(hint: object) -> bool:
    """Return whether something may stand for a type: a class, a form of `typing`, or the name of one, and no object."""
    forms = ("typing", "types", "typing_extensions")
    return hint is None or isinstance(hint, (type, str, types.GenericAlias)) or type(hint).__module__ in forms


def group_marker(hint: object) -> Any:
    """Return the `Group` in an annotation's metadata, if any."""
    if get_origin(hint) is Annotated:
        from .conditioning import Group

        return next((m for m in get_args(hint)[1:] if isinstance(m, Group)), None)
    return None
