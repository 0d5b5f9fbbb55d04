"""Digests of functions, classes and modules: of their byte code, and of what that refers to, as far as it belongs to no package.

Of code in packages, this one included, the version says what it is, as long as nobody has put something else in its place.
Byte code, because it is what runs: source files may have changed since they were imported. Line numbers, file names and
comments do not count, and nothing in it depends on the process.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import sys
from collections.abc import Iterable
from functools import cached_property
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .classes.class_bodies import InWords, parts_of
from .code_home import PACKAGE, is_library, is_library_file, is_library_function, is_own, is_own_function, is_packaged
from .errors import NoDigestError
from .outside_reads import OF_MODULES, names_of
from .watch import GONE, cell_value
from .written_classes import is_as_written

if TYPE_CHECKING:
    from .digest import DigestWriter

_FLAGS = 0xFFFF
"""Of a code object: what it is. Higher bits say which `from __future__` stood above it, as saved code has one more."""
_FRAMEWORK = "_is_framework_base"
"""Of a class of this package from which others derive theirs: it says nothing of what these compute, and may get another name."""
_CODE = (FunctionType, staticmethod, classmethod, property, cached_property, InWords)
_DERIVED = frozenset({"declaration", "count_parameters", "block_classes", "_has_more"})
"""What blocks derive from their own body, and the blocks in a container, which speak for themselves."""
_PLACES = frozenset({"__name__", "__package__"})
"""Where code lies, for loggers and messages; own code is the same wherever that is."""


def name_of(thing: Any) -> str:
    """Return where a function or class is from; the name of a module. Of somebody's own, whose content follows,
    without the module.

    Own code is the same wherever it lies: in a script, in a module, in a repository that was opened. What is of this package is the
    same whichever of its modules it lies in.
    """
    # By the name: functions of attrs and dataclasses are a library's, and say that they are of the class's module.
    if isinstance(thing, ModuleType):
        return "" if has_contents(thing, is_base=False) else thing.__name__
    # This package's modules are moved and renamed; files and recipes that were saved before name what stays, the
    # class.
    if is_own(thing.__module__):
        return f"{PACKAGE}.{thing.__qualname__}"
    return f"{thing.__module__}.{thing.__qualname__}" if is_library(thing.__module__) else str(thing.__qualname__)


def has_contents(thing: object, is_base: bool) -> bool:
    """Return whether its code counts, and not its name only.

    Of packages, this one included, the version says what they are. Of this one's blocks and functions it counts what is not
    the package's: what somebody has put in the place of a method, values, what a function closes over.
    """
    if isinstance(thing, FunctionType):
        # A decorator's function may be a library's, and what it closes over somebody's own.
        # attrs writes methods anew for every class, with a file name of their own: what they do follows from the
        # fields, which count.
        is_generated = thing.__code__.co_filename.startswith("<attrs generated")
        return not is_generated and (bool(thing.__closure__) or not is_library_function(thing))
    if isinstance(thing, ModuleType):
        return not is_packaged(thing.__name__) and thing.__name__ != "__main__"
    if is_own(thing.__module__):
        return is_base and _FRAMEWORK not in vars(thing)
    return not is_library(thing.__module__)


def add_function(writer: DigestWriter, function: FunctionType) -> None:
    """Feed what a function is: its code, its defaults, and, where it is nobody's library, what it refers to."""
    if is_own_function(function):
        writer.put("own", function.__qualname__.encode())
    else:
        add_code_object(writer, function.__code__)
    # Own code is fed by name, and watched all the same: somebody may put another code object into a function of the
    # package.
    writer.watch.see_function(function)
    for default in function.__defaults__ or ():
        _add_reference(writer, default)
    for name, default in (function.__kwdefaults__ or {}).items():
        writer.put("keyword", name.encode())
        _add_reference(writer, default)
    writer.put("closure")
    is_packaged_code = is_own_function(function) or is_library_function(function)
    for cell in function.__closure__ or ():
        content = cell_value(cell)
        if is_packaged_code and isinstance(content, WeakKeyDictionary):
            continue  # what a library remembers of objects, as `functools.singledispatch` does of classes
        _add_reference(writer, None if content is GONE else content)
    if is_packaged_code:
        return
    for name, value in sorted(vars(function).items()):
        writer.put("attribute", name.encode())
        _add_reference(writer, value)
    _add_names(writer, function)


def _add_names(writer: DigestWriter, function: FunctionType) -> None:
    """Feed what the names in a function's code stand for now, and why nothing says what some of it does."""
    names = names_of(function.__code__)
    writer.unknown += [f"{function.__qualname__}: {reason}" for reason in names.outside]
    for name, attributes in sorted(names.looked_up.items()):
        if name in _PLACES:
            continue
        # As Python looks names up: globals, then builtins; a name that is nowhere is noted too, for it may come.
        value = function.__globals__.get(name, GONE)
        writer.watch.see_name(function.__globals__, name, value)
        if value is GONE:
            value = vars(builtins).get(name, GONE)
            writer.watch.see_name(vars(builtins), name, value)
            if value is GONE:
                continue
        writer.put("global", name.encode())
        # Of a module only what the code asks of it: else a helper that nobody calls would make every block beside it
        # another one.
        if isinstance(value, ModuleType) and attributes is not None:
            reads = {each: OF_MODULES.get((value.__name__, each.partition(".")[0])) for each in attributes}
            writer.unknown += [
                f"{function.__qualname__}: it reads {what} ({name}.{each})" for each, what in reads.items() if what
            ]
            _add_some_of(writer, value, attributes)
        else:
            _add_reference(writer, value)
    for module_name, level, taken in sorted(names.imported):
        _add_import(writer, function, module_name, level, taken)


def _add_some_of(writer: DigestWriter, module: ModuleType, attributes: Iterable[str]) -> None:
    """Feed what code takes out of a module by name, of a package's what is called, which somebody may have replaced."""
    is_own_code = has_contents(module, is_base=False)
    writer.put("module", name_of(module).encode())
    for name in sorted(attributes):
        first, _, rest = name.partition(".")
        value = vars(module).get(first, GONE)
        writer.watch.see_name(vars(module), first, value)
        writer.put("of module", name.encode())
        if value is GONE and is_own_code:
            _add_made_up(writer, module)
        elif isinstance(value, ModuleType) and rest:
            _add_some_of(writer, value, [rest])
        elif is_own_code or isinstance(value, FunctionType):
            _add_reference(writer, value)
        elif callable(value):
            writer.put("of package", f"{type(value).__qualname__} {getattr(value, '__name__', '')}".encode())


def _add_made_up(writer: DigestWriter, module: ModuleType) -> None:
    """Feed what makes up names that a module does not have: its `__getattr__`, or a class of its own."""
    if "__getattr__" in vars(module):
        writer.watch.see_name(vars(module), "__getattr__", vars(module)["__getattr__"])
        _add_reference(writer, vars(module)["__getattr__"])
    if type(module) is not ModuleType:
        _add_reference(writer, type(module))


def _add_import(
    writer: DigestWriter, function: FunctionType, name: str, level: int, taken: tuple[str, ...] = ()
) -> None:
    """Feed a module that a function imports when it runs, which therefore is imported now, if it is nobody's library.

    Args:
        taken: what it takes out of it, where not the module as a whole: a package also holds what others have imported of it.
    """
    try:
        full = importlib.util.resolve_name("." * level + name, function.__globals__.get("__package__") or "")
        if is_packaged(full) or full.partition(".")[0] in sys.builtin_module_names:
            return
        spec = sys.modules.get(full) or importlib.util.find_spec(full)
        if spec is None or is_library_file(str(getattr(spec, "origin", None) or getattr(spec, "__file__", ""))):
            return
        # Now and not when it runs: what it holds is part of what the function does, and a digest that waited for the
        # run would come too late for the cache.
        module = importlib.import_module(full)
        if not taken or "*" in taken:
            _add_reference(writer, module)
            return
        for each in taken:
            if not hasattr(module, each) and hasattr(module, "__path__"):
                importlib.import_module(f"{full}.{each}")
        _add_some_of(writer, module, taken)
    except (ImportError, ValueError) as error:
        writer.unknown.append(f"{function.__qualname__}: it imports {name}, which cannot be looked at ({error})")


def add_module(writer: DigestWriter, module: ModuleType) -> None:
    """Feed a module of somebody's own as a whole, for code that may look anything up in it."""
    writer.watch.places.append(vars(module))
    for name, value in sorted(vars(module).items()):
        # Dunder names hold the path, the loader and the time of import, which no code should go by.
        if not name.startswith("__"):
            writer.put("attribute", name.encode())
            _add_reference(writer, value)


def add_class(writer: DigestWriter, cls: type) -> None:
    """Feed what a class is: its bases, and what its body holds."""
    for base in cls.__bases__:
        if not (is_own(base.__module__) and _FRAMEWORK in vars(base)):
            writer.refer_to(base, is_base=True)
    if type(cls) is not type:
        writer.refer_to(type(cls))
    writer.watch.see_class(cls)
    for name, value in sorted(vars(cls).items()):
        # Dunder methods are code like any other; the rest (`__doc__`, `__module__`) says nothing of what the class
        # does.
        if name not in _DERIVED and (not name.startswith("__") or isinstance(value, _CODE)):
            if is_as_written(cls, name, value, writer.watch):
                continue
            writer.put("attribute", name.encode())
            for part in parts_of(value):
                _add_reference(writer, part)


def add_code_object(writer: DigestWriter, code: CodeType) -> None:
    """Feed byte code."""
    # `co_code` is without the specialisations that the interpreter writes into byte code while it runs (PEP 659).
    writer.put("code", code.co_code)
    writer.add_all("names", [*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars])
    writer.put("counts", f"{code.co_argcount} {code.co_kwonlyargcount} {code.co_flags & _FLAGS}".encode())
    writer.put("handlers", code.co_exceptiontable)
    # Functions inside of functions stand among the constants, as code objects.
    writer.add_all("constants", code.co_consts)


def _add_reference(writer: DigestWriter, value: object) -> None:
    """Feed what code refers to. What has no content is noted: nothing says what the code does with it."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Generator):
        writer.unknown.append("it refers to a torch.Generator, which nothing puts back to where it was")
        return
    # What code refers to is read as code: a logger or a lock there changes no result.
    before, writer.is_code = writer.is_code, True
    try:
        writer.add(value)
    except NoDigestError as error:
        writer.put("unknown", f"{type(value).__module__}.{type(value).__qualname__}".encode())
        writer.unknown.append(f"it refers to something that cannot be compared: {error}")
    finally:
        writer.is_code = before
