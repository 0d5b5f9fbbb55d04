"""The source of a class that was written in a script, a notebook or a shell: it, and what it refers to there."""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import sys
import textwrap
from collections.abc import Mapping
from types import FunctionType, ModuleType
from typing import Any

from attrs import define, field

from ..state import RepoError
from ..state.classes.class_bodies import functions_of
from ..state.code_home import is_of_package
from ..state.errors import with_article
from .read_names import global_names

_VOCABULARY = "brickwork.state.vocabulary"
_MISSING = object()


def sliced_source(cls: type) -> str:
    """Return a module's text with a class, and with the imports, functions, classes and constants that it names.

    Raises:
        RepoError: a source is not to be had, or a name has a value that no text stands for.
    """
    names: Mapping[str, Any] = vars(sys.modules[cls.__module__])
    slices = _Slices(names, cls.__module__)
    slices.add_definition(cls)
    future = "from __future__ import annotations" if slices.needs_text_annotations else ""
    parts = [future, "\n".join(sorted(slices.imports)), *slices.constants]
    return "\n\n".join(filter(None, [*parts, *slices.definitions])) + "\n"


@define(eq=False)
class _Slices:
    names: Mapping[str, Any]
    module: str
    imports: set[str] = field(factory=set)
    constants: list[str] = field(factory=list)
    definitions: list[str] = field(factory=list)
    needs_text_annotations: bool = False
    """Whether a definition was made with annotations as text, or two name each other; else functions in functions run other code."""
    _met: set[str] = field(factory=set)
    _begun: set[str] = field(factory=set)

    def add_definition(self, thing: Any) -> None:
        """Add a class or function, after what it refers to."""
        self._met.add(thing.__name__)
        source = _source_of(thing)
        names = global_names(source)
        # Two that name each other cannot both stand first; annotations as text are not evaluated where they stand.
        self.needs_text_annotations |= _has_text_annotations(thing) or not self._begun.isdisjoint(names)
        self._begun.add(thing.__name__)
        for name in names:
            # A shell puts some names of its own, as `display`, beside those of Python.
            value = self.names.get(name, vars(builtins).get(name, _MISSING))
            if value is not _MISSING and name not in self._met:
                self._met.add(name)
                self._add(name, value, thing.__name__)
        # After its names: a definition may use what it names while it is being made, as a base class or a decorator.
        self._begun.remove(thing.__name__)
        self.definitions.append(source)

    def _add(self, name: str, value: object, user: str) -> None:
        if isinstance(value, ModuleType):
            self.imports.add(
                f"import {value.__name__}" if value.__name__ == name else f"import {value.__name__} as {name}"
            )
        elif isinstance(value, (type, FunctionType)) and value.__module__ == self.module:
            self.add_definition(value)
        elif origin := _origin(name, value):
            self.imports.add(origin)
        else:
            self.constants.append(f"{name} = {_text_of(name, value, user)}")


def _origin(name: str, value: object) -> str | None:
    """Return the import that gives a value its name: of its own module, or of the first that has it under this name."""
    home, own = getattr(value, "__module__", None), getattr(value, "__name__", None)
    # Looked up, and not believed: `__module__` is a text that anybody can set.
    if isinstance(home, str) and isinstance(own, str) and getattr(sys.modules.get(home), own, None) is value:
        # From the top package where that has it, too, because private modules move from version to version.
        public = home.partition(".")[0]
        home = public if getattr(sys.modules.get(public), own, None) is value else home
        return f"from {home} import {own}" if own == name else f"from {home} import {own} as {name}"
    if not isinstance(value, (bool, int, float, str, bytes, list, tuple, dict, set, type(None))):
        # From the vocabulary first, where people find it.
        for where, module in sorted(sys.modules.items(), key=lambda each: (each[0] != _VOCABULARY, each[0])):
            if where.partition(".")[0] in ("brickwork", "typing", "attrs") and vars(module).get(name) is value:
                return f"from {where} import {name}"
    return None


def _text_of(name: str, value: object, user: str) -> str:
    text = repr(value)
    try:
        # By what the text means: a subclass, or an array, may print as something that is no literal, or is another.
        same = ast.literal_eval(text) == value
    except (ValueError, SyntaxError, TypeError, MemoryError):
        same = False
    if not same:
        raise RepoError(
            f"{user} uses {name!r}, {with_article(type(value).__name__)} of the script or notebook, which no text stands for. Move the block to "
            "a module, or make the value within it."
        )
    return text


def _source_of(thing: Any) -> str:
    found = _class_source(thing) if isinstance(thing, type) else None
    try:
        return found or textwrap.dedent(inspect.getsource(thing)).rstrip()
    except (OSError, TypeError):
        raise RepoError(
            f"The source of {thing.__qualname__} is not to be had: it was written in a shell, or made by code. Write it to a file."
        ) from None


def text_of_class(cls: type) -> str:
    """Return the text that a class was compiled with: of a notebook, its cell; nothing where there is none any more."""
    found = _text_and_class(cls)
    return "" if found is None else found[0]


def _class_source(cls: type) -> str | None:
    """Return a class's text from the lines that its functions are from: cells of notebooks are known by those alone."""
    found = _text_and_class(cls)
    if found is None:
        return None
    text, node = found
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno])


def _text_and_class(cls: type) -> tuple[str, ast.ClassDef] | None:
    has_functions = False
    for value in vars(cls).values():
        function = inspect.unwrap(getattr(value, "fget", None) or getattr(value, "__func__", value))
        code = getattr(function, "__code__", None)
        if code is None or getattr(function, "__module__", None) != cls.__module__:
            continue
        has_functions |= not code.co_filename.startswith("<attrs")
        # IPython files the cells of a notebook there, each under a name of its own, which the class itself does not
        # know.
        text = "".join(linecache.getlines(code.co_filename))
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        # The top level is enough: a class within a function is refused.
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name == cls.__name__ and _is_around(node, code.co_firstlineno):
                return text, node
    return None if has_functions else _last_cell_with(cls)


def _last_cell_with(cls: type) -> tuple[str, ast.ClassDef] | None:
    """Return the last text without a file that defines a class of this name: one without functions does not know its cell.

    Whether it is the class that runs is compared when it is saved.
    """
    if getattr(sys.modules[cls.__module__], "__file__", None):
        return None
    for entry in reversed([*linecache.cache.values()]):
        # Of files the time is noted, too; lazy entries are files of loaders.
        if len(entry) != 4 or entry[1] is not None:
            continue
        text = "".join(entry[2])
        if f"class {cls.__name__}" not in text:
            continue
        try:
            found = [each for each in ast.parse(text).body if isinstance(each, ast.ClassDef)]
        except SyntaxError:
            continue
        named = [each for each in found if each.name == cls.__name__]
        if named:
            return text, named[-1]
    return None


def _has_text_annotations(thing: object) -> bool:
    """Return whether a function, or one of a class, was compiled with `from __future__ import annotations`."""
    held = vars(thing).values() if isinstance(thing, type) else [thing]
    functions = [function for value in held for function in functions_of(value)]
    return any(
        function.__code__.co_flags & annotations.compiler_flag for function in functions if not is_of_package(function)
    )


def _is_around(node: ast.ClassDef, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)
