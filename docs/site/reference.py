"""Reference pages, made of the declarations: what a page says is what runs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
from docstrings import markdown_of
from reference_blocks import block_pages, preset_pages
from reference_commands import command_pages
from reference_values import value_pages
from tables import code, page, section, table

import brickwork
from brickwork.engine import events
from brickwork.engine.settings import RunSettings
from brickwork.guiders import GUIDERS
from brickwork.state import errors
from brickwork.state.types import type_words

ROOT = Path(__file__).parents[2]
_NO_ROOMS = ("benchmarks", "docs", "examples", "tests", "build")
Pages = dict[str, tuple[str, str]]
"""Text and first sentence of a page by its name, as in "guiders/PerturbedAttentionGuidance"."""


def reference_pages() -> Pages:
    """Return all reference pages by path below `reference/`, without their index pages."""
    made: Pages = {}
    made |= {f"blocks/{name}": each for name, each in block_pages()}
    made |= {f"presets/{name}": each for name, each in preset_pages()}
    made |= {f"guiders/{name}": _class_page(name, cls) for name, cls in GUIDERS.items()}
    made |= {f"values/{name}": each for name, each in value_pages()}
    made |= {f"events/{cls.__name__}": _class_page(cls.__name__, cls) for cls in _classes(events, events.Event)}
    made |= {f"errors/{cls.__name__}": _class_page(cls.__name__, cls) for cls in _classes(errors, Exception)}
    made |= {f"settings/{each.name}": _setting_page(each) for each in attrs.fields(RunSettings)}
    made |= {f"commands/{name}": each for name, each in command_pages()}
    known = {name.rpartition("/")[2] for name in made if not name.startswith("commands/")}
    for name in brickwork.__all__:
        if name not in known and not name.startswith("__"):
            made[f"api/{name}"] = _api_page(name, getattr(brickwork, name))
    paged = {id(getattr(brickwork, name)) for name in brickwork.__all__}
    for name, thing in room_names().items():
        if name.rpartition(".")[2] not in known and id(thing) not in paged:
            made[f"rooms/{name}"] = _api_page(name, thing)
    return made


def room_names() -> dict[str, Any]:
    """Return what the packages within `brickwork` export by `__all__`, as in "scale.map"."""
    found = {}
    for each in pkgutil.iter_modules([str(ROOT)], "brickwork."):
        if each.ispkg and each.name.rpartition(".")[2] not in _NO_ROOMS:
            room = importlib.import_module(each.name)
            names = (name for name in getattr(room, "__all__", ()) if not name.startswith("__"))
            found |= {f"{each.name.removeprefix('brickwork.')}.{name}": getattr(room, name) for name in names}
    return found


def _classes(module: Any, base: type) -> Iterator[type]:
    for cls in vars(module).values():
        if isinstance(cls, type) and issubclass(cls, base) and cls.__module__ == module.__name__:
            yield cls


def _class_page(name: str, cls: type) -> tuple[str, str]:
    bases = [base.__name__ for base in cls.__mro__[1:] if base.__name__ in brickwork.__all__]
    fields = attrs.fields(cls) if attrs.has(cls) else ()
    rows = [
        (code(each.name), code(type_words(each.type)), _default(each))
        for each in fields
        if not each.name.startswith("_")
    ]
    parts = [
        markdown_of(cls),
        f"Derived from: {', '.join(map(code, bases))}." if bases else "",
        section("Fields", table(("field", "type", "default"), rows)),
        section("Source", source_of(cls)),
    ]
    return page(name, *parts), first_sentence(cls)


def _default(field: attrs.Attribute[Any]) -> str:
    if field.default is attrs.NOTHING:
        return "required"
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
        return "made anew"
    return code(repr(field.default))


def _setting_page(field: attrs.Attribute[Any]) -> tuple[str, str]:
    meaning = _meanings(RunSettings)[field.name]
    call = f"```python\npipe.configure({field.name}=...)\n```"
    return page(
        field.name, meaning, f"Default: {_default(field)}", call, "A setting of runs, see `RunSettings`."
    ), meaning


def _meanings(cls: type) -> dict[str, str]:
    """Return what a docstring says of each of its attributes."""
    text = markdown_of(cls).partition("**Attributes**")[2].partition("\n\n**")[0]
    found = {}
    for line in text.splitlines():
        if line.startswith("- `"):
            names, _, meaning = line[2:].partition(": ")
            found |= {name.strip("` "): meaning for name in names.split(",")}
    return found


def _api_page(name: str, thing: Any) -> tuple[str, str]:
    if isinstance(thing, int):
        said = (
            "The version of what blocks, guiders and packages are written against; extending.md says what it promises."
        )
        return page(name, f"```python\nbrickwork.{name} == {thing}\n```", said), said
    parts = [markdown_of(thing), section("Methods", _methods(thing)), section("Source", source_of(thing))]
    if callable(thing):
        parts.insert(0, f"```python\nbrickwork.{name}{_signature(thing)}\n```")
    return page(name, *parts), first_sentence(thing)


def _methods(cls: Any) -> str:
    if not isinstance(cls, type):
        return ""
    found = []
    for name in sorted(dir(cls)):
        member = inspect.getattr_static(cls, name)
        owner = next((base for base in cls.__mro__ if name in vars(base)), cls)
        if name.startswith("_") or not owner.__module__.startswith("brickwork."):
            continue
        if isinstance(member, property):
            found.append(f"### `{name}`\n\n{markdown_of(member)}")
        elif callable(getattr(cls, name)):
            found.append(f"### `{name}{_signature(getattr(cls, name))}`\n\n{markdown_of(getattr(cls, name))}")
    return "\n\n".join(found)


def _signature(thing: Callable[..., Any]) -> str:
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return "(...)"
    plain = [_short(each) for each in found.parameters.values() if each.name not in ("self", "cls")]
    return str(found.replace(parameters=plain, return_annotation=inspect.Signature.empty))


def _short(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter without its type, and without a default that is longer than a line can show."""
    long = parameter.default is not inspect.Parameter.empty and len(repr(parameter.default)) > _LONGEST
    kept = _Dots() if long else parameter.default
    return parameter.replace(annotation=inspect.Parameter.empty, default=kept)


class _Dots:
    def __repr__(self) -> str:
        return "..."


_LONGEST = 40
"""Letters of a default."""


def source_of(thing: Any) -> str:
    """Return where something is written, as a link into the repository's file."""
    module = inspect.getmodule(thing)
    if module is None or not module.__name__.startswith("brickwork"):
        return ""
    place = module.__name__.removeprefix("brickwork.").replace(".", "/")
    place = f"{place}/__init__.py" if hasattr(module, "__path__") else f"{place}.py"
    return f"{code(place)}"


def first_sentence(thing: Any) -> str:
    """Return the first line of a docstring."""
    return (inspect.getdoc(thing) or "").partition("\n")[0]
