"""What to write in place of an annotation that names nothing, or is no type."""

from __future__ import annotations

import builtins
import types
from collections.abc import Iterable

from . import vocabulary
from .errors import named_thing, nearest

_WORDS = {
    "Optional": "`X | None`, as in `int | None`",
    "Option": "`X | None`, as in `int | None`",
    "Maybe": "`X | None`, as in `int | None`",
    "Nullable": "`X | None`, as in `int | None`",
    "Union": "`X | Y`, as in `int | str`",
    "List": "`list[X]`",
    "Dict": "`dict[str, X]`",
    "Tuple": "`tuple[X, Y]`",
    "Set": "`set[X]`",
    "Tensor": "`torch.Tensor` (import torch), or a word of brickwork.state.vocabulary such as Latents",
    "tensor": "`torch.Tensor` (import torch), or a word of brickwork.state.vocabulary such as Latents",
    "array": "`np.ndarray` (import numpy as np)",
    "ndarray": "`np.ndarray` (import numpy as np)",
    "np": "`import numpy as np` at the top of the module",
    "torch": "`import torch` at the top of the module",
    "PIL": "`import PIL.Image` at the top of the module",
    "Image": "`from PIL import Image`, and the type is `Image.Image`",
    "Callable": "`from collections.abc import Callable`",
    "Any": "`from typing import Any`",
    "Literal": "`from typing import Literal`",
    "string": "`str`",
    "text": "`str`",
    "integer": "`int`",
    "number": "`float`",
    "double": "`float`",
    "float32": "`float`, or `torch.Tensor` for a tensor",
    "float16": "`float`, or `torch.Tensor` for a tensor",
    "boolean": "`bool`",
    "null": "`None`",
}
"""What people write, and what is written here."""
_TYPES = [name for name, value in vars(builtins).items() if isinstance(value, type) and name[0].islower()]
_OF_VOCABULARY = [name for name, value in vars(vocabulary).items() if name[0].isupper() and not isinstance(value, type)]


def unknown_name(name: str, known: Iterable[str]) -> str:
    """Say what may be meant by a name in an annotation that is not there.

    Args:
        known: names of the module in which it stands.
    """
    if name in _WORDS:
        return f"Write {_WORDS[name]}."
    if name in _OF_VOCABULARY:
        return f"Write `from brickwork.state.vocabulary import {name}` at the top of the module."
    near = nearest(name, [*_TYPES, "None", *known]) or nearest(name, [*_WORDS, *_OF_VOCABULARY])
    if near is None:
        return "Import it, or correct it."
    return f"Did you mean {near!r}?{f' Write {_WORDS[near]}.' if near in _WORDS else ''}"


def instead_of(thing: object) -> str:
    """Say which type is written in place of an object that was given for one."""
    kinds = [each.__name__ for each in thing if isinstance(each, type)] if isinstance(thing, (list, tuple)) else []
    if isinstance(thing, list):
        return f"list[{kinds[0] if kinds else 'int'}]"
    if isinstance(thing, tuple):
        return " | ".join(kinds) if kinds else "tuple[int, str]"
    if isinstance(thing, dict):
        return "dict[str, int]"
    if isinstance(thing, (types.FunctionType, types.BuiltinFunctionType)):
        return _OF_FUNCTIONS.get(thing.__name__, "Callable, of collections.abc")
    if isinstance(thing, types.ModuleType):
        return f"a class of it, {thing.__name__}.X"
    return "torch.Tensor" if type(thing).__module__ == "torch" else type(thing).__name__


_OF_FUNCTIONS = {
    "any": "Any, of typing",
    "tensor": "torch.Tensor",
    "array": "np.ndarray",
    "callable": "Callable, of collections.abc",
}


def no_type(thing: object) -> str:
    """Say that an object stands for a type, as the end of a sentence that begins with what is annotated."""
    words = f"the function {thing.__name__}" if hasattr(thing, "__name__") and callable(thing) else named_thing(thing)
    return f"is annotated with {words}, which is no type; write {instead_of(thing)}."
