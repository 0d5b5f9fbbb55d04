"""What a block could keep from run to run: on itself, on its class, in globals, closures and defaults of its functions."""

from __future__ import annotations

import dis
from collections.abc import Collection, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from ..blocks.core.base import ModularPipelineBlocks
from ..state.code_home import is_own, is_packaged
from .block_runs import content

_OF_FRAMEWORK = frozenset(
    {"declaration", "sub_blocks", "foreign", "parts", "family", "bound_from", "extended_from", "bound_parts"}
)
_BASES_OF_DIFFUSERS = frozenset(
    {"diffusers.modular_pipelines.modular_pipeline", "diffusers.configuration_utils", "diffusers.utils.hub_utils"}
)
_PLAIN = (str, int, float, bool, type(None))


def traces_of(block: ModularPipelineBlocks) -> dict[str, str]:
    """Return what is kept, in words, each with its content now."""
    return {place: content(thing) for place, thing in _places(block)}


def names_in_code(block: Any) -> set[str]:
    """Return all names and texts in the code of a block, of its parts, and of the functions of modules that they call."""
    found: set[str] = set()
    for function in _code_of(block):
        found |= {*_names_in(function.__code__), *_texts_in(function.__code__)}
    return found


def names_in_other_methods(block: Any, without: Collection[str]) -> set[str]:
    """Return the texts in methods of a block but some, as `given.get("width")` has one, and in the functions that they call."""
    met: set[int] = set()
    found: set[str] = set()
    for owner in (block, *getattr(block, "bound_parts", ())):
        for name, thing in [each for cls in type(owner).__mro__ if not _is_core(cls) for each in vars(cls).items()]:
            for function in _functions(thing) if name not in without else ():
                for called in _called_by(function, met):
                    found |= {*_texts_in(called.__code__)}
    return found


def uses_sets(block: Any) -> bool:
    """Return whether code of a block makes sets, whose order is another one in each process."""
    return any(_makes_set(function.__code__) for function in _code_of(block))


def files_of(block: Any) -> set[str]:
    """Return the files in which the code of a block stands."""
    return {function.__code__.co_filename for function in _code_of(block)}


def _makes_set(code: CodeType) -> bool:
    if {"set", "frozenset"} & {*code.co_names}:
        return True
    if any(each.opname in ("BUILD_SET", "SET_ADD", "SET_UPDATE") for each in dis.get_instructions(code)):
        return True
    return any(isinstance(each, CodeType) and _makes_set(each) for each in code.co_consts)


def caches_in_code(block: Any) -> list[Any]:
    """Return the functions with a `functools.cache`, of no library, that the code of a block calls by a global name."""
    found: dict[int, Any] = {}
    for function in _code_of(block):
        called = (function.__globals__.get(name) for name in _names_in(function.__code__))
        found |= {id(each): each for each in called if hasattr(each, "cache_clear") and not _is_installed(each)}
    return list(found.values())


def _is_installed(function: Any) -> bool:
    module = getattr(function, "__module__", None) or ""
    return is_packaged(module) or is_own(module)


def _code_of(block: Any) -> Iterator[FunctionType]:
    met: set[int] = set()
    for owner in (block, *getattr(block, "bound_parts", ())):
        coded = getattr(owner, "foreign", owner)
        for cls in type(coded).__mro__:
            if not _is_core(cls):
                for thing in vars(cls).values():
                    for function in _functions(thing):
                        yield from _called_by(function, met)


def _called_by(function: FunctionType, met: set[int]) -> Iterator[FunctionType]:
    if id(function) in met:
        return
    met.add(id(function))
    yield function
    for name in _names_in(function.__code__):
        for called in _functions(function.__globals__.get(name)):
            if not is_packaged(called.__module__ or ""):
                yield from _called_by(called, met)


def _texts_in(code: CodeType) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _texts_in(constant)
        elif isinstance(constant, str):
            yield constant
        elif isinstance(constant, tuple):
            yield from (each for each in constant if isinstance(each, str))


def _places(block: Any) -> Iterator[tuple[str, Any]]:
    coded = getattr(block, "foreign", block)
    for name, thing in vars(coded).items():
        if name not in _OF_FRAMEWORK and not name.startswith("_"):
            yield f"self.{name}", thing
    met: set[int] = set()
    for cls in type(coded).__mro__:
        if not _is_of_library(cls):
            yield from _of_class(cls, met)


def _is_of_library(cls: type) -> bool:
    return _is_core(cls) or cls.__module__.startswith("diffusers.")


def _is_core(cls: type) -> bool:
    core = __name__.removesuffix("testing.block_traces") + "blocks.core."
    return cls is object or cls.__module__.startswith(core) or cls.__module__ in _BASES_OF_DIFFUSERS


def _of_class(cls: type, met: set[int]) -> Iterator[tuple[str, Any]]:
    for name, thing in vars(cls).items():
        if name.startswith("__") or name in _OF_FRAMEWORK:
            continue
        functions = list(_functions(thing))
        if functions:
            for function in functions:
                yield from _of_function(function, met)
        elif not isinstance(thing, type):
            yield f"the class attribute {cls.__name__}.{name}", thing


def _functions(thing: Any) -> Iterator[FunctionType]:
    parts = [thing, *(getattr(thing, name, None) for name in ("__func__", "fget", "func", "__wrapped__"))]
    yield from (part for part in parts if isinstance(part, FunctionType) and not _is_wrapper(part))


def _is_wrapper(function: FunctionType) -> bool:
    return hasattr(function, "__wrapped__")


def _of_function(function: FunctionType, met: set[int]) -> Iterator[tuple[str, Any]]:
    if id(function) in met:
        return
    met.add(id(function))
    name = function.__qualname__
    for number, default in enumerate([*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]):
        if not isinstance(default, _PLAIN):
            yield f"default {number} of {name}", default
    for free, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            held = cell.cell_contents
        except ValueError:
            continue
        if not isinstance(held, (type, ModuleType)):
            yield from _of_thing(f"{free!r}, which {name} has from outside", held, met)
    for attribute, thing in vars(function).items():
        yield f"the attribute {attribute!r} of {name}", thing
    for word in _names_in(function.__code__):
        if word in function.__globals__:
            yield from _of_thing(f"the global {word}", function.__globals__[word], met)


def _of_thing(place: str, thing: Any, met: set[int]) -> Iterator[tuple[str, Any]]:
    if isinstance(thing, FunctionType):
        if not is_packaged(thing.__module__ or ""):
            yield from _of_function(thing, met)
    elif isinstance(thing, type):
        if not is_packaged(thing.__module__) and id(thing) not in met and not issubclass(thing, ModularPipelineBlocks):
            met.add(id(thing))
            yield from _of_class(thing, met)
    elif not isinstance(thing, ModuleType):
        yield place, thing


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
