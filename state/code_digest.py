"""Digests of functions and classes: of their byte code, and of what that refers to, as far as it belongs to no package.

Of code in packages, this one included, the version says what it is; of its functions that are met, the byte code is added.
Byte code, because it is what runs: source files may have changed since they were imported. Line numbers, file names and
comments do not count, and nothing in it depends on the process.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable
from functools import cache, cached_property, partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .digest import DigestWriter

_PACKAGE = __name__.partition(".")[0]
_CODE = (FunctionType, staticmethod, classmethod, property, cached_property)
_DERIVED = frozenset({"declaration", "count_parameters"})
"""What blocks derive from their own body."""


def name_of(thing: type | FunctionType) -> str:
    """Where a function or class is from."""
    return f"{thing.__module__}.{thing.__qualname__}"


def has_contents(thing: type | FunctionType, is_base: bool) -> bool:
    """Whether its code counts, and not its name only.

    Of packages the version says what they are. Of this one, blocks count, and functions that are met.
    """
    if isinstance(thing, FunctionType):
        return not (is_library(thing.__module__) or thing.__code__.co_filename.startswith("<attrs generated"))
    if is_own(thing.__module__):
        return is_base and "_says_nothing" not in vars(thing)
    return not is_library(thing.__module__)


def add_function(writer: DigestWriter, function: FunctionType) -> None:
    """Feed what a function is: its code, its defaults, and, where it is nobody's library, what it refers to."""
    add_code_object(writer, function.__code__)
    writer.add(function.__defaults__)
    writer.add(function.__kwdefaults__)
    writer.put("closure")
    for cell in function.__closure__ or ():
        content = _cell_value(cell)
        # What a function shares with others may be set anew; `__class__`, for super(), and what a wrapper wraps are not.
        is_kept = isinstance(content, type) or content is getattr(function, "__wrapped__", writer)
        writer.watch.can_tell &= is_kept or is_own(function.__module__)
        _add_reference(writer, content)
    if is_own(function.__module__):
        return
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            writer.watch.see(function.__globals__, name, function.__globals__[name])
            writer.put("global", name.encode())
            _add_reference(writer, function.__globals__[name])


def add_class(writer: DigestWriter, cls: type) -> None:
    """Feed what a class is: its bases, and what its body holds."""
    for base in cls.__bases__:
        writer.refer_to(base, is_base=True)
    watch = None if is_packaged(cls.__module__) else writer.watch
    if watch is not None:
        watch.see_body(vars(cls))
    for name, value in sorted(vars(cls).items()):
        if name not in _DERIVED and (not name.startswith("__") or isinstance(value, _CODE)):
            if watch is not None:
                watch.see(vars(cls), name, value)
            writer.put("attribute", name.encode())
            for part in _parts(value):
                _add_reference(writer, part)


def add_code_object(writer: DigestWriter, code: CodeType) -> None:
    """Feed byte code."""
    writer.put("code", code.co_code)
    writer.add_all("names", [*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars])
    writer.put("counts", f"{code.co_argcount} {code.co_kwonlyargcount} {code.co_flags}".encode())
    writer.put("handlers", code.co_exceptiontable)
    writer.add_all("constants", code.co_consts)


def _cell_value(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _add_reference(writer: DigestWriter, value: Any) -> None:
    """What code refers to. Objects of libraries, such as loggers, count by their type; of others the attributes count, too."""
    from .digest import NoDigestError

    try:
        writer.add(value)
    except NoDigestError:
        cls = type(value)
        writer.put("object", f"{cls.__module__}.{cls.__qualname__}".encode())
        if not is_packaged(cls.__module__) and writer.is_first(value):
            for name, part in sorted(getattr(value, "__dict__", {}).items()):
                writer.put("attribute", name.encode())
                _add_reference(writer, part)


def _names(code: CodeType) -> set[str]:
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)


def _parts(value: Any) -> Iterable[Any]:
    """The functions in what a class body may hold."""
    if isinstance(value, (staticmethod, classmethod)):
        return [type(value).__name__, value.__func__]
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    if isinstance(value, cached_property):
        return [value.func]
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    return [value]


def is_own(module_name: str | None) -> bool:
    """Whether code is part of this package."""
    return (module_name or "").partition(".")[0] == _PACKAGE


def is_packaged(module_name: str | None) -> bool:
    """Whether code is part of this or any other installed package, or of Python."""
    return is_own(module_name) or is_library(module_name)


@cache
def is_library(module_name: str | None) -> bool:
    """Whether code is part of Python or an installed package, for which a version stands; this package is none."""
    top = (module_name or "").partition(".")[0]
    if top == "__main__" or is_own(module_name):
        return False
    if top in sys.stdlib_module_names:
        return True
    file = getattr(sys.modules.get(module_name or ""), "__file__", None)
    return file is not None and Path(file).is_relative_to(sysconfig.get_path("purelib"))
