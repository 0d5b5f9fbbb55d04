"""What a classic pipeline returns, by name: the fields of its output class."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from functools import cache
from typing import Any, Union

from ...state import OutputParam, vocabulary
from .docstrings import argument_words, returned_names
from .hints import classes_in, read_hint

_IMAGES = ("images", "image")


@cache
def outputs_of(cls: type) -> tuple[OutputParam, ...]:
    """Return what a pipeline's class gives; of a class that returns plain values, the names by which its code knows them."""
    found = tuple(_param(each, of) for of in _output_classes(cls) for each in dataclasses.fields(of))
    if found:
        return found
    names = [name for name, _ in _returned(cls)]
    return tuple(OutputParam(name, None, "") for name in dict.fromkeys(names)) or (OutputParam("output", None, ""),)


def _param(each: dataclasses.Field[Any], cls: type) -> OutputParam:
    return OutputParam(each.name, _hint(each, cls), argument_words(cls.__doc__ or "").get(each.name, ""))


def _hint(each: dataclasses.Field[Any], cls: type) -> Any:
    """Return the type of an output. That of images is the vocabulary's, and all may be latents: `output_type` says which they are."""
    import torch

    if each.name in _IMAGES:
        return vocabulary.Images
    hint = read_hint(each.type, cls)
    if hint is None or isinstance(hint, type):
        return None if hint is None or hint is torch.Tensor else hint | None
    return Union[hint, torch.Tensor, None]  # noqa: UP007 - built at run time


def _output_classes(cls: type) -> list[type]:
    """Return the class of what `__call__` returns: as annotated, as made in its code, or as its docstring says; several where it joins their fields."""
    call = inspect.unwrap(_call(cls))
    annotated = list(classes_in(read_hint(inspect.signature(call).return_annotation, call)))
    made = [[_global(cls, name) for name in names] for names in _made_in(cls)]
    told = [_global(cls, name) for name in returned_names(call.__doc__ or "")]
    # What the code makes first: some annotations were copied from another class.
    groups = (*made, *([each] for each in (*annotated, *told)))
    return next(filter(None, ([each for each in group if _holds_outputs(each)] for group in groups)), [])


def _call(cls: Any) -> Any:
    return cls.__call__


def _holds_outputs(cls: Any) -> bool:
    from diffusers.utils import BaseOutput

    return isinstance(cls, type) and issubclass(cls, BaseOutput) and dataclasses.is_dataclass(cls)


def _global(cls: type, name: str) -> Any:
    """Return what a name means where a class's call was written, or, for docstrings that name what is not imported there, in diffusers."""
    from diffusers.pipelines import pipeline_utils

    return inspect.unwrap(_call(cls)).__globals__.get(name, getattr(pipeline_utils, name, None))


@cache
def _tree(cls: type) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(_call(cls)))))


def _made_in(cls: type) -> list[list[str]]:
    """Return the names of the classes that `__call__` makes to return them: of each return the class, and those whose fields it is given."""
    returned = [node.value for node in ast.walk(_tree(cls)) if isinstance(node, ast.Return)]
    calls = [[each, *(given.value for given in each.keywords)] for each in returned if isinstance(each, ast.Call)]
    return [
        [each.func.id for each in call if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)]
        for call in calls
    ]


def _returned(cls: type) -> list[tuple[str, ast.AST]]:
    """Return the names of the plain values that `__call__` returns."""
    found: list[tuple[str, ast.AST]] = []
    for node in ast.walk(_tree(cls)):
        if isinstance(node, ast.Return) and node.value is not None:
            parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            found += [(part.id, part) for part in parts if isinstance(part, ast.Name)]
    return found
